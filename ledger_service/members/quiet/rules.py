"""Pure rules of being told: quiet hours of the member's own clock, so many messages in 24 hours."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

MOST_A_DAY = 6
_DAY = timedelta(days=1)


class Wish(NamedTuple):
    """Quiet from one minute of the day to another (excluded), by the clock of ``zone``; none where the zone
    is None. At most so many messages in 24 hours."""

    quiet_from: int = 0
    quiet_until: int = 0
    zone: str | None = None
    most_a_day: int = MOST_A_DAY


def free_from(wish: Wish, told: Sequence[datetime], at: datetime) -> datetime:
    """The first instant, not before ``at``, at which the member may be told.

    Args:
        wish: the member's.
        told: when it was told something of its own accord, at least of the last 24 hours.
        at: now.
    """
    recent = sorted(one for one in told if one > at - _DAY)
    if len(recent) >= wish.most_a_day:
        at = recent[-wish.most_a_day] + _DAY
    return at if wish.zone is None else _after_quiet(wish, at, ZoneInfo(wish.zone))


def _after_quiet(wish: Wish, at: datetime, zone: ZoneInfo) -> datetime:
    local = at.astimezone(zone)
    minute = local.hour * 60 + local.minute
    since, until = wish.quiet_from, wish.quiet_until
    inside = since <= minute < until if since <= until else minute >= since or minute < until
    if not inside:
        return at
    hour, rest = divmod(until, 60)
    end = local.replace(hour=hour, minute=rest, second=0, microsecond=0)
    return (end if until > minute else end + _DAY).astimezone(UTC)
