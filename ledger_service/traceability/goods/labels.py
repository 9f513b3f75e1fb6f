"""Label sheets of items: A4, three by seven, the outer code as a QR code and the PIN where its cover goes."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Iterable, Sequence
from typing import Any, BinaryIO

import qrcode
from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas

from ledger_service.kernel.csv_cells import text_row
from ledger_service.traceability.goods.printing import COLUMNS, Line

MEDIA_TYPES = {"pdf": "application/pdf", "csv": "text/csv", "zip": "application/zip"}
FORMATS = tuple(MEDIA_TYPES)
# Over HTTP; `alliance items labels` writes whole batches.
MOST_AT_ONCE = 500
ANY_HOST = "https://id.gs1.org"
_ACROSS, _DOWN = 3, 7
_EDGE, _QR, _PAD = 10 * mm, 26 * mm, 3 * mm
_COVER = (24 * mm, 7 * mm)
_TEXT, _SMALL, _PIN = 7, 5.5, 10
_DARK = re.compile("#+")
# The zip format has no instant before it: the same batch gives the same bytes.
_STAMP = (1980, 1, 1, 0, 0, 0)


def write(file: BinaryIO, form: str, lines: Sequence[Line], title: str) -> None:
    """The labels as one of ``FORMATS``; the same lines give the same bytes."""
    if form == "pdf":
        write_pdf(file, lines, title)
    elif form == "csv":
        file.write(_csv(lines))
    else:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            sheets = io.BytesIO()
            write_pdf(sheets, lines, title)
            for name, content in (("items.csv", _csv(lines)), ("labels.pdf", sheets.getvalue())):
                archive.writestr(zipfile.ZipInfo(name, _STAMP), content)


def write_pdf(file: BinaryIO, lines: Iterable[Line], title: str) -> int:
    """The labels on sheets, in order; returns how many."""
    canvas = Canvas(file, pagesize=A4, pageCompression=1, invariant=1)
    canvas.setTitle(title)
    width, height = (A4[0] - 2 * _EDGE) / _ACROSS, (A4[1] - 2 * _EDGE) / _DOWN
    count = 0
    for place, line in enumerate(lines):
        page, here = divmod(place, _ACROSS * _DOWN)
        if page and not here:
            canvas.showPage()
        row, column = divmod(here, _ACROSS)
        _label(canvas, (_EDGE + column * width, A4[1] - _EDGE - (row + 1) * height), line, title)
        count = place + 1
    canvas.save()
    return count


def _label(canvas: Any, corner: tuple[float, float], line: Line, title: str) -> None:
    left, bottom = corner
    _, code, serial, pin = line
    _qr(canvas, (left + _PAD, bottom + _PAD), code)
    beside = left + _QR + 2 * _PAD
    canvas.setFont("Helvetica", _SMALL)
    canvas.drawString(beside, bottom + _QR, title)
    canvas.setFont("Courier-Bold", _TEXT)
    canvas.drawString(beside, bottom + _QR - 4 * mm, serial)
    # The frame is where the scratch-off cover goes.
    canvas.rect(beside, bottom + _PAD, *_COVER)
    canvas.setFont("Courier-Bold", _PIN)
    canvas.drawString(beside + 1.5 * mm, bottom + _PAD + 2 * mm, f"{pin[:4]} {pin[4:]}")
    canvas.setFont("Helvetica", _SMALL)
    canvas.drawString(beside, bottom + _PAD + _COVER[1] + 1 * mm, "PIN")


def _qr(canvas: Any, corner: tuple[float, float], text: str) -> None:
    # Of capitals alone a code of ours fits version 3 at level M; one mask for all, since a label prints well
    # under any and choosing takes eight times as long.
    made = qrcode.QRCode(error_correction=qrcode.constants.ERROR_CORRECT_M, border=0, mask_pattern=3)
    made.add_data(text)
    made.make(fit=True)
    canvas.addLiteral(_drawn(made.modules, corner))


def _drawn(modules: Sequence[Sequence[bool | None]], corner: tuple[float, float]) -> str:
    """The dark modules as one path, a rectangle for each run of a row.

    Its numbers are whole ones under one matrix: formatting some 250 rectangles in points would take longer
    than making the code.
    """
    side, (left, bottom) = _QR / len(modules), corner
    runs = " ".join(
        f"{run.start()} {y} {run.end() - run.start()} 1 re"
        for y, row in enumerate(reversed(modules))
        for run in _DARK.finditer("".join("#" if dark else " " for dark in row))
    )
    return f"q {side:.5f} 0 0 {side:.5f} {left:.3f} {bottom:.3f} cm {runs} f Q"


def _csv(lines: Sequence[Line]) -> bytes:
    text = io.StringIO(newline="")
    out = csv.writer(text)
    out.writerow(COLUMNS)
    out.writerows(text_row(line) for line in lines)
    return text.getvalue().encode()
