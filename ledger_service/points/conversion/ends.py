"""What is asked before a programme's end is announced, and what an announced end forbids."""

from __future__ import annotations

from sqlalchemy import Connection, func, literal_column, select

from ledger_service.kernel.clock import format_instant, instant_of_seconds, seconds_floor
from ledger_service.points.catalogue import Programme
from ledger_service.points.conversion.errors import ProgrammeEnds
from ledger_service.points.models import pending_issue

# Written out, not bound, so that SQLite reads the partial index.
_WAITING = pending_issue.c.state == literal_column("'waiting'")


def check_goes_on(known: Programme) -> None:
    """No end of the programme was announced.

    Raises:
        ProgrammeEnds: one was.
    """
    if known.end is not None:
        raise ProgrammeEnds(known.code, format_instant(instant_of_seconds(known.end.ends_at)))


def last_promise(conn: Connection, programme_id: int) -> int:
    """When the last of the programme's pending points vests, in seconds; 0 where nothing is pending."""
    row = pending_issue.c
    query = select(func.max(row.vests_at)).where(_WAITING & (row.programme_id == programme_id))
    found = conn.execute(query).scalar_one_or_none()
    return 0 if found is None else seconds_floor(found)
