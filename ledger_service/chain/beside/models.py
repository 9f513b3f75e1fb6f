"""The tables of the relay: batches to contracts beside the ClearingHouse, and what became of each operation.

A batch has no transaction of its own column: its transactions carry the step ``step_of`` gives it.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    Table,
    Text,
    literal_column,
    text,
)

from ledger_service.db.tables import at_least, fixed_length, metadata, one_of
from ledger_service.db.types import Bytes, Int64, UtcInstant

chain_beside_batch = Table(
    "chain_beside_batch",
    metadata,
    Column("target", Text, primary_key=True),
    Column("number", Int64, primary_key=True, autoincrement=False),
    Column("state", Text, nullable=False),
    Column("count", Integer, nullable=False),
    # The root over the outcomes, and the block: known once a block has the batch.
    Column("root", Bytes(32)),
    Column("block_number", BigInteger),
    Column("created_at", UtcInstant, nullable=False),
    one_of("state", ("signed", "mined", "final", "reverted", "dead")),
    at_least("count", 1),
    Index(
        "ix_chain_beside_batch_unsettled",
        "target",
        "state",
        sqlite_where=text("state IN ('signed', 'mined', 'reverted')"),
        postgresql_where=text("state IN ('signed', 'mined', 'reverted')"),
    ),
    Index("ix_chain_beside_batch_block_number", "block_number"),
)

# Written out: the index of unsettled batches counts only where the query says what the index says.
UNSETTLED = chain_beside_batch.c.state.in_(
    [literal_column(f"'{state}'") for state in ("signed", "mined", "reverted")]
)

# One operation lives in one batch; a dead batch keeps its items as history (D8, INV-7).
chain_beside_item = Table(
    "chain_beside_item",
    metadata,
    Column("target", Text, primary_key=True),
    Column("batch", Int64, primary_key=True, autoincrement=False),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("op_id", Bytes(16), nullable=False),
    Column("leaf", Bytes(32), nullable=False),
    # Four bytes of the reason for which the contract refused it; NULL: applied, or not in a block yet.
    Column("reason", Bytes(4)),
    Column("live", Boolean, nullable=False),
    ForeignKeyConstraint(["target", "batch"], ["chain_beside_batch.target", "chain_beside_batch.number"]),
    fixed_length("op_id", 16),
    fixed_length("leaf", 32),
    Index(
        "uq_chain_beside_item_live_op_id",
        "op_id",
        unique=True,
        sqlite_where=text("live = 1"),
        postgresql_where=text("live"),
    ),
    Index("ix_chain_beside_item_op_id", "op_id"),
)


def step_of(target: str, number: int) -> str:
    """What the transactions of a batch are called among those of our keys."""
    return f"beside:{target}:{number}"
