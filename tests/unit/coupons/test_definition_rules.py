"""Groups that contradict each other across definitions, and the law over what somebody paid for."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from ledger_service.coupons.definitions.law import (
    JURISDICTIONS,
    cash_out_minor,
    ends,
    most_minor,
    profile_on,
    refusal_of,
)
from ledger_service.coupons.definitions.stacking import contradiction
from ledger_service.coupons.terms import values as v
from ledger_service.coupons.terms.checks import faults

OWNER, OTHER, DAY = 9506000000013, 9506000000020, date(2026, 6, 1)
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
    assert refusal_of(replace(CARD, **change), place, guarantee, DAY) == rule  # type: ignore[arg-type]


@pytest.mark.parametrize("place", JURISDICTIONS)
def test_what_nobody_paid_for_may_end_anywhere(place: str) -> None:
    free = v.Terms(
        2, 1, OWNER, "USD", v.AmountOff(100), (v.Share(OWNER, 10_000),), window=v.Window(ends_at=NEW_YEAR)
    )
    assert refusal_of(free, place, None, DAY) is None


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
    profile = profile_on(place, DAY)
    assert (0 if profile is None else cash_out_minor(profile, currency, rest)) == cash


def test_the_law_is_that_of_the_day_and_of_whether_the_holder_is_known() -> None:
    california = [profile_on("US-CA", day) for day in (date(2026, 3, 31), date(2026, 4, 1))]
    assert [cash_out_minor(p, "USD", 1_200) for p in california if p is not None] == [0, 1_200]
    china, hong_kong = profile_on("CN", DAY), profile_on("HK", DAY)
    assert china is not None and hong_kong is not None
    assert (ends(china, named=True), ends(china, named=False)) == (False, True)
    assert [most_minor(china, "CNY", named=named) for named in (True, False)] == [500_000, 100_000]
    assert most_minor(hong_kong, "HKD", named=False) is None and ends(hong_kong, named=True)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"scope": v.Scope(merchants=frozenset({OWNER, OTHER}))}, "kind"),
        ({"scope": v.Scope(least_minor=5)}, "kind"),
        ({"funders": (v.Share(OTHER, 10_000),)}, "kind"),
        ({"window": v.Window(weekdays=frozenset({1}))}, "kind"),
        ({"scope": v.Scope(merchants=frozenset({OWNER})), "window": v.Window(days_after_claim=9)}, None),
    ],
)
def test_a_card_binds_its_issuer_alone_and_pays_for_everything(
    change: dict[str, object], field: str | None
) -> None:
    found = faults(replace(CARD, **change))  # type: ignore[arg-type]
    assert [where for where, _ in found] == ([] if field is None else [field])
