"""The estimate against the same arithmetic in fractions, and cases with nothing to estimate."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from ledger_service.settlement.liability.breakage import Prediction, estimates, predictions
from ledger_service.settlement.liability.cohorts import Cohort, cohorts_of, layers_of
from ledger_service.settlement.liability.flows import Flow, Way


def cohorts(*rows: tuple[int, list[int], int]) -> list[Cohort]:
    """Each row is a month with its own epoch: points issued, redeemed at each age, expired at the end."""
    flows = []
    for month, (issued, redeemed, expired) in enumerate(rows):
        flows.append(Flow(month, month, Way.ISSUED, issued))
        flows += [Flow(month, month + age, Way.REDEEMED, -points) for age, points in enumerate(redeemed)]
        flows.append(Flow(month, len(rows) - 1, Way.EXPIRED, -expired))
    return cohorts_of(layers_of(flow for flow in flows if flow.points))


# Four months of 1,000 points: 10 % go at once, 30 % in the next month, 20 % after two, 5 % after three.
EVEN = ((1000, [100, 300, 200, 50], 350), (1000, [100, 300, 200], 0), (1000, [100, 300], 0), (1000, [100], 0))


def test_even_cohorts_develop_alike_and_without_error() -> None:
    found = estimates(cohorts(*EVEN), 3)
    assert [e.ultimate for e in found.values()] == [650] * 4
    assert [e.breakage for e in found.values()] == [350] * 4
    assert [e.error for e in found.values()] == [0] * 4


def test_what_the_oldest_cohort_still_has_counts_as_redeemed_one_day() -> None:
    found = estimates(cohorts((1000, [100, 300, 200, 50], 0), *EVEN[1:]), 3)
    assert [e.ultimate for e in found.values()] == [1000] * 4


def test_two_months_give_no_estimate_and_no_breakage() -> None:
    found = estimates(cohorts((1000, [100, 300], 600), (1000, [100], 0)), 1)
    assert [(e.ultimate, e.error) for e in found.values()] == [(400, None), (1000, None)]
    assert predictions(cohorts(*EVEN[:2]), 1) == []


def test_a_prediction_is_held_against_what_came() -> None:
    assert predictions(cohorts(*EVEN), 3) == [Prediction(2, 500 + 0, 550)]


def slow(rows: list[tuple[int, list[int]]], cohort: int) -> tuple[Fraction, Fraction]:
    """The redemption to come of a cohort, without the tail, and its mean square error."""
    count, coming, square = len(rows), Fraction(0), Fraction(0)
    variances: list[Fraction] = []
    for age in range(count):
        seen = [(Fraction(issued), redeemed[age]) for issued, redeemed in rows[: count - age]]
        points = sum(issued for issued, _ in seen)
        share = sum(redeemed for _, redeemed in seen) / points
        spread = sum(issued * (redeemed / issued - share) ** 2 for issued, redeemed in seen)
        variances.append(spread / (len(seen) - 1) if len(seen) > 1 else variances[-1])
        if age > count - 1 - cohort:
            mine = rows[cohort][0]
            coming += mine * share
            square += mine**2 * variances[-1] * (Fraction(1, mine) + 1 / points)
    return coming, square


@given(st.data())
def test_the_estimate_is_that_of_the_arithmetic_in_fractions(data: st.DataObject) -> None:
    count = data.draw(st.integers(3, 6))
    rows = [
        (data.draw(st.integers(500, 2_000)), [data.draw(st.integers(0, 60)) for _ in range(count - month)])
        for month in range(count)
    ]
    # The oldest is run off, so there is no tail.
    left = rows[0][0] - sum(rows[0][1])
    told = cohorts(*((issued, redeemed, left if not n else 0) for n, (issued, redeemed) in enumerate(rows)))
    for month, estimate in estimates(told, count - 1).items():
        coming, square = slow(rows, month)
        assert abs(estimate.ultimate - estimate.redeemed - coming) <= Fraction(1, 2)
        if estimate.left:
            error = estimate.error or 0
            assert (max(error - 1, 0)) ** 2 <= square <= (error + 1) ** 2
