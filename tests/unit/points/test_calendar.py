"""Epochs end with the programme's civil month, quarter or year, and never early (INV-11)."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger_service.kernel.clock import instant_of_seconds, seconds_floor
from ledger_service.kernel.points import NEVER_SECONDS
from ledger_service.points.rules import (
    RESTORE_LEAST_SECONDS,
    Cycle,
    current_epoch,
    epoch_ends,
    epoch_of_issue,
    epoch_of_restore,
    is_open,
    may_expire,
)

ZONES = ["UTC", "Asia/Taipei", "America/New_York", "Africa/Cairo"]
ZONES += ["Pacific/Apia", "Asia/Beirut", "America/Havana"]
INSTANTS = st.datetimes(datetime(1971, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC))
CALENDARS = st.lists(st.integers(1, 10**9), min_size=1, max_size=30, unique=True).map(sorted)


@pytest.mark.parametrize(
    ("cycle", "ends"),
    [
        (Cycle.WEEK, ["2024-03-04T00:00-05:00", "2024-03-11T00:00-04:00", "2024-03-18T00:00-04:00"]),
        (Cycle.MONTH, ["2024-03-01T00:00-05:00", "2024-04-01T00:00-04:00", "2024-05-01T00:00-04:00"]),
        (Cycle.QUARTER, ["2024-04-01T00:00-04:00", "2024-07-01T00:00-04:00", "2024-10-01T00:00-04:00"]),
        (Cycle.YEAR, ["2025-01-01T00:00-05:00", "2026-01-01T00:00-05:00", "2027-01-01T00:00-05:00"]),
    ],
)
def test_epochs_end_at_local_midnight_across_clock_changes(cycle: Cycle, ends: list[str]) -> None:
    first = datetime(2024, 2, 29, 12, tzinfo=UTC)
    expected = [seconds_floor(datetime.fromisoformat(end)) for end in ends]
    assert epoch_ends(first, cycle, ZoneInfo("America/New_York"), 3) == expected


def test_a_programme_that_never_expires_has_one_epoch_without_end() -> None:
    assert epoch_ends(datetime(2024, 1, 1, tzinfo=UTC), Cycle.NEVER, ZoneInfo("UTC"), 9) == [NEVER_SECONDS]


@given(INSTANTS, st.sampled_from([Cycle.MONTH, Cycle.QUARTER, Cycle.YEAR]), st.sampled_from(ZONES))
def test_an_epoch_never_ends_while_its_last_local_day_goes_on(
    first: datetime, cycle: Cycle, zone: str
) -> None:
    place = ZoneInfo(zone)
    for end in epoch_ends(first, cycle, place, 6):
        after = instant_of_seconds(end).astimezone(place)
        before = (instant_of_seconds(end) - timedelta(seconds=1)).astimezone(place)
        assert after.day == 1
        assert (before.year, before.month) != (after.year, after.month)


@given(INSTANTS, st.sampled_from([c for c in Cycle if c is not Cycle.NEVER]), st.sampled_from(ZONES))
def test_the_first_epoch_holds_the_first_instant_and_ends_ascend(
    first: datetime, cycle: Cycle, zone: str
) -> None:
    ends = epoch_ends(first, cycle, ZoneInfo(zone), 12)
    assert ends == sorted(set(ends))
    assert current_epoch(ends, seconds_floor(first)) == 1


@given(CALENDARS, st.integers(0, 2 * 10**9), st.integers(0, 40))
def test_points_are_spendable_from_their_issue_through_the_epoch_fixed_then(
    ends: list[int], at: int, validity: int
) -> None:
    epoch = epoch_of_issue(ends, at, validity)
    if epoch is None:
        assert at >= ends[-1]
        return
    assert is_open(ends, epoch, at)
    assert epoch == min(current_epoch(ends, at) + validity, len(ends))


@given(CALENDARS, st.integers(1, 30), st.integers(0, 2 * 10**9))
def test_restored_points_keep_their_epoch_or_get_thirty_days(ends: list[int], epoch: int, at: int) -> None:
    epoch = min(epoch, len(ends))
    restored = epoch_of_restore(ends, epoch, at)
    if at < ends[epoch - 1]:
        assert restored == epoch
    elif restored is None:
        assert ends[-1] < at + RESTORE_LEAST_SECONDS
    else:
        assert ends[restored - 1] >= at + RESTORE_LEAST_SECONDS
        assert restored == 1 or ends[restored - 2] < at + RESTORE_LEAST_SECONDS


@given(CALENDARS, st.integers(1, 30), st.integers(0, 2 * 10**9))
def test_an_epoch_that_may_expire_is_open_to_nobody(ends: list[int], epoch: int, at: int) -> None:
    epoch = min(epoch, len(ends))
    assert not (may_expire(ends, epoch, at) and is_open(ends, epoch, at - 120))
