"""Deferred revenue: the figures that the standard's own example and a published handbook come to."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger_service.settlement.deferral import Outlook, Recognised, deferred_minor_half_up, roll_forward

# 10,000 points of 1 each, 100,000 of goods; 4,500 redeemed in the first year, 4,000 in the second.


def test_illustrative_example_52_of_the_standard() -> None:
    deferred = deferred_minor_half_up(100_000, 100_000, 9_500)
    years = roll_forward(deferred, [Outlook(4_500, 9_500), Outlook(8_500, 9_700)])
    assert (deferred, [year.revenue_minor for year in years]) == (8_676, [4_110, 3_493])


@pytest.mark.parametrize(("expected", "second"), [(9_900, 3_552), (9_200, 4_140)])
def test_a_handbooks_example_with_more_and_with_fewer_redemptions_than_expected(
    expected: int, second: int
) -> None:
    years = roll_forward(9_000, [Outlook(4_500, 9_700), Outlook(8_500, expected)])
    assert [year.revenue_minor for year in years] == [4_175, second]


def test_what_nobody_will_redeem_any_more_is_earned() -> None:
    assert roll_forward(500, [Outlook(0, 100), Outlook(0, 0)]) == [Recognised(0, 500), Recognised(500, 0)]


@given(
    st.integers(0, 10**12),
    st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 2 * 10**6)), max_size=12),
)
def test_revenue_and_what_stays_deferred_are_always_the_whole(
    deferred: int, steps: list[tuple[int, int]]
) -> None:
    redeemed, outlooks = 0, []
    for more, expected in steps:
        redeemed += more
        outlooks.append(Outlook(redeemed, expected))
    earned = 0
    for row in roll_forward(deferred, outlooks):
        earned += row.revenue_minor
        assert earned + row.deferred_minor == deferred
        assert 0 <= row.deferred_minor <= deferred
