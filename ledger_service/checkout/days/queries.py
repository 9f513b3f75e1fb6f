"""Reads of business days: the day as it stands, its closes, lines without a match, late operations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Connection, RowMapping, select

from ledger_service.checkout.day_errors import DayNotClosed
from ledger_service.checkout.days.models import day_close, store_day
from ledger_service.checkout.days.operations import booked_in
from ledger_service.checkout.days.rules import Booked, Gap, differences, gaps, totals_of
from ledger_service.checkout.days.service import Day, lines_of
from ledger_service.checkout.days.views import difference_views, total_views, totals_of_views
from ledger_service.kernel.clock import format_instant
from ledger_service.merchants.business_day import day_text

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Seen:
    """The operations of a day, parted by the instant of a close: what it counts, and what came after it."""

    counted: list[Booked]
    late: list[Booked]


def seen_at(conn: Connection, day: Day, at: datetime | None) -> Seen:
    """The operations that the service had taken by ``at`` (all of them where it is None), and later ones."""
    booked = booked_in(conn, day.store_gln, day.number)
    if at is None:
        return Seen(booked, [])
    return Seen([b for b in booked if b.recorded_at <= at], [b for b in booked if b.recorded_at > at])


def day_as_it_stands(conn: Connection, day: Day) -> Json:
    """The ledger's totals, what came late, and how the latest close compares with what it counts."""
    close = _latest(conn, day)
    seen = seen_at(conn, day, None if close is None else close["closed_at"])
    told = {} if close is None else totals_of_views(orjson.loads(close["totals"]))
    found = [] if close is None else differences(told, totals_of(seen.counted))
    state = "open"
    if close is not None:
        unmatched = close["parts"] and _gaps(conn, day, close, seen)
        state = "differs" if found or unmatched else "balanced"
    return {
        "business_date": day_text(day.number),
        "state": state,
        "closes": 0 if close is None else close["number"],
        "closed_at": None if close is None else format_instant(close["closed_at"]),
        "ledger": total_views(totals_of([*seen.counted, *seen.late])),
        "late": total_views(totals_of(seen.late)),
        "differences": difference_views(found),
    }


def gaps_of(conn: Connection, day: Day, number: int | None) -> list[Gap]:
    """What had no match when a close (the latest where None) compared lines; none where it compared none.

    Raises:
        DayNotClosed: there is no such close.
    """
    close = _latest(conn, day) if number is None else _close(conn, day, number)
    if close is None:
        raise DayNotClosed(day_text(day.number))
    return _gaps(conn, day, close, seen_at(conn, day, close["closed_at"])) if close["parts"] else []


def late_in(conn: Connection, day: Day) -> list[Booked]:
    """What came after the latest close, in the order in which it came.

    Raises:
        DayNotClosed: the day was not closed.
    """
    close = _latest(conn, day)
    if close is None:
        raise DayNotClosed(day_text(day.number))
    late = seen_at(conn, day, close["closed_at"]).late
    return sorted(late, key=lambda one: (one.recorded_at, one.op_id))


def closes_before(conn: Connection, day: Day, before: int | None, most: int) -> list[Json]:
    """At most so many closes of the day, the newest first, before a number."""
    c = day_close.c
    found = select(day_close).where(c.store_gln == day.store_gln, c.business_day == day.number)
    if before is not None:
        found = found.where(c.number < before)
    return [
        {
            "close": row["number"],
            "state": row["state"],
            "parts": row["parts"],
            "closed_by": row["closed_by"],
            "closed_at": format_instant(row["closed_at"]),
            "till": orjson.loads(row["totals"]),
            "ledger": orjson.loads(row["ledger"]),
        }
        for row in conn.execute(found.order_by(c.number.desc()).limit(most)).mappings()
    ]


def days_before(conn: Connection, store_gln: int, before: int | None, most: int) -> Sequence[RowMapping]:
    """At most so many days that a till has told something of, the newest first, before a day."""
    s = store_day.c
    found = select(store_day).where(s.store_gln == store_gln)
    if before is not None:
        found = found.where(s.business_day < before)
    return conn.execute(found.order_by(s.business_day.desc()).limit(most)).mappings().all()


def day_row_view(row: RowMapping) -> Json:
    """A day as the list shows it."""
    at = row["closed_at"]
    return {
        "business_date": day_text(row["business_day"]),
        "closes": row["closes"],
        "closed_at": None if at is None else format_instant(at),
    }


def _gaps(conn: Connection, day: Day, close: RowMapping, seen: Seen) -> list[Gap]:
    return gaps(seen.counted, lines_of(conn, day, close["number"], close["parts"]))


def _latest(conn: Connection, day: Day) -> RowMapping | None:
    c = day_close.c
    found = select(day_close).where(c.store_gln == day.store_gln, c.business_day == day.number)
    return conn.execute(found.order_by(c.number.desc()).limit(1)).mappings().one_or_none()


def _close(conn: Connection, day: Day, number: int) -> RowMapping | None:
    c = day_close.c
    found = select(day_close).where(
        c.store_gln == day.store_gln, c.business_day == day.number, c.number == number
    )
    return conn.execute(found).mappings().one_or_none()
