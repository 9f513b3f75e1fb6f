"""The roll-forward: the standard's own example, months that follow on each other, and nothing lost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger_service.settlement.deferral import deferred_minor_half_up
from ledger_service.settlement.liability import revenue
from ledger_service.settlement.liability.breakage import Estimate
from ledger_service.settlement.liability.cohorts import Cohort, cohorts_of, layers_of
from ledger_service.settlement.liability.flows import Flow, Way
from ledger_service.settlement.liability.revenue import Sales, alone_minor, roll
from tests.unit.settlement.liability.test_cohorts import at_random

# A point is worth one unit of money; a minor unit is one unit.
_SALES = Sales({0: 100_000}, {0: 1}, 1)


def test_illustrative_example_52_comes_to_its_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """IFRS 15 IE267 to IE270: 9,500 of 10,000 points are expected to be redeemed, later 9,700."""
    redeemed, expected = (4_500, 8_500), (9_500, 9_700)

    def told(cohorts: Sequence[Cohort], month: int) -> dict[int, Estimate]:
        return {0: Estimate(10_000, redeemed[month], 10_000 - redeemed[month], expected[month], 0)}

    monkeypatch.setattr(revenue, "estimates", told)
    first, second = roll(cohorts_of(layers_of([Flow(1, 0, Way.ISSUED, 10_000)])), _SALES, 1)
    assert (first.deferred, first.redemption + first.breakage, first.closing) == (8_676, 4_110, 4_566)
    recognised = second.redemption + second.breakage + second.remeasurement
    assert (second.opening, recognised, second.closing) == (4_566, 3_493, 1_073)
    assert second.remeasurement < 0 < second.breakage


def test_one_price_is_split_once_among_the_goods_and_two_programmes_points() -> None:
    """100,000 with 10,000 of one's and 5,000 of the other's points: each its share, together no more."""
    books = [cohorts_of(layers_of([Flow(1, 0, Way.ISSUED, points)])) for points in (10_000, 5_000)]
    alone = [alone_minor(book, _SALES, 0) for book in books]
    assert alone == [{0: 10_000}, {0: 5_000}]
    deferred = [
        roll(book, replace(_SALES, beside_minor=beside), 0)[0].deferred
        for book, beside in zip(books, reversed(alone), strict=True)
    ]
    assert deferred == [8_696, 4_348]
    assert sum(deferred) == deferred_minor_half_up(100_000, 100_000, 15_000) + 1  # each is rounded by itself


def test_returns_take_their_part_of_what_is_deferred_with_them() -> None:
    flows = [Flow(1, 0, Way.ISSUED, 1_000), Flow(1, 1, Way.REVERSED, -250)]
    first, second = roll(cohorts_of(layers_of(flows)), Sales({0: 9_000}, {0: 1}, 1), 1)
    assert (first.deferred, second.reversed, second.closing) == (900, 225, 675)
    assert second.redemption == second.breakage == second.remeasurement == 0


def test_a_return_changes_no_expectation_of_what_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    known = ({0: Estimate(1_000, 100, 900, 800, 0)}, {0: Estimate(500, 100, 400, 400, 0)})
    monkeypatch.setattr(revenue, "estimates", lambda _, month: known[month])
    flows = [Flow(1, 0, Way.ISSUED, 1_000), Flow(1, 1, Way.REVERSED, -500)]
    first, second = roll(cohorts_of(layers_of(flows)), Sales({0: 9_000}, {0: 1}, 1), 1)
    assert (first.redemption, first.breakage) == (74, 18)
    assert (second.redemption, second.breakage, second.remeasurement) == (0, 0, 0)
    assert second.closing == first.closing - second.reversed


def test_points_that_have_all_expired_leave_nothing_deferred() -> None:
    flows = [Flow(1, 0, Way.ISSUED, 1_000), Flow(1, 1, Way.EXPIRED, -1_000)]
    months = roll(cohorts_of(layers_of(flows)), Sales({0: 9_000}, {0: 1}, 1), 1)
    assert (months[0].closing, months[1].closing, months[1].remeasurement) == (900, 0, 900)


@given(st.data(), st.lists(st.integers(0, 10**9), min_size=6, max_size=6))
def test_months_follow_on_each_other_and_nothing_is_lost(data: st.DataObject, prices: list[int]) -> None:
    cohorts = cohorts_of(layers_of(at_random(data, 3, 6)))
    months = roll(cohorts, Sales(dict(enumerate(prices)), dict.fromkeys(range(6), 7_001), 10_000), 5)
    before = 0
    for month in months:
        gone = month.reversed + month.redemption + month.breakage + month.remeasurement
        assert month.opening == before
        assert month.closing == month.opening + month.deferred - gone >= 0
        before = month.closing
    if not any(cohort.left(5) for cohort in cohorts):
        assert before == 0
