"""The follower: reads the books behind the work, writes facts, and lays out who is to be told.

A step moves its cursors, takes the notes that it has read, and writes what it found in one db transaction:
each happening becomes one fact however often it is killed. Facts are written only for merchants with an
endpoint.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Connection, RowMapping, delete, func, select, update

from ledger_service.db.bulk import sql_of
from ledger_service.ledger.models import entry
from ledger_service.webhooks.facts import Fact, facts_of_entries, settled_fact
from ledger_service.webhooks.models import (
    webhook_cursor,
    webhook_delivery,
    webhook_endpoint,
    webhook_event,
    webhook_fresh,
)
from ledger_service.webhooks.ports import Settlements
from ledger_service.webhooks.side_facts import facts_of_notes

AT_ONCE = 1_000
_N, _U, _F, _V, _L = entry.c, webhook_cursor.c, webhook_fresh.c, webhook_event.c, webhook_endpoint.c


class Listener(NamedTuple):
    """An endpoint and the kinds it wants; an empty set means all."""

    endpoint_id: bytes
    kinds: frozenset[str]
    takes: bool


def something_new(conn: Connection, settlements: Settlements, at: datetime) -> bool:
    """Whether any book has something behind the cursors."""
    cursor = conn.execute(select(webhook_cursor)).mappings().first()
    sequence, period = (0, 0) if cursor is None else (cursor["sequence"], cursor["period"])
    its = (select(_F.fresh_id).limit(1), select(_N.sequence).where(_N.sequence > sequence).limit(1))
    if any(conn.execute(one).first() is not None for one in its):
        return True
    return settlements.closed_after(conn, period, at)[0] > period


def follow(conn: Connection, settlements: Settlements, at: datetime) -> bool:
    """The next rows of every book are facts; returns whether there may be more at once.

    Idempotency: cursors and notes go with what was found. Locks: the cursor's row.
    """
    cursor = _cursor(conn)
    listeners = _listeners(conn)
    if not listeners:
        _skip(conn, settlements, cursor, at)
        return False
    its = select(_N.sequence, _N.op_id, _N.kind, _N.body, _N.occurred_at)
    behind = its.where(_N.sequence > cursor["sequence"]).order_by(_N.sequence).limit(AT_ONCE)
    entries = conn.execute(behind).all()
    notes = conn.execute(select(webhook_fresh).order_by(_F.fresh_id).limit(AT_ONCE)).all()
    told = facts_of_notes(conn, notes, at)
    found = facts_of_entries(conn, entries) if entries else []
    for note in notes:
        found += told.get((note.source, note.ref, note.number), ())
    period, nets = settlements.closed_after(conn, cursor["period"], at)
    found += [settled_fact(net.period, net.merchant_id, net.net_micros, at) for net in nets]
    _write(conn, [fact for fact in found if fact.merchant_id in listeners], listeners, at)
    conn.execute(delete(webhook_fresh).where(_F.fresh_id.in_([note.fresh_id for note in notes])))
    sequence = entries[-1].sequence if entries else cursor["sequence"]
    _move(conn, sequence, period)
    return AT_ONCE in (len(entries), len(notes))


def lay_out(conn: Connection, listener: Listener, facts: Iterable[RowMapping], at: datetime) -> int:
    """The endpoint will be sent those of these facts that it wants and has no delivery of; returns how many.

    A delivery that there is already waits again, from its beginning.
    """
    wanted = [f for f in facts if not listener.kinds or f["kind"] in listener.kinds]
    rows = [_delivery(listener, fact, at) for fact in wanted]
    if not rows:
        return 0
    d = webhook_delivery.c
    again = (d.endpoint_id == listener.endpoint_id) & d.number.in_([row["number"] for row in rows])
    fresh = {"state": "pending", "attempts": 0, "due_at": at, "first_tried_at": None, "done_at": None}
    conn.execute(update(webhook_delivery).where(again).values(fresh))
    sql_of(webhook_delivery, conn).insert(conn, rows, or_ignore=True)
    return len(rows)


def _delivery(listener: Listener, fact: RowMapping | Mapping[str, Any], at: datetime) -> dict[str, Any]:
    return {
        "endpoint_id": listener.endpoint_id, "number": fact["number"], "lane": fact["member_id"] or 0,
        "state": "pending", "attempts": 0, "due_at": at, "first_tried_at": None, "done_at": None,
        "last_status": None,
    }  # fmt: skip


def _write(
    conn: Connection, facts: Sequence[Fact], listeners: Mapping[int, Sequence[Listener]], at: datetime
) -> None:
    """The facts that are new stand in the book with their deliveries."""
    once = {fact.event_id: fact for fact in facts}
    if not once:
        return
    known = set(conn.execute(select(_V.event_id).where(_V.event_id.in_(list(once)))).scalars())
    first = 1 + (conn.execute(select(func.max(_V.number))).scalar_one_or_none() or 0)
    new = [fact for event_id, fact in once.items() if event_id not in known]
    rows = [_row(first + place, fact, at) for place, fact in enumerate(new)]
    if not rows:
        return
    sql_of(webhook_event, conn).insert(conn, rows)
    deliveries = [
        _delivery(listener, row, at)
        for row in rows
        for listener in listeners[row["merchant_id"]]
        if listener.takes and (not listener.kinds or row["kind"] in listener.kinds)
    ]
    if deliveries:
        sql_of(webhook_delivery, conn).insert(conn, deliveries)


def _row(number: int, fact: Fact, at: datetime) -> dict[str, Any]:
    return {
        "number": number, "event_id": fact.event_id, "merchant_id": fact.merchant_id,
        "kind": fact.kind.value, "member_id": fact.member_id, "body": orjson.dumps(fact.body).decode(),
        "occurred_at": fact.occurred_at, "recorded_at": at,
    }  # fmt: skip


def listener_of(row: RowMapping) -> Listener:
    """What an endpoint's row wants to hear."""
    return Listener(row["endpoint_id"], frozenset(row["kinds"].split()), row["state"] in ("active", "paused"))


def _listeners(conn: Connection) -> dict[int, list[Listener]]:
    found: dict[int, list[Listener]] = {}
    for row in conn.execute(select(webhook_endpoint).where(_L.state != "ended")).mappings():
        found.setdefault(row["merchant_id"], []).append(listener_of(row))
    return found


def _skip(conn: Connection, settlements: Settlements, cursor: Mapping[str, int], at: datetime) -> None:
    """Nobody listens: what happened so far is nobody's to hear."""
    last = conn.execute(select(func.max(_N.sequence))).scalar_one_or_none() or 0
    newest = conn.execute(select(func.max(_F.fresh_id))).scalar_one_or_none()
    if newest is not None:
        conn.execute(delete(webhook_fresh).where(_F.fresh_id <= newest))
    period, _ = settlements.closed_after(conn, cursor["period"], at)
    _move(conn, max(last, cursor["sequence"]), period)


def _cursor(conn: Connection) -> Mapping[str, int]:
    its = select(webhook_cursor).with_for_update()
    found = conn.execute(its).mappings().first()
    if found is None:
        # Of two that begin at once, one makes it and the other waits for that.
        first = {"id": 1, "sequence": 0, "period": 0}
        sql_of(webhook_cursor, conn).insert(conn, [first], or_ignore=True)
        found = conn.execute(its).mappings().one()
    return {"sequence": found["sequence"], "period": found["period"]}


def _move(conn: Connection, sequence: int, period: int) -> None:
    conn.execute(update(webhook_cursor).where(_U.id == 1).values(sequence=sequence, period=period))
