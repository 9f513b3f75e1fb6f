"""Tables of the settlement room: the lock of papers, which are written once."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Table, Text

from ledger_service.db.guards import append_only
from ledger_service.db.tables import at_least, fixed_length, metadata
from ledger_service.db.types import Bytes, UtcInstant

# A paper's name tells merchant, period, stage and language; the bytes are made anew from the chain.
settlement_paper = append_only(Table(
    "settlement_paper", metadata,
    Column("name", Text, primary_key=True),
    Column("sha256", Bytes(32), nullable=False),
    Column("byte_count", BigInteger, nullable=False),
    Column("written_at", UtcInstant, nullable=False),
    fixed_length("sha256", 32), at_least("byte_count", 1),
))  # fmt: skip
