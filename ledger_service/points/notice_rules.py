"""When a member is told that points will expire, as pure functions of a programme's calendar.

Days are civil days of the programme's zone: a notice of 30 days is due when the day begins that is 30 days
before the first one on which the points cannot be spent any more.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from ledger_service.kernel.clock import instant_of_seconds, seconds_floor
from ledger_service.kernel.points import NEVER_SECONDS

MOST_DAYS_BEFORE = 365
MOST_NOTICES = 10
_BEFORE_AN_END = (30, 7, 1)
_LONGEST_SECONDS = (MOST_DAYS_BEFORE + 2) * 86_400


def last_day(ends_at: int, zone: ZoneInfo) -> date:
    """The last civil day on which points of an epoch with that end can be spent."""
    return instant_of_seconds(ends_at - 1).astimezone(zone).date()


def notice_at(ends_at: int, days_before: int, zone: ZoneInfo) -> int:
    """The instant from which a notice so many days before the end is due."""
    day = last_day(ends_at, zone) + timedelta(days=1 - days_before)
    return seconds_floor(datetime(day.year, day.month, day.day, tzinfo=zone))


def notice_due(ends_at: int, days_before: Sequence[int], zone: ZoneInfo, at: int) -> int | None:
    """Which notice is due at ``at``: the one with the fewest days whose time has come.

    A job that was away for long does not tell of 60 days when only 20 are left. None before the first, after
    the end, and for points that never expire.
    """
    if ends_at >= NEVER_SECONDS or at >= ends_at or ends_at - at > _LONGEST_SECONDS:
        return None
    return min((days for days in days_before if notice_at(ends_at, days, zone) <= at), default=None)


def end_notice_days(ends_at: int, announced_at: int, zone: ZoneInfo) -> tuple[int, ...]:
    """How many days before a programme's end members are told of it: on the day when it was announced, and
    with 30 days, a week and a day left."""
    first = (last_day(ends_at, zone) - instant_of_seconds(announced_at).astimezone(zone).date()).days + 1
    return tuple(sorted({min(first, MOST_DAYS_BEFORE), *(d for d in _BEFORE_AN_END if d < first)}))
