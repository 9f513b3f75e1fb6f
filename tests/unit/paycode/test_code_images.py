"""Pictures of pay codes: the right size, well-formed, the same modules in both forms."""

from __future__ import annotations

from io import BytesIO
from xml.etree import ElementTree as ET

from PIL import Image

from ledger_service.members.code_images import (
    code128_bars,
    code128_png,
    code128_svg,
    qr_matrix,
    qr_png,
    qr_svg,
)
from tests.unit.paycode.sample import TEXT

DIGITS = "711234567812345675"


def test_the_svg_of_a_qr_code_is_well_formed_and_square() -> None:
    root = ET.fromstring(qr_svg(TEXT))
    assert root.attrib["viewBox"] == "0 0 53 53"


def test_the_png_of_a_qr_code_shows_its_modules_and_a_quiet_zone() -> None:
    image = Image.open(BytesIO(qr_png(TEXT))).convert("1")
    matrix = qr_matrix(TEXT)
    assert image.size == (53 * 6, 53 * 6)
    seen = [[image.getpixel((x * 6 + 3, y * 6 + 3)) == 0 for x in range(53)] for y in range(53)]
    assert seen == matrix
    assert not any(matrix[0]) and not any(row[0] for row in matrix)


def test_eighteen_digits_fit_the_smallest_qr_code() -> None:
    assert len(qr_matrix(DIGITS)) == 21 + 8


def test_eighteen_digits_take_nine_symbols_of_code_128_set_c() -> None:
    bars = code128_bars(DIGITS)
    # start, 9 data, check: 11 modules each; stop: 13; quiet zones: 10 each.
    assert len(bars) == 11 * 11 + 13 + 20
    assert "".join("1" if bar else "0" for bar in bars[10:21]) == "11010011100"


def test_the_pictures_of_a_code_128_have_one_column_a_module() -> None:
    width = len(code128_bars(DIGITS))
    assert ET.fromstring(code128_svg(DIGITS)).attrib["viewBox"] == f"0 0 {width} 40"
    assert Image.open(BytesIO(code128_png(DIGITS))).size == (width * 6, 240)
