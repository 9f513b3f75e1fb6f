"""Pay codes as pictures: QR in SVG and PNG, and Code 128 for tills that read bars."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO

import barcode
import qrcode
from PIL import Image
from qrcode.util import MODE_8BIT_BYTE, MODE_ALPHA_NUM, MODE_NUMBER, QRData

_QUIET_MODULES = 4
_PAY_CODE = frozenset("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:")
_QUIET_BARS = 10
_BAR_HEIGHT = 40
_PNG_SCALE = 6


def qr_matrix(text: str) -> list[list[bool]]:
    """The modules of a QR code at level M with its quiet zone, dark ones true.

    Args:
        text: a pay code (45-character alphabet), digits, or any other text, such as a link; a pay code takes
            version 7.
    """
    mode = MODE_NUMBER if text.isascii() and text.isdigit() else MODE_ALPHA_NUM
    if not _PAY_CODE.issuperset(text):
        mode = MODE_8BIT_BYTE
    code = qrcode.QRCode(error_correction=qrcode.constants.ERROR_CORRECT_M, border=_QUIET_MODULES)
    code.add_data(QRData(text.encode(), mode=mode), optimize=0)
    code.make(fit=True)
    return [[bool(module) for module in row] for row in code.get_matrix()]


def code128_bars(digits: str) -> list[bool]:
    """The bars of a Code 128 with its quiet zones, dark ones true; digits go two to a symbol (set C)."""
    pattern: str = barcode.get("code128", digits).build()[0]
    quiet = [False] * _QUIET_BARS
    return [*quiet, *(bar == "1" for bar in pattern), *quiet]


def qr_svg(text: str) -> str:
    """The QR code as a standalone SVG document."""
    return _svg(qr_matrix(text), row_height=1)


def qr_png(text: str) -> bytes:
    """The QR code as a black and white PNG, 6 pixels a module."""
    return _png(qr_matrix(text), row_height=1)


def code128_svg(digits: str) -> str:
    """The Code 128 as a standalone SVG document."""
    return _svg([code128_bars(digits)], row_height=_BAR_HEIGHT)


def code128_png(digits: str) -> bytes:
    """The Code 128 as a black and white PNG."""
    return _png([code128_bars(digits)], row_height=_BAR_HEIGHT)


def _svg(rows: Sequence[Sequence[bool]], row_height: int) -> str:
    width, height = len(rows[0]), len(rows) * row_height
    runs = "".join(
        f"M{start} {y * row_height}h{length}v{row_height}h-{length}z"
        for y, row in enumerate(rows)
        for start, length in _dark_runs(row)
    )
    box = f'viewBox="0 0 {width} {height}" shape-rendering="crispEdges"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {box}>'
        f'<path fill="#fff" d="M0 0h{width}v{height}H0z"/><path d="{runs}"/></svg>'
    )


def _dark_runs(row: Sequence[bool]) -> list[tuple[int, int]]:
    runs: list[tuple[int, int]] = []
    for x, dark in enumerate(row):
        if dark and runs and sum(runs[-1]) == x:
            runs[-1] = (runs[-1][0], runs[-1][1] + 1)
        elif dark:
            runs.append((x, 1))
    return runs


def _png(rows: Sequence[Sequence[bool]], row_height: int) -> bytes:
    plain = Image.new("1", (len(rows[0]), len(rows)), 1)
    plain.putdata([0 if dark else 1 for row in rows for dark in row])
    size = (plain.width * _PNG_SCALE, plain.height * row_height * _PNG_SCALE)
    out = BytesIO()
    plain.resize(size, Image.Resampling.NEAREST).save(out, "PNG", optimize=True)
    return out.getvalue()
