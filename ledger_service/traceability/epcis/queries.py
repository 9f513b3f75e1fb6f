"""Reading events: by id, by number; the bytes are those that were stored."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, func, or_, select

from ledger_service.db.among import among
from ledger_service.traceability.epcis.errors import EventUnknown
from ledger_service.traceability.epcis.models import epcis_event
from ledger_service.traceability.epcis.prepared import hash_id, hash_of_id

_E = epcis_event.c


def find_event(conn: Connection, event_id: str, owner: int | None) -> bytes:
    """The event under an id, or what declares it wrong, which says the same and that.

    Args:
        conn: any.
        event_id: a hash by the CBV, or an eventID that was given.
        owner: whose events alone may be seen; None for everybody's.

    Raises:
        EventUnknown: there is none.
    """
    found = select(_E.body, _E.merchant_id).where(has_id((event_id,))).order_by(_E.declares.desc())
    row = conn.execute(found).first()
    if row is None or (owner is not None and row.merchant_id != owner):
        raise EventUnknown
    return bytes(row.body)


def last_number(conn: Connection) -> int:
    """The number of the newest event; -1 where there is none."""
    return int(conn.execute(select(func.coalesce(func.max(_E.event_seq), -1))).scalar_one())


def first_recorded(conn: Connection, since: datetime) -> int | None:
    """The lowest number among the events that were recorded at an instant or later; None where none was."""
    first: int | None = conn.execute(select(func.min(_E.event_seq)).where(_E.record_time >= since)).scalar()
    return first


def bodies_of(conn: Connection, numbers: Sequence[int]) -> dict[int, bytes]:
    """The stored bytes of events by their numbers; those of the log's leaves."""
    its = select(_E.event_seq, _E.body).where(among(conn, _E.event_seq, numbers))
    return {number: bytes(body) for number, body in conn.execute(its)}


def sizes_of(conn: Connection, numbers: Sequence[int]) -> list[tuple[int, int]]:
    """How many bytes events have, with their numbers, in the order of their capture."""
    its = select(_E.event_seq, func.length(_E.body)).where(among(conn, _E.event_seq, numbers))
    return [(int(number), int(size)) for number, size in conn.execute(its.order_by(_E.event_seq))]


def ids_of(conn: Connection, numbers: Sequence[int]) -> dict[int, str]:
    """The eventIDs of events by their numbers."""
    rows = conn.execute(select(_E.event_seq, _E.given_id, _E.hash).where(_E.event_seq.in_(numbers)))
    return {row.event_seq: row.given_id or hash_id(row.hash) for row in rows}


def has_id(event_ids: Sequence[str]) -> ColumnElement[bool]:
    """Whether an event has one of these ids, its hash or one that was given."""
    hashes = [digest for one in event_ids if (digest := hash_of_id(one)) is not None]
    return or_(_E.given_id.in_(event_ids), _E.hash.in_(hashes)) if hashes else _E.given_id.in_(event_ids)
