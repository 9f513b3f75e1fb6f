"""The numbers of the log's leaves: one gapless order of events and words."""

from __future__ import annotations

from sqlalchemy import Connection, func, select, text

from ledger_service.traceability.epcis.models import epcis_event
from ledger_service.traceability.log.models import log_word

# Whoever adds leaves follows the other, so that numbers have no gaps; the number is ours alone.
_LOCK = 0x45504349


def lock(conn: Connection) -> None:
    """Nobody else adds a leaf until the caller commits."""
    if conn.dialect.name == "postgresql":
        conn.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})


def next_number(conn: Connection) -> int:
    """The number of the next leaf, which is the caller's until it commits.

    Locks: as ``lock``.
    """
    lock(conn)
    events = select(func.max(epcis_event.c.event_seq)).scalar_subquery()
    words = select(func.max(log_word.c.seq)).scalar_subquery()
    last = [number for number in conn.execute(select(events, words)).one() if number is not None]
    return max(last, default=-1) + 1
