"""A till's word on a day: lines to compare, part by part, and closes, each kept.

A sale is neither locked nor refused by a close. What counts for it is what the service had taken by its
instant; a sale that was still being written then has its own instant, so a later look counts it right.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Connection, delete, insert, select, update

from ledger_service.checkout.day_errors import DayLinesIncomplete
from ledger_service.checkout.days.models import day_close, day_line, store_day
from ledger_service.checkout.days.rules import Difference, Line, Total
from ledger_service.checkout.days.views import difference_views, total_views
from ledger_service.db.bulk import sql_of

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Day:
    """A business day of a store."""

    store_gln: int
    number: int
    merchant_id: int

    @property
    def key(self) -> dict[str, int]:
        """Its columns in every table."""
        return {"store_gln": self.store_gln, "business_day": self.number}


@dataclass(frozen=True, slots=True)
class Close:
    """What a till has counted, what the ledger has, and who says so.

    ``parts`` is how many parts of lines the close compares, ``unmatched`` how many of them have no match.
    """

    till: Mapping[str, Total]
    ledger: Mapping[str, Total]
    differences: Sequence[Difference]
    parts: int
    unmatched: int
    closed_by: str

    @property
    def state(self) -> str:
        """``balanced`` where nothing differs."""
        return "differs" if self.differences or self.unmatched else "balanced"


def keep_lines(conn: Connection, day: Day, part: int, lines: Sequence[Line]) -> Json:
    """The part of the lines for the day's next close is this, whatever it was before.

    Locks: the day's row.
    """
    number = _locked(conn, day)["closes"] + 1
    key = {**day.key, "number": number, "part": part}
    conn.execute(delete(day_line).where(*(day_line.c[name] == value for name, value in key.items())))
    conn.execute(insert(day_line).values({**key, "lines": orjson.dumps([list(line) for line in lines])}))
    return {"close": number, "part": part, "lines": len(lines)}


def lines_of(conn: Connection, day: Day, number: int, parts: int) -> list[Line]:
    """The lines that a close compares.

    Raises:
        DayLinesIncomplete: a part is missing.
    """
    c = day_line.c
    mine = (c.store_gln == day.store_gln) & (c.business_day == day.number) & (c.number == number)
    found = select(c.part, c.lines).where(mine, c.part <= parts).order_by(c.part)
    rows = {row.part: row.lines for row in conn.execute(found)}
    for part in range(1, parts + 1):
        if part not in rows:
            raise DayLinesIncomplete(parts, part)
    return [Line(*values) for part in sorted(rows) for values in orjson.loads(rows[part])]


def next_close(conn: Connection, day: Day) -> int:
    """The number that the day's next close will have."""
    s = store_day.c
    mine = (s.store_gln == day.store_gln) & (s.business_day == day.number)
    closes: int | None = conn.execute(select(s.closes).where(mine)).scalar_one_or_none()
    return (closes or 0) + 1


def close_day(conn: Connection, day: Day, close: Close, at: datetime) -> Json:
    """The day is closed once more; earlier closes stay as they are.

    Locks: the day's row.

    Raises:
        DayLinesIncomplete: another close has come between and took the lines.
    """
    number = _locked(conn, day)["closes"] + 1
    lines_of(conn, day, number, close.parts)
    row = {
        **day.key, "number": number, "state": close.state, "parts": close.parts, "closed_by": close.closed_by,
        "closed_at": at, "totals": orjson.dumps(total_views(close.till)).decode(),
        "ledger": orjson.dumps(total_views(close.ledger)).decode(),
    }  # fmt: skip
    conn.execute(insert(day_close).values(row))
    mine = (store_day.c.store_gln == day.store_gln) & (store_day.c.business_day == day.number)
    conn.execute(update(store_day).where(mine).values(closes=number, closed_at=at))
    return {
        "close": number,
        "state": close.state,
        "till": total_views(close.till),
        "ledger": total_views(close.ledger),
        "differences": difference_views(close.differences),
        "unmatched": close.unmatched if close.parts else None,
    }


def _locked(conn: Connection, day: Day) -> Mapping[str, Any]:
    row = {**day.key, "merchant_id": day.merchant_id, "closes": 0, "closed_at": None}
    sql_of(store_day, conn).insert(conn, [row], or_ignore=True)
    mine = (store_day.c.store_gln == day.store_gln) & (store_day.c.business_day == day.number)
    return dict(conn.execute(select(store_day).where(mine).with_for_update()).mappings().one())
