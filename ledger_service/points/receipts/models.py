"""The table of receipts that adjustments stand for."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, String, Table

from ledger_service.db.tables import fixed_length, metadata, one_of
from ledger_service.db.types import Bytes
from ledger_service.points.models import adjustment

# One row for each thing that makes the receipt known: its reference in its store, the code on it. state is
# that of the adjustment; sale_id the sale it stands for, once known. A mark is a hash: it names nobody.
claimed_receipt = Table(
    "claimed_receipt",
    metadata,
    Column("adjustment_id", Bytes(16), ForeignKey(adjustment.c.adjustment_id), primary_key=True),
    Column("mark", Bytes(32), primary_key=True),
    Column("store_gln", BigInteger, nullable=False),
    Column("sold_on", String(10), nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("state", String(8), nullable=False),
    Column("sale_id", Bytes(16)),
    fixed_length("mark", 32),
    one_of("state", ("asked", "approved", "declined")),
    Index("ix_claimed_receipt_mark", "mark"),
)
