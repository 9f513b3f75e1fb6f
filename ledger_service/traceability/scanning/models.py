"""Tables of scans: each without personal data, what they sum up to by item, salts that are forgotten."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, SmallInteger, String, Table, Text

from ledger_service.db.guards import append_only
from ledger_service.db.tables import at_least, fixed_length, metadata, one_of
from ledger_service.db.types import Bytes, Int64, UtcInstant
from ledger_service.traceability.scanning.rules import Verdict

# item_id and gtin are None where nobody made it; the code itself is kept only as the item that it leads to.
# Places are a country and tenths of a degree, as the scanner rounded them.
trace_scan = append_only(Table(
    "trace_scan", metadata,
    Column("scan_no", Int64, primary_key=True),
    Column("item_id", BigInteger),
    Column("gtin", String(14)),
    Column("at", UtcInstant, nullable=False),
    Column("device", Bytes(8), nullable=False),
    Column("country", String(2)),
    Column("latitude_tenths", SmallInteger),
    Column("longitude_tenths", SmallInteger),
    Column("verdict", String(16), nullable=False),
    Column("reasons", Text, nullable=False),
    one_of("verdict", Verdict),
    Index("ix_trace_scan_item_id", "item_id", "scan_no"),
))  # fmt: skip

trace_scan_sum = Table(
    "trace_scan_sum", metadata,
    Column("item_id", BigInteger, primary_key=True, autoincrement=False),
    Column("times", Integer, nullable=False),
    Column("first_at", UtcInstant, nullable=False),
    Column("first_country", String(2)),
    Column("last_at", UtcInstant, nullable=False),
    Column("latitude_tenths", SmallInteger),
    Column("longitude_tenths", SmallInteger),
    at_least("times", 1),
)  # fmt: skip

# device is 8 bytes of a keyed hash under the period's salt, of this item alone: it links no two items.
trace_scan_device = Table(
    "trace_scan_device", metadata,
    Column("item_id", BigInteger, primary_key=True, autoincrement=False),
    Column("device", Bytes(8), primary_key=True),
    Column("seen_at", UtcInstant, nullable=False),
    fixed_length("device", 8),
)  # fmt: skip

trace_scan_salt = Table(
    "trace_scan_salt", metadata,
    Column("period", Integer, primary_key=True, autoincrement=False),
    Column("salt", Bytes(16), nullable=False),
    fixed_length("salt", 16),
)  # fmt: skip

# Serials that nobody made, by product and hour; one row stands for all GTINs that are no product.
trace_scan_unknown = Table(
    "trace_scan_unknown", metadata,
    Column("gtin", String(14), primary_key=True),
    Column("hour", Integer, primary_key=True, autoincrement=False),
    Column("times", Integer, nullable=False),
    at_least("times", 1),
)  # fmt: skip
