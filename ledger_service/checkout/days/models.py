"""Tables of the business days of stores; a day is counted as days since 1970-01-01."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
)

from ledger_service.db.tables import at_least, fixed_length, metadata, one_of
from ledger_service.db.types import Bytes, UtcInstant

# A day that a till has told something of. closes counts its closes, closed_at is that of the latest.
store_day = Table(
    "store_day",
    metadata,
    Column("store_gln", BigInteger, primary_key=True, autoincrement=False),
    Column("business_day", Integer, primary_key=True, autoincrement=False),
    Column("merchant_id", BigInteger, nullable=False),
    Column("closes", Integer, nullable=False),
    Column("closed_at", UtcInstant),
    at_least("closes"),
    sqlite_with_rowid=False,
)

# Every close, only added to: what the till counted (totals), what the ledger had then (ledger), and whether
# the two were the same. parts is how many uploads of lines the close compares, 0 for none.
day_close = Table(
    "day_close",
    metadata,
    Column("store_gln", BigInteger, primary_key=True, autoincrement=False),
    Column("business_day", Integer, primary_key=True, autoincrement=False),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("state", String(9), nullable=False),
    Column("totals", Text, nullable=False),
    Column("ledger", Text, nullable=False),
    Column("parts", Integer, nullable=False),
    Column("closed_by", Text, nullable=False),
    Column("closed_at", UtcInstant, nullable=False),
    one_of("state", ("balanced", "differs")),
    at_least("number", 1),
    at_least("parts"),
    ForeignKeyConstraint(
        ["store_gln", "business_day"],
        ["store_day.store_gln", "store_day.business_day"],
        name="fk_day_close_store_day",
    ),
    sqlite_with_rowid=False,
)

# Lines that the till sent for the close of this number, part by part; lines holds them as compact JSON.
day_line = Table(
    "day_line",
    metadata,
    Column("store_gln", BigInteger, primary_key=True, autoincrement=False),
    Column("business_day", Integer, primary_key=True, autoincrement=False),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("part", Integer, primary_key=True, autoincrement=False),
    Column("lines", LargeBinary, nullable=False),
    at_least("number", 1),
    at_least("part", 1),
    ForeignKeyConstraint(
        ["store_gln", "business_day"],
        ["store_day.store_gln", "store_day.business_day"],
        name="fk_day_line_store_day",
    ),
    sqlite_with_rowid=False,
)

# Holds that a till has ended; hold_event says so too, but not in which store's day.
day_void = Table(
    "day_void",
    metadata,
    Column("hold_id", Bytes(16), primary_key=True),
    Column("store_gln", BigInteger, nullable=False),
    Column("business_day", Integer, nullable=False),
    Column("terminal_id", String(64), nullable=False),
    Column("cashier", String(32)),
    Column("reference", Text, nullable=False),
    Column("occurred_at", UtcInstant, nullable=False),
    fixed_length("hold_id", 16),
    Index("ix_day_void_business_day", "store_gln", "business_day", "reference"),
)
