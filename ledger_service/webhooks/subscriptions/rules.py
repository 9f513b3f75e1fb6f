"""When a scheduled subscription reports: fields as cron has them, in the words of EPCIS 2.0.

Pure. Source: EPCIS 2.0, section 8.2.5.3 (QuerySchedule): numbers, ranges ``[a-b]`` and lists of both. All
times are UTC. A field that is left out holds any value, but those finer than the finest given hold their
least: ``{"hour": "1"}`` is one o'clock, and not each of its seconds.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple

from ledger_service.kernel.errors import MalformedField

MOST_SUBSCRIPTIONS = 20
LONGEST_TOKEN = 256
MOST_EVENTS = 100
_FIELDS = {
    "second": (0, 59), "minute": (0, 59), "hour": (0, 23), "dayOfMonth": (1, 31), "month": (1, 12),
    "dayOfWeek": (1, 7),
}  # fmt: skip
_ELEMENT = re.compile(r"(\d{1,2})|\[(\d{1,2})-(\d{1,2})\]")
_LONGEST_FIELD = 200
# The 29th of February on a given day of the week is at most forty years away, across the year 2100.
_DAYS = 40 * 366 + 1


class Schedule(NamedTuple):
    """The values that the parts of an instant may have, each ascending."""

    seconds: tuple[int, ...]
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: tuple[int, ...]
    months: tuple[int, ...]
    weekdays: tuple[int, ...]


def parse_schedule(fields: Mapping[str, object]) -> Schedule:
    """The schedule that the fields say.

    Raises:
        MalformedField: a field that there is not, a value out of its range, or no field at all.
    """
    for name in fields:
        if name not in _FIELDS:
            raise MalformedField(f"schedule.{name}", "is no field of a schedule")
    if not fields:
        raise MalformedField("schedule", "must have a field")
    finest = next(place for place, name in enumerate(_FIELDS) if name in fields)
    return Schedule(*(
        _values(name, fields[name]) if name in fields
        else (least,) if place < min(finest, 3) else tuple(range(least, most + 1))
        for place, (name, (least, most)) in enumerate(_FIELDS.items())
    ))  # fmt: skip


def next_after(schedule: Schedule, at: datetime) -> datetime | None:
    """The first instant of a schedule behind another one; None where none comes, as on 30 February."""
    today = at.date()
    for day in (today + timedelta(days=ahead) for ahead in range(_DAYS)):
        if _is_day(schedule, day):
            found = next(_instants(schedule, day, at), None)
            if found is not None:
                return found
    return None


def _is_day(schedule: Schedule, day: date) -> bool:
    return (
        day.month in schedule.months
        and day.day in schedule.days
        and day.isoweekday() in schedule.weekdays
    )  # fmt: skip


def _instants(schedule: Schedule, day: date, at: datetime) -> Iterator[datetime]:
    """The instants of a day behind another one; what lies before it is passed over by hours and minutes, so
    that the last second of a day costs no more than the first."""
    for hour in schedule.hours:
        if datetime.combine(day, time(hour, 59, 59), UTC) <= at:
            continue
        for minute in schedule.minutes:
            if datetime.combine(day, time(hour, minute, 59), UTC) <= at:
                continue
            found = (datetime.combine(day, time(hour, minute, second), UTC) for second in schedule.seconds)
            yield from (one for one in found if one > at)


def _values(name: str, value: object) -> tuple[int, ...]:
    where, (least, most) = f"schedule.{name}", _FIELDS[name]
    whole = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(whole, str) or len(whole) > _LONGEST_FIELD:
        raise MalformedField(where, "must be text")
    found: set[int] = set()
    for element in whole.split(","):
        parts = _ELEMENT.fullmatch(element)
        if parts is None or not element.isascii():
            raise MalformedField(where, "must be numbers and ranges as [1-5] with commas between them")
        first, last = int(parts[1] or parts[2]), int(parts[1] or parts[3])
        if not least <= first <= last <= most:
            raise MalformedField(where, f"must lie from {least} to {most}")
        found |= set(range(first, last + 1))
    return tuple(sorted(found))
