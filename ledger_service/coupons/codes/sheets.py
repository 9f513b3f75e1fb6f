"""Sheets of codes to print and cut: A4, three by eight, each with a QR code of the bare code."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, BinaryIO

from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from sqlalchemy import RowMapping

from ledger_service.coupons.codes.errors import CodeListNotReady
from ledger_service.coupons.codes.rules import serial_text
from ledger_service.members.code_images import qr_matrix

COLUMNS, ROWS = 3, 8
# Each takes some 10 ms and 3 KB, and a printer of more wants the file of codes.
MOST_ON_SHEETS = 5_000
_EDGE, _QR, _PAD = 10 * mm, 24 * mm, 3 * mm
_CODE_SIZE, _SMALL = 7.5, 6


def write_pdf(file: BinaryIO, listed: RowMapping, codes: Iterable[str]) -> None:
    """The codes of a list on sheets; the same list gives the same bytes.

    Raises:
        CodeListNotReady: too-long, more than 5,000 codes.
    """
    if listed["size"] > MOST_ON_SHEETS:
        raise CodeListNotReady("too-long")
    canvas = Canvas(file, pagesize=A4, pageCompression=1, invariant=1)
    canvas.setTitle(listed["name"])
    width, height = (A4[0] - 2 * _EDGE) / COLUMNS, (A4[1] - 2 * _EDGE) / ROWS
    for position, code in enumerate(codes):
        page, place = divmod(position, COLUMNS * ROWS)
        if page and not place:
            canvas.showPage()
        row, column = divmod(place, COLUMNS)
        corner = (_EDGE + column * width, A4[1] - _EDGE - (row + 1) * height)
        _label(canvas, corner, code, f"{listed['gcn']:013d} {serial_text(listed['first'] + position)}")
    canvas.save()


def _label(canvas: Any, corner: tuple[float, float], code: str, gcn: str) -> None:
    left, bottom = corner
    _qr(canvas, (left + _PAD, bottom + _PAD), code.replace("-", ""))
    beside = left + _QR + _PAD
    canvas.setFont("Courier-Bold", _CODE_SIZE)
    for line, part in enumerate(_lines(code)):
        canvas.drawString(beside, bottom + _QR - line * _CODE_SIZE * 1.4, part)
    canvas.setFont("Helvetica", _SMALL)
    canvas.drawString(left + _PAD, bottom + 1 * mm, f"(255) {gcn}")


def _qr(canvas: Any, corner: tuple[float, float], text: str) -> None:
    matrix = qr_matrix(text)
    left, bottom = corner
    module = _QR / len(matrix)
    path = canvas.beginPath()
    for y, row in enumerate(reversed(matrix)):
        x = 0
        while x < len(row):
            run = next((i for i in range(x, len(row)) if not row[i]), len(row)) - x
            if run:
                path.rect(left + x * module, bottom + y * module, run * module, module)
            x += run or 1
    canvas.drawPath(path, stroke=0, fill=1)


def _lines(code: str) -> list[str]:
    """The code in lines of its groups, at most twelve characters wide where its hyphens allow."""
    lines = [""]
    for group in code.split("-"):
        longer = f"{lines[-1]}-{group}" if lines[-1] else group
        if len(longer) > 12 and lines[-1]:
            lines.append(group)
        else:
            lines[-1] = longer
    return lines
