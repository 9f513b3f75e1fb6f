"""Time: aware UTC instants everywhere, whole seconds on the chain, RFC 3339 at the doors."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Protocol

from ledger_service.kernel.errors import MalformedField

EPOCH_ZERO = datetime(1970, 1, 1, tzinfo=UTC)
DOORS_END = datetime(5000, 1, 1, tzinfo=UTC)
_MICRO = timedelta(microseconds=1)
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)")


class Clock(Protocol):
    """Where a service learns the time from; rules never see one, they get instants."""

    def now(self) -> datetime:
        """The present instant, aware, in UTC."""


def micros_of(instant: datetime) -> int:
    """Microseconds since 1970-01-01T00:00:00Z; a naive datetime is refused with ``ValueError``."""
    if instant.tzinfo is None:
        raise ValueError("naive datetime")
    return (instant - EPOCH_ZERO) // _MICRO


def instant_of_micros(micros: int) -> datetime:
    """The aware UTC instant of microseconds since 1970."""
    return EPOCH_ZERO + timedelta(microseconds=micros)


def seconds_floor(instant: datetime) -> int:
    """Whole seconds since 1970, rounded down: the form in which the chain sees time."""
    return micros_of(instant) // 1_000_000


def instant_of_seconds(seconds: int) -> datetime:
    """The aware UTC instant of whole seconds since 1970."""
    return EPOCH_ZERO + timedelta(seconds=seconds)


def parse_instant(value: object, field: str) -> datetime:
    """Return the UTC instant of an RFC 3339 text with an offset.

    The chain counts seconds from 1970 without a sign, and deadlines are added to what comes in: an instant
    outside ``EPOCH_ZERO <= instant < DOORS_END`` would fail deep inside.

    Raises:
        MalformedField: no text, no offset, no such calendar time, or one before 1970 or after 4999.
    """
    if not isinstance(value, str) or not _RFC3339.fullmatch(value):
        raise MalformedField(field, "must be an RFC 3339 time with an offset")
    try:
        instant = datetime.fromisoformat(value).astimezone(UTC)
    except (ValueError, OverflowError):
        raise MalformedField(field, "must be a time that exists") from None
    if not EPOCH_ZERO <= instant < DOORS_END:
        raise MalformedField(field, "must be a time of the years 1970 to 4999")
    return instant


def format_instant(instant: datetime) -> str:
    """RFC 3339 in UTC with a ``Z``; microseconds only where there are any."""
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")
