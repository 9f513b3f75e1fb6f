import io
import re

import numpy
import zxingcpp
from pypdf import PdfReader

from ledger_service.traceability.goods import labels

LINES = [
    (n, f"HTTPS://ID.GS1.ORG/01/09506000134352/21/{n:06d}ABCDEF", f"{n:06d}ABCDEF", f"{n:08d}")
    for n in range(22)
]
_CODE = re.compile(r"q (\S+) 0 0 \1 (\S+) (\S+) cm ((?:\d+ \d+ \d+ 1 re ?)+) f Q")
_RUN = re.compile(r"(\d+) (\d+) (\d+) 1 re")


def pictured(runs: str) -> numpy.ndarray:
    """The code as a scanner sees it, four modules of quiet around and eight points to each."""
    picture = numpy.full((37, 37), 255, numpy.uint8)
    for x, y, width in (map(int, found) for found in _RUN.findall(runs)):
        picture[32 - y, 4 + x : 4 + x + width] = 0
    return picture.repeat(8, 0).repeat(8, 1)


def test_each_label_has_its_own_code_in_its_place_and_the_sheet_is_the_same_when_printed_again() -> None:
    file, again = io.BytesIO(), io.BytesIO()
    assert labels.write_pdf(file, LINES, "Tea L1") == 22
    labels.write_pdf(again, LINES, "Tea L1")
    assert file.getvalue() == again.getvalue()
    pages = [page.get_contents().get_data().decode() for page in PdfReader(file).pages]
    found = [_CODE.findall(page) for page in pages]
    assert [len(some) for some in found] == [21, 1]
    read = [zxingcpp.read_barcode(pictured(runs)).text for some in found for *_, runs in some]
    assert read == [line[1] for line in LINES]
    places = {(left, bottom) for _, left, bottom, _ in found[0]}
    assert len(places) == 21
    assert all(abs(29 * float(side) - 26 * 72 / 25.4) < 0.01 for side, *_ in found[0])
