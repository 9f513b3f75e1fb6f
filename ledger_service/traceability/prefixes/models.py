"""Tables of prefixes: which stand, and everything that was done about them."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, String, Table, Text

from ledger_service.db.guards import append_only
from ledger_service.db.tables import metadata, one_of
from ledger_service.db.types import Int64, UtcInstant

trace_prefix = Table(
    "trace_prefix", metadata,
    Column("prefix", String(12), primary_key=True),
    Column("merchant_id", BigInteger, ForeignKey("merchant.merchant_id"), nullable=False),
    Column("allotted_at", UtcInstant, nullable=False),
    Index("ix_trace_prefix_merchant_id", "merchant_id", "prefix"),
    sqlite_with_rowid=False,
)  # fmt: skip

# done_by is the subject of a key, or the command line of the operator's machine.
trace_prefix_act = append_only(Table(
    "trace_prefix_act", metadata,
    Column("act_no", Int64, primary_key=True),
    Column("prefix", String(12), nullable=False),
    Column("merchant_id", BigInteger, nullable=False),
    Column("act", String(9), nullable=False),
    Column("done_by", Text, nullable=False),
    Column("done_at", UtcInstant, nullable=False),
    one_of("act", ("allotted", "withdrawn")),
))  # fmt: skip
