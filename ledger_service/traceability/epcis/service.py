"""Capturing events: each is stored once, gets its number in the log of all, and is never changed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from ledger_service.db.bulk import sql_of
from ledger_service.kernel.errors import DomainError
from ledger_service.traceability.epcis import listing
from ledger_service.traceability.epcis.errors import EventIdTaken, EventUnknown
from ledger_service.traceability.epcis.models import epcis_event, epcis_event_epc
from ledger_service.traceability.epcis.prepared import Prepared, prepare
from ledger_service.traceability.log.numbering import lock, next_number
from ledger_service.traceability.moving import service as moving

Mark = tuple[bytes, bool]
# The number of a stored event and whose it is; None for the operator's.
Stored = tuple[int, int | None]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an event: stored now as ``event_seq``, or None where it was stored before.

    ``refusal`` says why it may not be: its eventID is another event's, or it declares another's event wrong.
    """

    event: Prepared
    event_seq: int | None
    refusal: DomainError | None = None


def capture_events(
    conn: Connection, merchant_id: int | None, events: Sequence[Mapping[str, Any]], at: datetime
) -> list[str]:
    """The events are stored, in the caller's db transaction; those that were already are left as they are.

    Args:
        conn: of the caller, which commits.
        merchant_id: whose events they are; None for the operator's.
        events: as EPCIS 2.0 has them in JSON, words of the CBV bare, extensions named by whole URIs.
        at: the record time.

    Returns:
        The eventID of each, in their order.

    Raises:
        MalformedField: an event is not right; none is stored.
        EventIdTaken: an eventID that was given is another event's; none may be committed.
        EventUnknown: an event is declared wrong that another merchant captured, or nobody; likewise.

    Idempotency: by the events' own hashes.

    Locks: every other capture waits until the caller commits. Not inside a sale's group commit.
    """
    ready = [prepare(event, f"events[{index}]") for index, event in enumerate(events)]
    for outcome in store(conn, merchant_id, ready, at):
        if outcome.refusal is not None:
            raise outcome.refusal
    return [event.event_id for event in ready]


def store(
    conn: Connection, merchant_id: int | None, ready: Sequence[Prepared], at: datetime
) -> list[Outcome]:
    """Every event that is not stored yet is; returns what became of each, in their order."""
    # Captures follow each other, so that duplicates are seen.
    lock(conn)
    known, given = _known(conn, ready), _given(conn, ready)
    fresh: dict[Mark, int] = {}
    outcomes: list[Outcome] = []
    told = _told_here(merchant_id, ready)
    number = next_number(conn)
    for event in ready:
        mark = (event.hash, event.declares)
        original = known.get((event.hash, False), told[event.hash])
        holder = given.get(event.given_id, event.hash) if event.given_id is not None else event.hash
        if mark in known or mark in fresh:
            outcomes.append(Outcome(event, None))
        elif holder != event.hash:
            outcomes.append(Outcome(event, None, EventIdTaken(event.event_id)))
        elif event.declares and not _may_declare(merchant_id, original):
            outcomes.append(Outcome(event, None, EventUnknown()))
        else:
            outcomes.append(Outcome(event, number))
            fresh[mark], number = number, number + 1
            if event.given_id is not None:
                given[event.given_id] = event.hash
    captured = {o.event_seq: o.event for o in outcomes if o.event_seq is not None}
    if captured:
        _write(conn, merchant_id, captured, _counting(known, merchant_id) | fresh, at)
    return outcomes


def _write(
    conn: Connection,
    merchant_id: int | None,
    captured: Mapping[int, Prepared],
    numbers: Mapping[Mark, int],
    at: datetime,
) -> None:
    rows = [
        {**event.columns(), "event_seq": seq, "merchant_id": merchant_id, "record_time": at,
         "body": event.body(at)}
        for seq, event in captured.items()
    ]  # fmt: skip
    sql_of(epcis_event, conn).insert(conn, rows)
    index = [row for seq, event in captured.items() for row in _index_rows(seq, event, numbers)]
    if index:
        sql_of(epcis_event_epc, conn).insert(conn, index)
    listing.note_places(conn, merchant_id, rows)
    moving.follow_events(conn, captured, at)


def _index_rows(seq: int, event: Prepared, numbers: Mapping[Mark, int]) -> list[dict[str, Any]]:
    # Rows with ``voids`` never count: those of a declaration, and of an event whose declaration came first.
    other = numbers.get((event.hash, not event.declares))
    voids = other if other is not None and other < seq else None
    if event.declares and voids is None:
        voids = seq
    return [
        {"epc_key": thing.key, "event_time": event.event_time, "event_seq": seq, "role": thing.role,
         "deed": int(thing.deed), "parent": thing.parent, "voids": voids}
        for thing in event.index
    ]  # fmt: skip


def _told_here(merchant_id: int | None, ready: Sequence[Prepared]) -> defaultdict[bytes, Stored | None]:
    """Whose the events of this capture are, by hash; None for what is told neither here nor anywhere."""
    told: defaultdict[bytes, Stored | None] = defaultdict(lambda: None)
    return told | {event.hash: (0, merchant_id) for event in ready if not event.declares}


def _may_declare(declarer: int | None, original: Stored | None) -> bool:
    """Whether somebody may say that an event is wrong: who told it, or the operator.

    Of what nobody has told the operator alone: who guesses another's event could take its declaration away.
    """
    return declarer is None or (original is not None and original[1] == declarer)


def _counting(known: Mapping[Mark, Stored], merchant_id: int | None) -> dict[Mark, int]:
    """The numbers of the stored events that a merchant's declaration, or one of its events, speaks of."""
    return {
        mark: stored[0] for mark, stored in known.items()
        if not mark[1] or _may_declare(stored[1], (0, merchant_id))
    }  # fmt: skip


def _known(conn: Connection, ready: Sequence[Prepared]) -> dict[Mark, Stored]:
    """The stored ones among the events, by hash and whether they declare an error."""
    e = epcis_event.c
    found: dict[Mark, Stored] = {}
    hashes = list({event.hash for event in ready})
    for start in range(0, len(hashes), _STEP):
        part = hashes[start : start + _STEP]
        columns = select(e.hash, e.declares, e.event_seq, e.merchant_id)
        rows = conn.execute(columns.where(e.hash.in_(part)))
        found |= {(row.hash, row.declares): (row.event_seq, row.merchant_id) for row in rows}
    return found


def _given(conn: Connection, ready: Sequence[Prepared]) -> dict[str, bytes]:
    """The hashes of the stored events that have one of the given eventIDs."""
    e = epcis_event.c
    found: dict[str, bytes] = {}
    ids = list({event.given_id for event in ready if event.given_id is not None})
    for start in range(0, len(ids), _STEP):
        part = ids[start : start + _STEP]
        rows = conn.execute(select(e.given_id, e.hash).where(e.given_id.in_(part)))
        found |= {row.given_id: row.hash for row in rows}
    return found


_STEP = 500
