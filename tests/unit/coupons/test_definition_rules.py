"""Groups that contradict each other across definitions, and the law over what somebody paid for."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from ledger_service.coupons.definitions.law import JURISDICTIONS, cash_out_minor, refusal_of
from ledger_service.coupons.definitions.stacking import contradiction
from ledger_service.coupons.terms import values as v

OWNER = 9506000000013
CARD = v.Terms(
    1, 1, OWNER, "USD", v.StoredValue(10_000), (v.Share(OWNER, 10_000),), kind=v.InstrumentKind.PAID
)
NEW_YEAR = datetime(2030, 1, 1, tzinfo=UTC)


def stacking(group: str, *combines: str, **more: object) -> v.Stacking:
    return v.Stacking(group, combines_with=frozenset(combines), **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("mine", "other", "group"),
    [
        (stacking("a"), stacking("b"), None),
        (stacking("a", "b"), stacking("b"), None),
        (stacking("a", "b"), stacking("b", "a"), None),
        (stacking("a", "b"), stacking("b", "c"), "b"),
        (stacking("b", "c"), stacking("a", "b"), "b"),
        (stacking("a", "b"), stacking("b", excludes=frozenset("a")), "b"),
        (stacking("a", "b"), stacking("b", exclusive=True), "b"),
        (stacking("a", exclusive=True), stacking("b", "a"), "a"),
        # Nobody named anybody: that they cannot stand together is no contradiction.
        (stacking("a", excludes=frozenset("b")), stacking("b"), None),
        (stacking("a", exclusive=True), stacking("b"), None),
        (stacking("", "b"), stacking("b", "c"), "b"),
        (stacking("a", "a"), stacking("a"), None),
    ],
)
def test_a_group_that_is_named_allows_it_back(mine: v.Stacking, other: v.Stacking, group: str | None) -> None:
    assert contradiction(mine, [(7, other)]) == (None if group is None else (7, group))


def test_a_circle_of_wishes_is_refused_at_its_second_definition() -> None:
    first, second, third = stacking("a", "b"), stacking("b", "c"), stacking("c", "a")
    assert contradiction(first, []) is None
    assert contradiction(second, [(1, first)]) == (1, "b")
    assert contradiction(third, [(1, first)]) == (1, "a")


@pytest.mark.parametrize(
    ("place", "change", "guarantee", "rule"),
    [
        ("none", {}, None, "no-profile"),
        ("US", {}, None, None),
        ("US", {"window": v.Window(days_after_claim=1_826)}, None, "too-short"),
        ("US", {"window": v.Window(days_after_claim=1_827)}, None, None),
        ("US", {"window": v.Window(ends_at=NEW_YEAR)}, None, "too-short"),
        ("US-CA", {"window": v.Window(days_after_claim=3_000)}, None, "expiry-banned"),
        ("CA-ON", {"window": v.Window(ends_at=NEW_YEAR)}, None, "expiry-banned"),
        ("CA-QC", {}, None, None),
        ("TW", {}, None, "guarantee"),
        ("TW", {}, "First Bank, for a year", None),
        ("TW", {"window": v.Window(days_after_claim=3_000)}, "First Bank", "expiry-banned"),
        ("CN", {"currency": "CNY", "benefit": v.StoredValue(500_000)}, "Bank", None),
        ("CN", {"currency": "CNY", "benefit": v.StoredValue(500_001)}, "Bank", "card-cap"),
        ("CN", {"currency": "CNY"}, None, "guarantee"),
        # A ticket ends with its event.
        ("US-CA", {"benefit": v.Ticket("Ball", NEW_YEAR), "window": v.Window(ends_at=NEW_YEAR)}, None, None),
    ],
)
def test_the_law_of_what_was_paid_for(
    place: str, change: dict[str, object], guarantee: str | None, rule: str | None
) -> None:
    assert refusal_of(replace(CARD, **change), place, guarantee) == rule  # type: ignore[arg-type]


@pytest.mark.parametrize("place", JURISDICTIONS)
def test_what_nobody_paid_for_may_end_anywhere(place: str) -> None:
    free = v.Terms(
        2, 1, OWNER, "USD", v.AmountOff(100), (v.Share(OWNER, 10_000),), window=v.Window(ends_at=NEW_YEAR)
    )
    assert refusal_of(free, place, None) is None


@pytest.mark.parametrize(
    ("place", "currency", "rest", "cash"),
    [
        ("US-CA", "USD", 1_499, 1_499),
        ("US-CA", "USD", 1_500, 0),
        ("US-CA", "CAD", 100, 0),
        ("US-CA", "USD", 0, 0),
        ("CA-QC", "CAD", 500, 500),
        ("CA-QC", "CAD", 501, 0),
        ("US", "USD", 1, 0),
        ("none", "USD", 1, 0),
    ],
)
def test_a_small_rest_is_paid_out_where_the_law_says_so(
    place: str, currency: str, rest: int, cash: int
) -> None:
    assert cash_out_minor(place, currency, rest) == cash
