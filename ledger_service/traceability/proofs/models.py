"""Tables of the commitment to a batch's items."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Integer, Table

from ledger_service.db.tables import at_least, fixed_length, metadata
from ledger_service.db.types import Bytes, Int64, UtcInstant

# The root over each 1,024 items of a batch, so that a proof reads only its own part again.
trace_root_part = Table(
    "trace_root_part",
    metadata,
    Column("batch_no", Int64, ForeignKey("trace_batch.batch_no"), primary_key=True, autoincrement=False),
    Column("part", Integer, primary_key=True, autoincrement=False),
    Column("root", Bytes(32), nullable=False),
    fixed_length("root", 32),
)

# What is anchored of a batch by the operation ``op_id`` of ``outbox.beside``, once for ever. early_told_at:
# when what had been claimed or had come back before was told to the chain.
trace_root = Table(
    "trace_root",
    metadata,
    Column("batch_no", Int64, ForeignKey("trace_batch.batch_no"), primary_key=True, autoincrement=False),
    Column("root", Bytes(32), nullable=False),
    Column("count", Integer, nullable=False),
    Column("op_id", Bytes(16), nullable=False),
    Column("made_at", UtcInstant, nullable=False),
    Column("early_told_at", UtcInstant),
    fixed_length("root", 32),
    fixed_length("op_id", 16),
    at_least("count", 1),
)
