"""Whether a coupon holds at an instant, and until when a claimed one does."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from ledger_service.coupons.terms.values import DAY_MINUTES, EVERY_DAY, Window


class Outside(StrEnum):
    """Why a coupon does not hold now; said to tills, never changed."""

    NOT_YET = "not-yet-valid"
    EXPIRED = "expired"
    WEEKDAY = "not-this-weekday"
    HOUR = "not-this-hour"


def outside(window: Window, at: datetime, expires_at: datetime | None = None) -> Outside | None:
    """Why the window is shut at ``at``, None where it is open; ``expires_at`` is the coupon's own end."""
    if window.starts_at is not None and at < window.starts_at:
        return Outside.NOT_YET
    ends = [end for end in (window.ends_at, expires_at) if end is not None]
    if ends and at >= min(ends):
        return Outside.EXPIRED
    if window.weekdays == EVERY_DAY and window.minutes == (0, DAY_MINUTES):
        return None
    local = at.astimezone(ZoneInfo(window.zone))
    minute, day = local.hour * 60 + local.minute, local.date()
    first, last = window.minutes
    if first > last and minute < last:
        # The small hours belong to the evening before.
        day, minute = day - timedelta(days=1), minute + DAY_MINUTES
    if day.isoweekday() not in window.weekdays:
        return Outside.WEEKDAY
    open_until = last + DAY_MINUTES if first > last else last
    return None if first <= minute < open_until else Outside.HOUR


def expires_at(window: Window, claimed_at: datetime) -> datetime | None:
    """The end of a coupon claimed then: the window's, or the midnight after its days, what is sooner.

    Returns:
        None where neither ends it. The midnight is the zone's, so a day of 23 or 25 hours is one day.
    """
    ends = [] if window.ends_at is None else [window.ends_at]
    if window.days_after_claim is not None:
        zone = ZoneInfo(window.zone)
        last = claimed_at.astimezone(zone).date() + timedelta(days=window.days_after_claim + 1)
        ends.append(datetime.combine(last, time(), zone).astimezone(claimed_at.tzinfo))
    return min(ends, default=None)
