"""Terms as canonical JSON and back, what they may not say, and windows over clock changes and leap days."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ledger_service.coupons.terms import values as v
from ledger_service.coupons.terms.checks import faults
from ledger_service.coupons.terms.text import terms_hash, terms_json, terms_of
from ledger_service.coupons.terms.windows import Outside, expires_at, outside
from ledger_service.kernel.errors import MalformedField

OWNER = 9506000000013
FRIDAY_NIGHT = v.Window(minutes=(1_320, 120), weekdays=frozenset({5}))
PLAIN = v.Terms(1, 1, OWNER, "USD", v.PercentOff(1_000), (v.Share(OWNER, 10_000),))
RICH = replace(
    PLAIN,
    benefit=v.Tiered((v.Step(5_000, off_minor=500), v.Step(10_000, off_bps=1_500))),
    funders=(v.Share(OWNER, 6_000), v.Share(9506000000020, 4_000)),
    scope=v.Scope(
        of=v.Goods(brands=frozenset({"名店"}), lists=frozenset({4})),
        on=v.Goods(departments=frozenset({"DAIRY", "茶"})),
        merchants=frozenset({OWNER, 9506000000020}), least_minor=100, first_purchase=True,
        segments=frozenset({"GOLD", "9506000000020/VIP"}),
    ),
    window=v.Window(
        datetime(2026, 1, 1, tzinfo=UTC), None, "Asia/Taipei", frozenset({1, 7}), (1_320, 120), 30
    ),
    stacking=v.Stacking("a", most_per_group=1, combines_with=frozenset({"b"}), excludes=frozenset({"c"})),
    limits=v.Limits(2, per_member_week=1, budget_value_minor=5),
    on_return=v.OnReturn.GIVE_BACK,
    gift=v.GiftRule.ONCE,
)  # fmt: skip
BENEFITS = [
    v.PercentOff(500, 100), v.AmountOff(100), v.FixedPrice(99), v.FreeItem(1), v.BuyGet(2, 1), v.Shipping(),
    v.Parking(120), v.Gift("MUG"), v.Reward(10_000, 30, 500),
]  # fmt: skip


@pytest.mark.parametrize("terms", [PLAIN, RICH, *(replace(PLAIN, benefit=one) for one in BENEFITS)])
def test_terms_are_the_same_after_their_text(terms: v.Terms) -> None:
    assert faults(terms) == []
    again = terms_of(json.loads(terms_json(terms)))
    assert again == terms
    assert terms_hash(again) == terms_hash(terms)


def test_what_holds_by_default_is_not_in_the_text() -> None:
    assert json.loads(terms_json(PLAIN)) == {
        "benefit": {"bps": 1_000, "type": "PercentOff"}, "currency": "USD", "definition": 1,
        "funders": [{"bps": 10_000, "party": OWNER}], "merchant": OWNER, "version": 1,
    }  # fmt: skip
    assert len({terms_hash(one) for one in (PLAIN, RICH, replace(PLAIN, version=2))}) == 3


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"benefit": {"type": "Gold"}}, "terms.benefit.type"),
        ({"benefit": {"type": "AmountOff"}}, "terms.benefit.minor"),
        ({"benefit": {"type": "AmountOff", "minor": 1.5}}, "terms.benefit.minor"),
        ({"benefit": {"type": "AmountOff", "minor": True}}, "terms.benefit.minor"),
        ({"benefit": []}, "terms.benefit.type"),
        ({"benefit": {"type": []}}, "terms.benefit.type"),
        ({"benefit": {"type": {}}}, "terms.benefit.type"),
        ({"gift": []}, "terms.gift"),
        ({"gift": {}}, "terms.gift"),
        ({"scope": {"of": {"lists": [2**53]}}}, "terms.scope.of.lists[0]"),
        ({"limits": {"budget_count": 2**64}}, "terms.limits.budget_count"),
        ({"funders": {}}, "terms.funders"),
        ({"funders": [{"party": 1, "bps": 1, "x": 1}]}, "terms.funders[0].x"),
        ({"scope": {"stores": [1, 1]}}, "terms.scope.stores"),
        ({"scope": {"of": {"skus": [""]}}}, "terms.scope.of.skus[0]"),
        ({"window": {"minutes": [1]}}, "terms.window.minutes"),
        ({"window": {"starts_at": "yesterday"}}, "terms.window.starts_at"),
        ({"gift": "often"}, "terms.gift"),
        ({"price": 1}, "terms.price"),
        ({"currency": None}, "terms.currency"),
    ],
)
def test_text_that_is_no_terms_is_refused_by_name(change: dict[str, Any], field: str) -> None:
    with pytest.raises(MalformedField) as refused:
        terms_of({**json.loads(terms_json(PLAIN)), **change})
    assert refused.value.field == field


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"benefit": v.PercentOff(10_001)}, "benefit"),
        ({"benefit": v.Tiered(())}, "benefit"),
        ({"benefit": v.Tiered((v.Step(10, 1), v.Step(10, 2)))}, "benefit"),
        ({"benefit": v.Tiered((v.Step(10, 1, 1),))}, "benefit"),
        ({"benefit": v.Tiered((v.Step(10, 11),))}, "benefit"),
        ({"funders": (v.Share(1, 9_999),)}, "funders"),
        ({"funders": (v.Share(1, 5_000), v.Share(1, 5_000))}, "funders"),
        ({"funders": ()}, "funders"),
        ({"scope": v.Scope(excluded=v.Goods())}, "scope"),
        ({"scope": v.Scope(least_minor=-1)}, "scope"),
        ({"scope": v.Scope(segments=frozenset({"gold"}))}, "scope"),
        ({"scope": v.Scope(segments=frozenset({"1/GOLD"}))}, "scope"),
        ({"scope": v.Scope(segments=frozenset(f"G{i}" for i in range(11)))}, "scope"),
        ({"window": v.Window(zone="Mars/Olympus")}, "window"),
        ({"window": v.Window(zone="../etc/passwd")}, "window"),
        ({"window": v.Window(weekdays=frozenset({0}))}, "window"),
        ({"window": v.Window(minutes=(60, 60))}, "window"),
        ({"stacking": v.Stacking("a", excludes=frozenset({"a"}))}, "stacking"),
        ({"stacking": v.Stacking(combines_with=frozenset("a"), excludes=frozenset("a"))}, "stacking"),
        ({"stacking": v.Stacking(exclusive=True, combines_with=frozenset("a"))}, "stacking"),
        ({"limits": v.Limits(per_basket=0)}, "limits"),
        ({"limits": v.Limits(budget_count=0)}, "limits"),
        ({"benefit": v.StoredValue(10_000)}, "kind"),
        ({"kind": v.InstrumentKind.PAID}, "kind"),
    ],
)
def test_what_no_terms_may_say_is_found(change: dict[str, Any], field: str) -> None:
    assert field in {where for where, _ in faults(replace(PLAIN, **change))}


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


@pytest.mark.parametrize(
    ("window", "at", "why"),
    [
        (v.Window(starts_at=_at("2026-03-01T00:00:00+08:00")), "2026-02-28T15:59:59+00:00", Outside.NOT_YET),
        (v.Window(ends_at=_at("2026-03-01T00:00:00+00:00")), "2026-02-28T23:59:59.999999+00:00", None),
        (v.Window(ends_at=_at("2026-03-01T00:00:00+00:00")), "2026-03-01T00:00:00+00:00", Outside.EXPIRED),
        (v.Window(weekdays=frozenset({1}), zone="Asia/Taipei"), "2026-03-01T16:00:00+00:00", None),
        (v.Window(weekdays=frozenset({1})), "2026-03-01T16:00:00+00:00", Outside.WEEKDAY),
        (v.Window(minutes=(540, 600)), "2026-03-01T10:00:00+00:00", Outside.HOUR),
        (v.Window(minutes=(540, 600)), "2026-03-01T09:59:59+00:00", None),
        # Friday evening until two at night belongs to Friday.
        (FRIDAY_NIGHT, "2026-03-07T01:59:00+00:00", None),
        (FRIDAY_NIGHT, "2026-03-06T01:59:00+00:00", Outside.WEEKDAY),
        (FRIDAY_NIGHT, "2026-03-07T02:00:00+00:00", Outside.WEEKDAY),
        # New York, 2026-03-08: two o'clock does not exist; 2026-11-01: one o'clock is there twice.
        (v.Window(minutes=(120, 180), zone="America/New_York"), "2026-03-08T07:30:00+00:00", Outside.HOUR),
        (v.Window(minutes=(60, 120), zone="America/New_York"), "2026-11-01T05:30:00+00:00", None),
        (v.Window(minutes=(60, 120), zone="America/New_York"), "2026-11-01T06:30:00+00:00", None),
        (v.Window(minutes=(60, 120), zone="America/New_York"), "2026-11-01T07:30:00+00:00", Outside.HOUR),
    ],
)  # fmt: skip
def test_a_window_is_judged_on_its_own_clock(window: v.Window, at: str, why: Outside | None) -> None:
    assert outside(window, _at(at)) == why


def test_the_end_of_the_coupon_itself_counts() -> None:
    end = _at("2026-05-01T00:00:00+00:00")
    assert outside(v.Window(), end - timedelta(microseconds=1), end) is None
    assert outside(v.Window(), end, end) is Outside.EXPIRED


@pytest.mark.parametrize(
    ("zone", "claimed", "days", "ends"),
    [
        ("UTC", "2028-02-28T12:00:00+00:00", 1, "2028-03-01T00:00:00+00:00"),
        ("UTC", "2027-02-28T12:00:00+00:00", 1, "2027-03-02T00:00:00+00:00"),
        ("Europe/Berlin", "2026-03-28T20:00:00+00:00", 1, "2026-03-29T22:00:00+00:00"),
        ("Europe/Berlin", "2026-10-24T20:00:00+00:00", 0, "2026-10-24T22:00:00+00:00"),
        ("Asia/Taipei", "2026-01-01T16:00:00+00:00", 0, "2026-01-02T16:00:00+00:00"),
    ],
)
def test_days_after_the_claim_end_at_a_local_midnight(zone: str, claimed: str, days: int, ends: str) -> None:
    window = v.Window(zone=zone, days_after_claim=days)
    assert expires_at(window, _at(claimed)) == _at(ends)
    sooner = replace(window, ends_at=_at("2026-01-01T17:00:00+00:00"))
    assert expires_at(sooner, _at(claimed)) == min(_at(ends), _at("2026-01-01T17:00:00+00:00"))


def test_whose_tills_take_it() -> None:
    assert PLAIN.taken_by(OWNER)
    assert not PLAIN.taken_by(9506000000020)
    assert RICH.taken_by(9506000000020)
