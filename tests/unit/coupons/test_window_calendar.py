"""Windows against a slow second reading of the calendar, around clock changes and leap days."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from ledger_service.coupons.terms.values import EVERY_DAY, Window
from ledger_service.coupons.terms.windows import Outside, expires_at, outside

# Where a clock changes, or a day is none in other years; in Beirut and Santiago midnight itself is skipped.
DAYS = [
    ("America/New_York", date(2026, 3, 7)),
    ("America/New_York", date(2026, 10, 31)),
    ("Europe/Berlin", date(2026, 3, 28)),
    ("Europe/Berlin", date(2026, 10, 24)),
    ("Asia/Beirut", date(2026, 3, 28)),
    ("America/Santiago", date(2026, 9, 5)),
    ("Australia/Lord_Howe", date(2026, 4, 4)),
    ("Asia/Kathmandu", date(2028, 2, 28)),
    ("UTC", date(2028, 2, 28)),
    ("UTC", date(2027, 2, 28)),
]
HOURS = [(0, 1_440), (540, 1_020), (120, 180), (0, 60), (1_320, 120), (1_380, 30), (1_439, 1)]
WEEKDAYS = [EVERY_DAY, frozenset({6}), frozenset({7, 1}), frozenset({1, 2, 3, 4, 5})]


def slowly(window: Window, at: datetime) -> bool:
    """Open where a local day on which it may open has begun an opening that the clock is still in."""
    local = at.astimezone(ZoneInfo(window.zone)).replace(tzinfo=None)
    first, last = window.minutes
    for back in (0, 1):
        day = local.date() - timedelta(days=back)
        if day.isoweekday() not in window.weekdays:
            continue
        midnight = datetime.combine(day, datetime.min.time())
        ends = last if first < last else last + 1_440
        if midnight + timedelta(minutes=first) <= local < midnight + timedelta(minutes=ends):
            return True
    return False


@pytest.mark.parametrize(("zone", "day"), DAYS)
def test_a_window_is_open_when_a_calendar_read_by_hand_says_so(zone: str, day: date) -> None:
    begin = datetime.combine(day, datetime.min.time(), ZoneInfo(zone)).astimezone(UTC)
    instants = [begin + timedelta(minutes=15 * step) for step in range(4 * 72)]
    for minutes in HOURS:
        for weekdays in WEEKDAYS:
            window = Window(zone=zone, weekdays=weekdays, minutes=minutes)
            for at in instants:
                assert (outside(window, at) is None) == slowly(window, at), (window, at)


@pytest.mark.parametrize(("zone", "day"), DAYS)
def test_a_claim_ends_when_its_last_local_day_is_over(zone: str, day: date) -> None:
    window = Window(zone=zone, days_after_claim=1)
    for hour in range(0, 24, 3):
        claimed = datetime.combine(day, datetime.min.time(), ZoneInfo(zone)) + timedelta(hours=hour)
        end = expires_at(window, claimed.astimezone(UTC))
        assert end is not None
        last = claimed.date() + timedelta(days=1)
        before = end - timedelta(microseconds=1)
        assert before.astimezone(ZoneInfo(zone)).date() == last
        assert end.astimezone(ZoneInfo(zone)).date() == last + timedelta(days=1)
        assert outside(window, end - timedelta(microseconds=1), end) is None
        assert outside(window, end, end) is Outside.EXPIRED


def test_whatever_holds_at_all_times_needs_no_calendar() -> None:
    assert outside(Window(zone="Mars/Olympus"), datetime(2026, 1, 1, tzinfo=UTC)) is None
