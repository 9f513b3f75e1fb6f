"""Finds what a restore or clawback reverses: the batch that holds it and its path to that batch's root."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, select

from ledger_service.chain import queue, successions
from ledger_service.chain.encode import Original
from ledger_service.chain.models import chain_batch_item, chain_operation
from ledger_service.chain.plan import Lookup, reverses
from ledger_service.kernel.merkle import proof_of
from ledger_service.kernel.operations import Clawback, Issue, Operation, Redeem, Restore
from ledger_service.outbox.models import State


def resolve(conn: Connection, operations: Sequence[Operation]) -> dict[bytes, Original | Lookup]:
    """For every original that these operations cite, by op_id: where it is proven, or why it is not.

    A packed original counts, for the order of nonces brings its batch to the chain first; if that
    batch is refused, so is the one that cites it, and both are packed anew.
    """
    citing = {o.original_op_id: o for o in operations if isinstance(o, (Restore, Clawback))}
    known = queue.known(conn, list(citing))
    leaves: dict[int, list[bytes]] = {}
    found = {
        op_id: _resolve_one(conn, operation, known.get(op_id), leaves) for op_id, operation in citing.items()
    }
    cited = [each.operation.account for each in found.values() if isinstance(each, Original)]
    moved = successions.mined(conn, cited)
    return {op_id: _on_its_account(citing[op_id], each, moved) for op_id, each in found.items()}


def _on_its_account(
    operation: Operation, original: Original | Lookup, moved: Mapping[bytes, bytes]
) -> Original | Lookup:
    """The contract reverses on the account that the original's has moved to: that must be the operation's."""
    if not isinstance(original, Original):
        return original
    at, path = original.operation.account, []
    while at in moved:
        path.append(at)
        at = moved[at]
    if at == operation.account:
        return original
    # It moved on before this could be packed, or has not arrived there yet.
    return Lookup.NEVER if operation.account in path else Lookup.NOT_YET


def _resolve_one(
    conn: Connection, operation: Operation, found: queue.Known | None, leaves: dict[int, list[bytes]]
) -> Original | Lookup:
    if found is None or found.state == State.SET_ASIDE.value:
        return Lookup.NEVER
    if found.operation is None:
        # Queued, it will be set aside; on its way or mined, its row must be brought back first.
        return Lookup.NEVER if found.state == State.QUEUED.value else Lookup.NOT_YET
    if not reverses(operation, found.operation):
        return Lookup.NEVER
    batch, original = found.batch_number, found.operation
    if found.state == State.QUEUED.value or batch is None or not isinstance(original, (Redeem, Issue)):
        return Lookup.NOT_YET
    if batch not in leaves:
        leaves[batch] = _leaves_of(conn, batch)
    leaf = original.leaf()
    if leaf not in leaves[batch]:
        return Lookup.NOT_YET
    return Original(original, batch, tuple(proof_of(leaves[batch], leaves[batch].index(leaf))))


def _leaves_of(conn: Connection, batch: int) -> list[bytes]:
    for table in (chain_operation, chain_batch_item):
        query = select(table.c.leaf).where(table.c.batch == batch).order_by(table.c.position)
        stored = [row[0] for row in conn.execute(query)]
        if stored:
            return stored
    return []
