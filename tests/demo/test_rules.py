"""The published rules of the main run."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from ledger_service.demo.rules import (
    MOST_LOTS,
    SPEND_BPS,
    HeldLot,
    draw,
    refund_for_checkout,
    spend_for_checkout,
)

VALUES = {"GROC": 10_000, "FUEL": 1_000, "REST": 100_000}
AT = datetime(2017, 3, 1, 18, tzinfo=UTC)
LAST = datetime(2018, 1, 1, 4, 59, 59, tzinfo=UTC)
lots = st.lists(
    st.builds(HeldLot, st.sampled_from(sorted(VALUES)), st.integers(1, 50), st.integers(1, 10_000)),
    max_size=14,
)


def test_a_draw_is_the_same_for_the_same_parts_and_spreads_over_its_range() -> None:
    assert draw("seed", "spend", 1) == draw("seed", "spend", 1)
    assert draw("seed", "spend", 1) != draw("other", "spend", 1)
    draws = [draw("seed", i) for i in range(4_000)]
    assert 0 <= min(draws) < 50
    assert 9_950 < max(draws) <= 9_999
    assert 4_700 < sum(draws) / len(draws) < 5_300


def test_nobody_spends_when_the_draw_says_no_or_the_checkout_is_small() -> None:
    held = [HeldLot("GROC", 10, 5_000)]
    assert spend_for_checkout(SPEND_BPS, 10_000, held, VALUES) == []
    assert spend_for_checkout(0, 199, held, VALUES) == []
    assert spend_for_checkout(0, 200, held, VALUES) == [("GROC", 100)]


def test_points_that_expire_sooner_are_spent_first() -> None:
    held = [HeldLot("GROC", 20, 100), HeldLot("FUEL", 10, 700)]
    assert spend_for_checkout(0, 200, held, VALUES) == [("FUEL", 700), ("GROC", 30)]


def test_points_are_spent_in_whole_cents_only() -> None:
    held = [HeldLot("FUEL", 10, 707), HeldLot("GROC", 20, 1)]
    assert spend_for_checkout(0, 2_000, held, VALUES) == [("FUEL", 700), ("GROC", 1)]
    assert spend_for_checkout(0, 2_000, [HeldLot("FUEL", 10, 9)], VALUES, least_micros=0) == []


def test_less_than_half_a_dollar_is_not_worth_the_trouble() -> None:
    assert spend_for_checkout(0, 2_000, [HeldLot("GROC", 10, 49)], VALUES) == []


@given(st.integers(200, 1_000_000), lots)
def test_a_member_never_pays_more_than_half_nor_more_than_is_held(total: int, held: list[HeldLot]) -> None:
    spend = dict(spend_for_checkout(0, total, held, VALUES))
    assert sum(points * VALUES[code] for code, points in spend.items()) <= total * 5_000
    for code, points in spend.items():
        assert 0 < points <= sum(lot.points for lot in held if lot.programme == code)
    assert len(spend) <= 2


@given(st.integers(200, 1_000_000), st.lists(st.integers(1, 60), min_size=9, max_size=20, unique=True))
def test_no_redemption_needs_more_legs_than_a_permit_may_have(total: int, ends: list[int]) -> None:
    held = [HeldLot("FUEL", end, 60) for end in ends]
    spend = dict(spend_for_checkout(0, total, held, VALUES))
    assert spend.get("FUEL", 0) <= 60 * MOST_LOTS


def test_three_checkouts_in_a_hundred_are_refunded_and_half_of_them_in_part() -> None:
    plans = [refund_for_checkout("seed", f"c{i}", AT, (1, 2, 1, 1), LAST) for i in range(20_000)]
    refunds = [plan for plan in plans if plan]
    assert 500 < len(refunds) < 700
    assert 0.44 < sum(not plan.whole for plan in refunds) / len(refunds) < 0.56
    assert any(plan.at - AT > timedelta(days=120) for plan in refunds), "none after the epoch expired"
    assert min(plan.at for plan in refunds) >= AT + timedelta(days=1)


@given(st.integers(0, 100_000), st.lists(st.integers(1, 9), min_size=1, max_size=12))
def test_a_refund_never_gives_back_more_than_was_sold_and_is_never_empty(
    i: int, quantities: list[int]
) -> None:
    plan = refund_for_checkout("seed", str(i), AT, quantities, LAST)
    if plan is None:
        return
    assert plan.lines
    assert all(1 <= count <= quantities[line - 1] for line, count in plan.lines)
    assert plan.at <= LAST
