"""Operations that are asked for again though the chain has them: after a restore, when a till that lost its
answer repeats the sale with its key, or a job that had run runs again.

Ids derive from keys (ADR 0006), so such an operation has the id of one that was taken over from the chain. It
is that one, as the chain tells it; it is never sent a second time (INV-7).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, select, update

from ledger_service.chain.aside import Aside
from ledger_service.chain.decode import MinedOperation
from ledger_service.chain.desk import Desk
from ledger_service.chain.encode import moved_legs
from ledger_service.chain.mirror import operation_of_row
from ledger_service.chain.models import chain_applied, chain_batch, chain_batch_item, chain_operation
from ledger_service.chain.ports import Handler
from ledger_service.chain.rebuilt import accepted_and_detail, terms_of
from ledger_service.kernel.events import ChainEvent, OperationMined
from ledger_service.kernel.intents import payload_of, readable_operation
from ledger_service.kernel.operations import (
    Clawback,
    Convert,
    Expire,
    Extend,
    Gift,
    Issue,
    Operation,
    Redeem,
    Restore,
    SignerChange,
)
from ledger_service.outbox.models import State, intent

_STATES = {"mined": State.MINED, "final": State.FINAL}
_OTHER_POINTS = "OperationOnChainDiffers()"


class Again:
    """Puts queued operations where the same ones stand already."""

    def __init__(self, desk: Desk, handlers: Sequence[Handler], aside: Aside) -> None:
        self._desk, self._handlers, self._aside = desk, handlers, aside

    def settle(self, operations: Sequence[Operation]) -> int:
        """Those of these that are live in a batch stand there now; one that moves other points is set aside.

        Returns:
            how many there were.

        Locks: the lease, then the intents.
        """
        by_id = {operation.op_id: operation for operation in operations}
        with self._desk.write() as conn:
            rows = _live(conn, list(by_id))
            known = {row.op_id: _version_of_chain(by_id[row.op_id], row) for row in rows}
            events = [event for row in rows if (event := _place(conn, row, known[row.op_id])) is not None]
            for handler in self._handlers if events else ():
                handler(conn, events)
        for op_id, version in known.items():
            if version is None:
                self._aside.put(by_id[op_id], _OTHER_POINTS)
        return len(known)


class Stood(NamedTuple):
    """An operation in a block of the chain: where, and whether another one moves the same points."""

    batch: int
    block: int
    is_like: Callable[[Operation], bool]


def standing(conn: Connection, op_ids: Sequence[bytes]) -> dict[bytes, Stood]:
    """Those of these operations that are in a block, whoever sent them."""

    def stood(row: Any) -> Stood:
        return Stood(row.batch, row.block_number, lambda asked: _version_of_chain(asked, row) is not None)

    return {row.op_id: stood(row) for row in _live(conn, op_ids) if row.block_number is not None}


def _live(conn: Connection, op_ids: Sequence[bytes]) -> Sequence[Any]:
    item, o, batch, applied = chain_batch_item.c, chain_operation.c, chain_batch.c, chain_applied.c
    mined = (o.batch == item.batch) & (o.position == item.position)
    joined = chain_batch_item.join(chain_batch, batch.number == item.batch)
    joined = joined.outerjoin(chain_operation, mined).outerjoin(chain_applied, applied.number == item.batch)
    placed = (item.op_id, item.batch, item.position, item.leaf, batch.state)
    query = select(*placed, o.kind, o.data, applied.block_number, applied.period).select_from(joined)
    return conn.execute(query.where(item.live & item.op_id.in_(op_ids))).all()


def _version_of_chain(queued: Operation, row: Row[Any]) -> Operation | None:
    """The queued operation with the words that the chain has of it; None where it moves other points."""
    if queued.leaf() == row.leaf:
        return queued
    if row.data is None:
        return None
    told = _with_words_of(queued, operation_of_row(row))
    return told if told is not None and told.leaf() == row.leaf else None


def _with_words_of(queued: Operation, mined: MinedOperation) -> Operation | None:
    if mined.kind is not queued.kind or _points(moved_legs(queued)) != _points(mined.legs):
        return None
    (at, detail), data = accepted_and_detail(mined), mined.data
    match queued:
        case Issue():
            return replace(queued, accepted_at=at, reason=detail, leg=mined.legs[0])
        case Restore() | Expire() | Extend():
            return replace(queued, accepted_at=at, leg=mined.legs[0])
        case Clawback():
            return replace(queued, accepted_at=at, legs=mined.legs)
        case Redeem():
            nonce, digest = int.from_bytes(data[96:128], "big"), data[128:160]
            return replace(
                queued, accepted_at=at, flags=detail, nonce=nonce, permit_digest=digest, legs=mined.legs
            )
        case Convert():
            nonce, digest, terms = int.from_bytes(data[96:128], "big"), data[160:192], terms_of(mined)
            return replace(
                queued, accepted_at=at, nonce=nonce, permit_digest=digest, legs=mined.legs, terms=terms,
                spread_bps=mined.spread_bps,
            )  # fmt: skip
        case Gift():
            nonce, digest = int.from_bytes(data[128:160], "big"), data[160:192]
            return replace(queued, accepted_at=at, nonce=nonce, permit_digest=digest, legs=mined.legs)
        case SignerChange():
            return replace(queued, accepted_at=at, flags=detail)
        case _:
            return None


def _points(legs: Sequence[Any]) -> list[tuple[int, int, int]]:
    return sorted((leg.programme, leg.epoch, leg.amount) for leg in legs)


def _place(conn: Connection, row: Row[Any], version: Operation | None) -> ChainEvent | None:
    if version is None:
        return None
    state = _STATES.get(row.state, State.PACKED)
    mine = (intent.c.op_id == row.op_id) & (intent.c.state == State.QUEUED.value)
    place = {"batch_number": row.batch, "batch_index": row.position}
    values = {"state": state.value, "reason": None, **place, "leaf": row.leaf}
    conn.execute(update(intent).where(mine).values(**values, payload=payload_of(version)))
    _cite(conn, row.op_id, row.leaf)
    if row.block_number is None:
        return None
    at = (row.batch, row.position, row.block_number, row.period)
    return OperationMined(row.op_id, int(version.kind), row.leaf, *at)


def _cite(conn: Connection, op_id: bytes, leaf: bytes) -> None:
    """What reverses the operation cites it as the chain has it; none of that was sent before."""
    citing = (intent.c.original_op_id == op_id) & (intent.c.state == State.QUEUED.value)
    for row in conn.execute(select(intent.c.intent_id, intent.c.payload).where(citing)).all():
        operation = readable_operation(row.payload)
        if isinstance(operation, (Restore, Clawback)) and operation.original_leaf != leaf:
            cited = replace(operation, original_leaf=leaf)
            same = intent.c.intent_id == row.intent_id
            conn.execute(update(intent).where(same).values(payload=payload_of(cited), leaf=cited.leaf()))
