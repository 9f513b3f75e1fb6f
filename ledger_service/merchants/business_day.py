"""The business day of a store: from an hour of its own clock to the same hour of the next date. Pure.

A day is counted as days since 1970-01-01, an instant as whole seconds since 1970. Days follow the wall clock:
on the night of a change of clocks a day has an hour less or more, and no instant lies between two days.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

GREATEST_START_HOUR = 12
DAY_SECONDS = 86_400
_FIRST = date(1970, 1, 1)
_NEVER = (0, 0, 0)


class StoreClock:
    """A store's zone and the hour at which its business day begins; safe for any number of threads."""

    __slots__ = ("_known", "hour", "zone")

    def __init__(self, zone: ZoneInfo, hour: int = 0) -> None:
        """Take the zone and an hour of 0 to ``GREATEST_START_HOUR``."""
        self.zone = zone
        self.hour = hour
        # The day that was asked for last: a till asks for the same one all day long.
        self._known = _NEVER

    def day_of(self, at: int) -> int:
        """The business day that holds an instant."""
        first, end, day = self._known
        if first <= at < end:
            return day
        # A day begins at an hour of its own date, so it is not later than the date on the wall.
        day = day_number(datetime.fromtimestamp(at, self.zone).date()) + 1
        while self.begins(day) > at:
            day -= 1
        self._known = (self.begins(day), self.begins(day + 1), day)
        return day

    def begins(self, day: int) -> int:
        """The first second of a day: when the wall clock shows its hour, the first time that it does.

        Where the clocks skip that hour, the day begins as if they had not been changed yet.
        """
        wall = datetime.combine(day_date(day), time(self.hour), self.zone)
        return int(wall.astimezone(UTC).timestamp())


def day_number(when: date) -> int:
    """A date as days since 1970-01-01."""
    return when.toordinal() - _FIRST.toordinal()


def day_date(day: int) -> date:
    """The date of a day's number."""
    return _FIRST + timedelta(days=day)


def day_text(day: int) -> str:
    """The date as ``YYYY-MM-DD``."""
    return day_date(day).isoformat()
