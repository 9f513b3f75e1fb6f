"""What the relay reads of a target's intents: the front of the queue, and originals with their proofs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, select, update

from ledger_service.chain.beside import book
from ledger_service.chain.beside.models import chain_beside_batch, chain_beside_item
from ledger_service.chain.beside.planning import Queued
from ledger_service.chain.beside.targets import Target
from ledger_service.kernel.beside import BesideOperation, Proven, leaf_of, refused_outcome
from ledger_service.kernel.merkle import proof_of
from ledger_service.outbox.beside.models import QUEUED, beside_intent

_b, _n, _i = chain_beside_batch.c, chain_beside_item.c, beside_intent.c
_STATES = {"mined": "mined", "final": "final"}


class Reader:
    """Reads one target's rows; ``unreadable`` are op_id and kind of queued payloads that are no operation."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._queued = (_i.target == target.name) & QUEUED
        self.unreadable: list[tuple[bytes, int]] = []

    def has_work(self, conn: Connection) -> bool:
        """Whether anything of the target is queued."""
        return conn.execute(select(_i.op_id).where(self._queued).limit(1)).first() is not None

    def queued(self, conn: Connection, most: int) -> list[Queued]:
        """The first queued operations in the order in which they were written; of one instant by kind."""
        query = select(beside_intent).where(self._queued).order_by(_i.created_at, _i.kind, _i.op_id)
        self.unreadable, found = [], []
        for row in conn.execute(query.limit(most)):
            operation = self._target.codec.read(row.payload)
            if operation is None:
                self.unreadable.append((row.op_id, row.kind))
            else:
                found.append(Queued(operation, leaf_of(operation) == row.leaf))
        return found

    def originals(
        self, conn: Connection, operations: Sequence[BesideOperation]
    ) -> tuple[dict[bytes, Proven], frozenset[bytes]]:
        """The originals that these cite: those that are applied with their proofs, those refused for good."""
        cited = {o.original_op_id for o in operations if o.original_op_id is not None}
        return self.proven(conn, sorted(cited))

    def proven(
        self, conn: Connection, cited: Sequence[bytes]
    ) -> tuple[dict[bytes, Proven], frozenset[bytes]]:
        """Of these operations those that are applied, with their proofs, and those that were refused."""
        if not cited:
            return {}, frozenset()
        proven: dict[bytes, Proven] = {}
        refused = set(self._set_aside(conn, cited))
        outcomes: dict[int, list[bytes]] = {}
        for item in self._judged(conn, cited):
            original = self._target.codec.read(item.payload)
            if item.reason is not None or original is None:
                refused.add(item.op_id)
                continue
            if item.batch not in outcomes:
                outcomes[item.batch] = self._outcomes(conn, item.batch)
            proof = proof_of(outcomes[item.batch], item.position)
            proven[item.op_id] = Proven(original, item.batch, tuple(proof))
        return proven, frozenset(refused)

    def living(self, conn: Connection, op_ids: Sequence[bytes]) -> bool:
        """Whether one of these stands in a batch already."""
        mine = _n.op_id.in_(list(op_ids)) & _n.live
        return conn.execute(select(_n.op_id).where(mine).limit(1)).first() is not None

    def was_buried(self, conn: Connection, op_ids: Sequence[bytes]) -> bool:
        """Whether one of these stood in a batch that died: it may have lacked gas."""
        mine = _n.op_id.in_(list(op_ids)) & ~_n.live
        return conn.execute(select(_n.op_id).where(mine).limit(1)).first() is not None

    def put(self, conn: Connection, op_ids: Sequence[bytes]) -> None:
        """Queued ones of these that stand in a batch have the state that they have there."""
        joined = chain_beside_item.join(
            chain_beside_batch, (_b.target == _n.target) & (_b.number == _n.batch)
        )
        query = select(_n.op_id, _n.reason, _b.state).select_from(joined)
        for item in conn.execute(query.where(_n.op_id.in_(list(op_ids)) & _n.live)).all():
            state = _STATES.get(item.state, "packed")
            known = item.reason is not None and state != "packed"
            reason = self._target.reason_text(item.reason) if known else None
            mine = (_i.op_id == item.op_id) & (_i.state == "queued")
            conn.execute(update(beside_intent).where(mine).values(state=state, reason=reason))

    def _set_aside(self, conn: Connection, op_ids: Sequence[bytes]) -> list[bytes]:
        query = select(_i.op_id).where(_i.op_id.in_(list(op_ids)) & (_i.state == "set_aside"))
        return [row[0] for row in conn.execute(query)]

    def _judged(self, conn: Connection, op_ids: Sequence[bytes]) -> Sequence[Any]:
        joined = chain_beside_item.join(
            chain_beside_batch, (_b.target == _n.target) & (_b.number == _n.batch)
        ).join(beside_intent, _i.op_id == _n.op_id)
        mine = _n.op_id.in_(list(op_ids)) & _n.live & _b.state.in_(("mined", "final"))
        query = select(_n.op_id, _n.batch, _n.position, _n.reason, _i.payload).select_from(joined)
        return conn.execute(query.where(mine & (_n.target == self._target.name))).all()

    def _outcomes(self, conn: Connection, batch: int) -> list[bytes]:
        return [
            item.leaf if item.reason is None else refused_outcome(item.leaf, item.reason, item.position)
            for item in book.items_of(conn, self._target.name, batch)
        ]
