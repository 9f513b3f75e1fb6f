"""Tables of item cases: one row for each case, and what happened to it, row by row."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, String, Table, Text, text

from ledger_service.db.guards import append_only
from ledger_service.db.tables import at_least, fixed_length, metadata, one_of
from ledger_service.db.types import Bytes, UtcInstant
from ledger_service.traceability.cases.rules import CLOSURES, EVENTS, KINDS, STATES

_OPEN = text("state <> 'closed'")

# subject is an item's number, or for unknown serials the GTIN; merchant_id the brand, None for no product.
trace_case = Table(
    "trace_case", metadata,
    Column("case_id", Bytes(16), primary_key=True),
    Column("kind", String(20), nullable=False),
    Column("subject", String(20), nullable=False),
    Column("gtin", String(14)),
    Column("merchant_id", BigInteger, ForeignKey("merchant.merchant_id")),
    Column("state", String(8), nullable=False),
    Column("assigned_to", Text),
    Column("closure", String(12)),
    Column("seen", Integer, nullable=False),
    Column("opened_at", UtcInstant, nullable=False),
    Column("last_at", UtcInstant, nullable=False),
    one_of("kind", KINDS), one_of("state", STATES), one_of("closure", CLOSURES), at_least("seen", 1),
    fixed_length("case_id", 16),
    Index("uq_trace_case_open", "kind", "subject", unique=True, sqlite_where=_OPEN, postgresql_where=_OPEN),
    Index("ix_trace_case_merchant_id", "merchant_id", "case_id"),
)  # fmt: skip

trace_case_event = append_only(Table(
    "trace_case_event", metadata,
    Column("case_id", Bytes(16), ForeignKey("trace_case.case_id"), primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("kind", String(8), nullable=False),
    Column("by_whom", Text, nullable=False),
    Column("said", Text, nullable=False),
    Column("at", UtcInstant, nullable=False),
    one_of("kind", EVENTS),
))  # fmt: skip
