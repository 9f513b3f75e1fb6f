"""What cannot all be true of an item, and what only looks like it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ledger_service.traceability.epcis.contradictions import Fact, judge
from ledger_service.traceability.epcis.things import Deed, Role

BOX, CASE = b"b" * 16, b"c" * 16


def at(hour: int) -> datetime:
    return datetime(2026, 3, 1, tzinfo=UTC) + timedelta(hours=hour)


def facts(*deeds: tuple[Deed, bytes | None]) -> list[Fact]:
    """One fact an hour, numbered as captured."""
    return [Fact(n, at(n), Role.EPC, deed, parent) for n, (deed, parent) in enumerate(deeds)]


def plain(*deeds: Deed) -> list[Fact]:
    return facts(*((deed, None) for deed in deeds))


CASES: list[tuple[list[Fact], list[tuple[str, int]]]] = [
    (plain(Deed.COMMISSION, Deed.NONE, Deed.SELL), []),
    (plain(Deed.NONE, Deed.SELL), []),
    (plain(Deed.NONE, Deed.COMMISSION), [("before-commissioning", 0)]),
    (plain(Deed.COMMISSION, Deed.COMMISSION), [("commissioned-twice", 1)]),
    (plain(Deed.SELL, Deed.SELL, Deed.SELL), [("sold-twice", 1), ("sold-twice", 2)]),
    (plain(Deed.SELL, Deed.TAKE_BACK, Deed.SELL), []),
    (plain(Deed.COMMISSION, Deed.END, Deed.NONE), [("after-end", 2)]),
    (facts((Deed.PACK, BOX), (Deed.UNPACK, BOX), (Deed.PACK, CASE)), []),
    (facts((Deed.PACK, BOX), (Deed.PACK, CASE)), [("two-parents", 1)]),
    (facts((Deed.PACK, BOX), (Deed.UNPACK, CASE), (Deed.PACK, CASE)), [("two-parents", 2)]),
    (facts((Deed.PACK, BOX), (Deed.PACK, BOX)), []),
]


@pytest.mark.parametrize(("told", "found"), CASES)
def test_contradictions_name_the_event_that_does_not_fit(
    told: list[Fact], found: list[tuple[str, int]]
) -> None:
    assert [(one.code, one.event_seq) for one in judge(told, {})] == found
    # In whatever order they were captured, it is time that counts.
    assert {(one.code, one.event_seq) for one in judge(told[::-1], {})} == set(found)


def test_a_parent_that_was_emptied_as_a_whole_holds_nothing_any_more() -> None:
    told = facts((Deed.PACK, BOX), (Deed.NONE, None), (Deed.PACK, CASE))
    assert judge(told, {BOX: [at(1)]}) == []
    assert [one.code for one in judge(told, {BOX: [at(3)]})] == ["two-parents"]


def test_what_was_declared_wrong_contradicts_nothing() -> None:
    told = [*plain(Deed.SELL, Deed.SELL), Fact(9, at(1), Role.EPC, Deed.SELL, None, voids=1)]
    assert judge(told, {}) == []


def test_the_output_of_a_transformation_is_not_there_before_it() -> None:
    told = [Fact(0, at(0), Role.EPC, Deed.SELL), Fact(1, at(1), Role.OUTPUT)]
    assert [one.code for one in judge(told, {})] == ["before-commissioning"]
