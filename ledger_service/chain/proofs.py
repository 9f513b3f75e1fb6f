"""The proof that an operation stands on the chain: its place in a batch, and the path to the batch's root.

All of it comes out of the mirror, whose leaves were held against the root that the contract stored. Whoever
does not want to believe the mirror asks the ClearingHouse for ``rootOf(batch)`` and climbs the path itself.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

from sqlalchemy import Connection, select

from ledger_service.chain.errors import OperationUnknown
from ledger_service.chain.models import chain_applied, chain_cursor, chain_operation
from ledger_service.kernel.intents import operation_of
from ledger_service.kernel.merkle import proof_of
from ledger_service.kernel.operations import Operation
from ledger_service.outbox.models import State, intent

_UNSPOKEN = frozenset({"op_id", "signature", "authorisation"})


@dataclass(frozen=True, slots=True)
class Proof:
    """Where a leaf stands: ``path`` leads from it to ``root``; ``final`` once no reorg can take it back."""

    batch: int
    index: int
    count: int
    path: tuple[bytes, ...]
    root: bytes
    period: int
    block_number: int
    final: bool


@dataclass(frozen=True, slots=True)
class Proven:
    """An operation as it was accepted, with its proof; None until it is in a block."""

    operation: Operation
    leaf: bytes
    state: str
    reason: str | None
    member_id: int | None
    proof: Proof | None

    @property
    def facts(self) -> dict[str, object]:
        """What the operation says, by field; signatures left out, which the leaf does not bind."""
        names = (f.name for f in fields(self.operation) if f.name not in _UNSPOKEN)
        return {name: getattr(self.operation, name) for name in names}


def prove(conn: Connection, op_id: bytes) -> Proven:
    """The operation and, once it is in a block, its proof; three short reads and the leaves of one batch.

    Raises:
        OperationUnknown: no operation for the chain has that id.
    """
    row = conn.execute(select(intent).where(intent.c.op_id == op_id)).one_or_none()
    if row is None:
        raise OperationUnknown(op_id.hex())
    mined = row.state in (State.MINED.value, State.FINAL.value)
    proof = _proof(conn, row.batch_number, row.leaf) if mined else None
    return Proven(operation_of(row.payload), row.leaf, row.state, row.reason, row.member_id, proof)


def _proof(conn: Connection, batch: int, leaf: bytes) -> Proof | None:
    applied = conn.execute(select(chain_applied).where(chain_applied.c.number == batch)).one_or_none()
    if applied is None:  # rolled back a moment ago; the intent follows
        return None
    stored = select(chain_operation.c.leaf).where(chain_operation.c.batch == batch)
    leaves = list(conn.execute(stored.order_by(chain_operation.c.position)).scalars())
    final = conn.execute(select(chain_cursor.c.final_number)).scalar_one()
    index = leaves.index(leaf)
    path = tuple(proof_of(leaves, index))
    return Proof(
        batch,
        index,
        len(leaves),
        path,
        applied.root,
        applied.period,
        applied.block_number,
        applied.block_number <= final,
    )
