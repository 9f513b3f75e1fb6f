"""Names that a spreadsheet would compute, and figures that it may."""

from __future__ import annotations

import csv

import pytest

from ledger_service.kernel.csv_cells import text_cell, text_row
from ledger_service.settlement.papers.owned import Owned, OwnedKey, owned_csv


@pytest.mark.parametrize("text", ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "\n=1",
                                  "＝1+1", "＋1", "－1+2", "＠x", "-", "-1-1"])  # fmt: skip
def test_what_a_spreadsheet_computes_is_text(text: str) -> None:
    assert text_cell(text) == "'" + text


@pytest.mark.parametrize("cell", ["", "全聯", "O'Hara", "a=b", "-5", "+886", "-1.50", -5, 0, None, "0x12"])
def test_names_and_numbers_stay(cell: object) -> None:
    assert text_row([cell]) == [cell]


def test_an_owner_called_like_a_formula_is_a_name_in_its_merchant_s_paper() -> None:
    owned = {OwnedKey("ab", 9501101530003, 1, False): Owned(1, 500, 5)}
    text = owned_csv(9501101530010, owned, {"ab": ('=HYPERLINK("http://x")', "-1+1")}).decode()
    row = list(csv.reader(text.splitlines()))[1]
    assert row[1:3] == ['\'=HYPERLINK("http://x")', "'-1+1"]
    assert row[-3:] == ["500", "5", "495"]
