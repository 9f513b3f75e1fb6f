"""Reads of the outbox: how much waits, how long, what became of an operation, which row was forged."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, func, select, text

from ledger_service.kernel.clock import instant_of_micros
from ledger_service.kernel.intents import read_payload
from ledger_service.outbox.models import State, intent, standing

_CHUNK = 5_000
MOST_COUNTED = 100_000


class Standing(NamedTuple):
    """Where an operation stands; batch and index are None until it is packed."""

    op_id: bytes
    kind: int
    state: str
    reason: str | None
    batch_number: int | None
    batch_index: int | None


class SetAside(NamedTuple):
    """An operation that the chain refuses."""

    intent_id: int
    op_id: bytes
    kind: int
    reason: str | None


class Lag(NamedTuple):
    """How far the chain is behind: operations not final yet, and when the oldest queued one was written.

    ``later`` counts, up to ``MOST_COUNTED``, what a cut-over left to go behind everything else; the others
    and the age do not know of it, for it may well take hours.
    """

    queued: int
    packed: int
    mined: int
    oldest_queued: datetime | None
    later: int = 0


class Forgery(NamedTuple):
    """An intent that is not what was accepted."""

    intent_id: int
    op_id: bytes
    what: str


def member_of(conn: Connection, op_id: bytes) -> int | None:
    """The member whom an operation concerns; None for no such operation, or one that concerns nobody."""
    row = conn.execute(select(intent.c.member_id).where(intent.c.op_id == op_id)).one_or_none()
    return None if row is None else row.member_id


_PLACES = (
    intent.c.op_id, intent.c.kind, intent.c.state, intent.c.reason,
    intent.c.batch_number, intent.c.batch_index,
)  # fmt: skip
_STANDINGS = select(*_PLACES).where(intent.c.op_id.in_(bindparam("ids", expanding=True)))
_OLDEST = text(
    "SELECT created_at FROM intent WHERE state <> 'final' AND state = 'queued' AND later IS NULL"
    " ORDER BY intent_id LIMIT 1"
)
_COUNTS = text("SELECT state, COUNT(*) FROM intent GROUP BY state")
_MOVING = text(
    "SELECT state, COUNT(*) FROM intent WHERE state <> 'final' AND (state IN ('packed', 'mined') OR"
    " (state = 'queued' AND later IS NULL)) GROUP BY state"
)
_LATER = text(
    "SELECT COUNT(*) FROM (SELECT 1 FROM intent WHERE state <> 'final' AND state = 'queued' AND later = 1"
    " LIMIT :most) AS waiting"
)
_SET_ASIDE = (
    select(intent.c.intent_id, intent.c.op_id, intent.c.kind, intent.c.reason)
    .where(standing(State.SET_ASIDE), intent.c.intent_id > bindparam("after"))
    .order_by(intent.c.intent_id)
)


def newest_intent(conn: Connection) -> int:
    """The number of the newest operation; everything accepted so far has this one or a smaller one."""
    return conn.execute(select(func.max(intent.c.intent_id))).scalar() or 0


def waiting_up_to(conn: Connection, newest: int) -> int:
    """How many operations up to this number are in no block yet; what the contract refuses does not count."""
    waits = standing(State.QUEUED, State.PACKED) & (intent.c.intent_id <= newest)
    return int(conn.execute(select(func.count()).select_from(intent).where(waits)).scalar_one())


def counts(conn: Connection) -> dict[str, int]:
    """How many intents stand in each state, every state named; reads the whole index."""
    found = {row[0]: int(row[1]) for row in conn.execute(_COUNTS)}
    return {state.value: found.get(state.value, 0) for state in State}


def lag(conn: Connection) -> Lag:
    """What is not final yet; costs as much as what is under way, not as what ever was."""
    found = {row[0]: int(row[1]) for row in conn.execute(_MOVING)}
    oldest = conn.execute(_OLDEST).scalar_one_or_none()
    since = None if oldest is None else instant_of_micros(oldest)
    later = int(conn.execute(_LATER, {"most": MOST_COUNTED}).scalar_one())
    return Lag(found.get("queued", 0), found.get("packed", 0), found.get("mined", 0), since, later)


def standings(conn: Connection, op_ids: Sequence[bytes]) -> dict[bytes, Standing]:
    """Where these operations stand; unknown ones are left out."""
    if not op_ids:
        return {}
    return {row[0]: Standing(*row) for row in conn.execute(_STANDINGS, {"ids": list(op_ids)})}


def set_aside(conn: Connection, after: int = 0, most: int | None = None) -> list[SetAside]:
    """Operations that the chain refuses for good, with their reasons (D7), in the order of acceptance.

    Args:
        conn: the db transaction.
        after: begin behind this intent id.
        most: how many; all of them when absent.
    """
    return [SetAside(*row) for row in conn.execute(_SET_ASIDE.limit(most), {"after": after})]


def set_aside_one(conn: Connection, op_id: bytes) -> SetAside | None:
    """An operation that the chain refuses; None where it is not set aside."""
    columns = (intent.c.intent_id, intent.c.op_id, intent.c.kind, intent.c.reason)
    mine = (intent.c.op_id == op_id) & (intent.c.state == State.SET_ASIDE.value)
    row = conn.execute(select(*columns).where(mine)).one_or_none()
    return None if row is None else SetAside(*row)


def set_aside_count(conn: Connection) -> int:
    """How many operations the chain refuses for good."""
    statement = select(func.count()).where(standing(State.SET_ASIDE))
    return int(conn.execute(statement.select_from(intent)).scalar_one())


def forgeries(conn: Connection, after: int = 0) -> Iterator[Forgery]:
    """Intents whose payload is not the operation of their op_id and leaf, and holes in the numbering.

    Args:
        conn: a snapshot.
        after: begin behind this intent id.
    """
    last = conn.execute(select(func.max(intent.c.intent_id))).scalar_one() or 0
    columns = (intent.c.intent_id, intent.c.op_id, intent.c.kind, intent.c.leaf, intent.c.merchant_id)
    while after < last:
        chapter = select(*columns, intent.c.payload).where(
            intent.c.intent_id > after, intent.c.intent_id <= after + _CHUNK
        )
        expected = after
        for row in conn.execute(chapter.order_by(intent.c.intent_id)):
            expected += 1
            if row[0] != expected:
                yield Forgery(expected, b"", f"no intent up to {row[0] - 1}")
                expected = row[0]
            if wrong := _wrong(*row[1:]):
                yield Forgery(row[0], row[1], wrong)
        after += _CHUNK


def _wrong(op_id: bytes, kind: int, leaf: bytes, merchant: int, payload: str) -> str | None:
    read = read_payload(payload)
    if read is None:
        return "payload is not an operation"
    operation, found = read
    if (operation.op_id, int(operation.kind), operation.merchant) != (op_id, kind, merchant):
        return "payload is another operation"
    return None if found == leaf else "leaf is not that of the payload"
