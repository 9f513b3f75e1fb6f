"""A till's scanner: reads a QR code off a picture of a screen."""

from __future__ import annotations

import io

import zxingcpp
from PIL import Image


def qr_of(screenshot: bytes) -> str:
    """The text of the one QR code on a screenshot (PNG)."""
    with Image.open(io.BytesIO(screenshot)) as picture:
        found = zxingcpp.read_barcodes(picture.convert("RGB"), formats=zxingcpp.BarcodeFormat.QRCode)
    assert len(found) == 1, f"{len(found)} QR codes on the picture"
    return str(found[0].text)
