"""What an activity does to the end of points: always later, never earlier, nothing for what has lapsed."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ledger_service.points.inactivity_rules import (
    ENTRY_KINDS,
    Activity,
    active_since,
    entry_kinds,
    epoch_after,
    least_rest_seconds,
)
from ledger_service.points.rules import Terms, epoch_of_issue

ENDS = tuple(range(100, 2_100, 100))


def terms(validity: int, effective_from: int = 0, version: int = 1) -> Terms:
    return Terms(version, effective_from, 10_000, 0, 10**9, validity)


def test_activity_gives_points_the_end_of_points_that_are_issued_then() -> None:
    assert epoch_after(ENDS, [terms(3)], 4, 250) == 6
    assert epoch_after(ENDS, [terms(3)], 4, 99) is None
    assert epoch_after(ENDS, [terms(3)], 4, 100) == 5


def test_what_has_ended_does_not_come_back_and_nothing_counts_before_the_first_terms() -> None:
    assert epoch_after(ENDS, [terms(3)], 4, 399) == 7
    assert epoch_after(ENDS, [terms(3)], 4, 400) is None
    assert epoch_after(ENDS, [terms(3, effective_from=300)], 4, 299) is None


def test_the_terms_of_the_activity_s_own_time_say_how_long() -> None:
    both = [terms(3), terms(6, 200, 2)]
    assert [epoch_after(ENDS, both, 4, at) for at in (150, 250)] == [5, 9]


@given(st.integers(1, 20), st.integers(0, 5), st.integers(0, 2_200))
def test_points_never_get_an_earlier_end_and_no_activity_is_overlooked(
    epoch: int, validity: int, at: int
) -> None:
    into = epoch_after(ENDS, [terms(validity)], epoch, at)
    if into is None:
        return
    assert into > epoch and into == epoch_of_issue(ENDS, at, validity)
    assert active_since(ENDS, [terms(validity)], epoch) <= at


def test_the_shortest_inactivity_is_that_from_the_last_instant_of_an_epoch() -> None:
    uneven = (100, 200, 290, 400)
    assert least_rest_seconds(uneven, terms(1)) == 90
    assert least_rest_seconds(uneven, terms(1, effective_from=250)) == 110
    assert least_rest_seconds(uneven, terms(4)) == 0


def test_every_activity_shows_in_some_entry() -> None:
    assert set(ENTRY_KINDS) == set(Activity)
    assert entry_kinds([Activity.GIFT, Activity.REDEEM]) == ("gift", "redeem", "capture", "convert")
