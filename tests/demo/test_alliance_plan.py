"""The plan of the alliance: identifiers, calendars and departments."""

from __future__ import annotations

import pytest

from ledger_service.demo.alliance_plan import MERCHANTS, PROGRAMMES, UNASSIGNED, merchant_of_department
from ledger_service.kernel.gs1 import is_key


def test_there_are_at_least_eight_rivals_with_a_programme_each() -> None:
    assert len(PROGRAMMES) >= 8
    assert len({m.gln for m in MERCHANTS}) == len(MERCHANTS)


def test_every_merchant_and_store_has_its_own_valid_gln() -> None:
    glns = [m.gln for m in MERCHANTS] + [m.store_gln(s) for m in MERCHANTS for s in (1, 330, 34280)]
    assert all(is_key(gln, 13) and gln.startswith("952") for gln in glns)
    assert len(set(glns)) == len(glns)


def test_a_store_number_keeps_its_gln() -> None:
    assert MERCHANTS[0].store_gln(330) == MERCHANTS[0].store_gln(330)
    assert MERCHANTS[0].store_gln(330) != MERCHANTS[1].store_gln(330)


def test_a_line_without_a_product_row_is_unassigned_and_an_unknown_department_stops_the_conversion() -> None:
    assert merchant_of_department(None) is UNASSIGNED
    with pytest.raises(KeyError):
        merchant_of_department("A NEW DEPARTMENT")
