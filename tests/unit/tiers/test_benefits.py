"""Rates as exact ratios, birthdays in leap years and common ones, member days."""

from datetime import date
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger_service.tiers.benefits import MemberDay, Rate, Stacking, is_birthday, stacked

RATES = st.lists(st.integers(10_000, 100_000), max_size=4)


@given(RATES)
def test_stacking_is_exact(bps: list[int]) -> None:
    ratios = [Fraction(one, 10_000) for one in bps]
    product = Fraction(1)
    for ratio in ratios:
        product *= ratio
    expected = {
        Stacking.BEST: max(ratios, default=Fraction(1)),
        Stacking.ADD: 1 + sum((ratio - 1 for ratio in ratios), Fraction(0)),
        Stacking.MULTIPLY: product,
    }
    for stacking, ratio in expected.items():
        assert Fraction(*stacked(bps, stacking)) == ratio


def test_a_ratio_stands_in_lowest_terms() -> None:
    assert stacked([12_500], Stacking.BEST) == Rate(5, 4)
    assert stacked([], Stacking.MULTIPLY) == Rate(1, 1)


@pytest.mark.parametrize(
    ("born", "day", "length", "expected"),
    [
        (314, "2025-03-14", 1, True),
        (314, "2025-03-15", 1, False),
        (314, "2025-03-15", 2, True),
        (1231, "2026-01-01", 2, True),
        (229, "2024-02-29", 1, True),
        (229, "2024-02-28", 1, False),
        (229, "2025-02-28", 1, True),
        (229, "2025-03-01", 1, False),
        (229, "2100-02-28", 1, True),
        (228, "2024-02-28", 1, True),
        (228, "2024-02-29", 1, False),
    ],
)
def test_birthdays(born: int, day: str, length: int, expected: bool) -> None:
    assert is_birthday(born, date.fromisoformat(day), length) is expected


def test_whoever_was_born_on_a_leap_day_has_one_birthday_in_every_year() -> None:
    for year in range(1999, 2105):
        days = range(date(year, 1, 1).toordinal(), date(year + 1, 1, 1).toordinal())
        assert sum(is_birthday(229, date.fromordinal(day), 1) for day in days) == 1


def test_member_days_by_date_and_by_weekday() -> None:
    eighth, tuesdays = MemberDay(15_000, frozenset({8})), MemberDay(15_000, weekdays=frozenset({2}))
    assert eighth.holds_on(date(2025, 3, 8))
    assert not eighth.holds_on(date(2025, 3, 18))
    assert tuesdays.holds_on(date(2025, 3, 11))
    assert not tuesdays.holds_on(date(2025, 3, 12))
