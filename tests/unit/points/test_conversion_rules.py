"""Conversions at any values and spreads: exact, and no cycle of them gains (random graphs, fractions)."""

from __future__ import annotations

import random
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from ledger_service.points.conversion.rules import (
    ConversionTerms,
    Ending,
    agreement_in_force,
    points_received_floor,
)
from ledger_service.points.rules import Terms

values = st.integers(1, 2**63)
spreads = st.integers(0, 10_000)
amounts = st.integers(1, 2**53)


@given(amounts, values, spreads, values)
def test_what_is_received_is_the_exact_rate_rounded_down_once(
    points: int, value: int, spread: int, target_value: int
) -> None:
    exact = Fraction(points * value, target_value) * Fraction(10_000 - spread, 10_000)
    received = points_received_floor(points, value, spread, target_value)
    assert received <= exact < received + 1
    assert received * target_value <= points * value


Rates = dict[tuple[int, int], Fraction]


def _rate(value: int, spread: int, target_value: int) -> Fraction:
    """What the rule gives for so many points that nothing is rounded."""
    points = 10_000 * target_value
    return Fraction(points_received_floor(points, value, spread, target_value), points)


def best_returns(rates: Rates, programmes: int) -> list[Fraction]:
    """By programme: the greatest product of rates on any way that comes back to it."""
    return [_best_return(rates, start, programmes) for start in range(programmes)]


def _best_return(rates: Rates, start: int, steps: int) -> Fraction:
    best, back = {start: Fraction(1)}, Fraction(0)
    for _ in range(steps):
        onward: dict[int, Fraction] = {}
        for (a, b), rate in rates.items():
            onward[b] = max(onward.get(b, Fraction(0)), best.get(a, Fraction(0)) * rate)
        best, back = onward, max(back, onward.get(start, Fraction(0)))
    return back


@settings(max_examples=12, deadline=None)
@given(st.integers(2, 50), st.randoms(use_true_random=False))
def test_no_cycle_of_any_alliance_has_a_product_above_one(programmes: int, chance: random.Random) -> None:
    worth = [chance.choice([1, 333, 10_000, chance.randint(1, 10**12)]) for _ in range(programmes)]
    rates = {}
    for _ in range(2 * programmes):
        a, b = chance.sample(range(programmes), 2)
        rates[a, b] = _rate(worth[a], chance.choice([0, 1, 9_999, chance.randint(0, 9_999)]), worth[b])
    assert max(best_returns(rates, programmes)) <= 1


def test_a_cycle_of_free_rates_that_gains_is_found() -> None:
    rates = {(0, 1): Fraction(3), (1, 2): Fraction(1, 2), (2, 0): Fraction(201, 300), (2, 1): Fraction(1)}
    assert best_returns(rates, 3) == [Fraction(201, 200)] * 3
    assert max(best_returns(rates | {(2, 0): Fraction(2, 3)}, 3)) == 1


def test_the_version_in_force_is_the_last_whose_time_has_come() -> None:
    terms = [ConversionTerms(1, 100, 200), ConversionTerms(2, 200, 10_000), ConversionTerms(3, 300, 0)]
    found = [agreement_in_force(terms, at) for at in (99, 100, 199, 200, 299, 300)]
    assert found == [None, terms[0], terms[0], None, None, terms[2]]
    assert agreement_in_force([], 5) is None


def test_what_was_live_at_the_end_waits_thirty_days_for_its_conversion() -> None:
    end = Ending(2, 1_000, 0, Terms(2, 500, 1, 0, 0, 0), 0)
    month = 30 * 86_400
    assert [end.converts(over, 1_001) for over in (999, 1_000, 1_001)] == [False, False, True]
    assert [end.converts(1_001, at) for at in (1_000 + month - 1, 1_000 + month)] == [True, False]
