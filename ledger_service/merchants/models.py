"""Tables of the merchants room; a merchant's id is its GLN as an integer, so is a store's."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
)

from ledger_service.db.guards import append_only
from ledger_service.db.tables import fixed_length, metadata, one_of
from ledger_service.db.types import Bytes, Int64, UtcInstant

merchant = Table(
    "merchant",
    metadata,
    Column("merchant_id", Int64, primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("admin_key", Bytes(20), nullable=False),
    Column("operations_key", Bytes(20), nullable=False),
    Column("settlement_key", Bytes(20), nullable=False),
    Column("created_at", UtcInstant, nullable=False),
    one_of("status", ("active", "suspended")),
)

store = Table(
    "store",
    metadata,
    Column("gln", Int64, primary_key=True, autoincrement=False),
    Column("merchant_id", Int64, ForeignKey("merchant.merchant_id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("timezone", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("created_at", UtcInstant, nullable=False),
    # The hour of its own clock at which its business day begins; NULL for midnight.
    Column("day_start_hour", Integer),
    one_of("status", ("active", "closed")),
    Index("ix_store_merchant_id", "merchant_id"),
)

terminal = Table(
    "terminal",
    metadata,
    Column("terminal_id", Text, primary_key=True),
    Column("merchant_id", Int64, ForeignKey("merchant.merchant_id"), nullable=False),
    Column("store_gln", Int64, ForeignKey("store.gln"), nullable=False),
    Column("label", Text, nullable=False),
    Column("till_key", Bytes(20)),
    Column("status", Text, nullable=False),
    Column("created_at", UtcInstant, nullable=False),
    # NULL for a till with a cashier; rules.TerminalKind.
    Column("kind", Text),
    Column("points_most_minor", BigInteger),
    Column("training", Boolean),
    one_of("status", ("active", "disabled")),
    Index("ix_terminal_merchant_id", "merchant_id"),
)

# subject_id outlives the key: a rotated key has the same subject, so idempotency keys keep their meaning.
api_key = Table(
    "api_key",
    metadata,
    Column("key_id", Text, primary_key=True),
    Column("secret_hash", Bytes(32), nullable=False),
    Column("subject_kind", Text, nullable=False),
    Column("subject_id", Text, nullable=False),
    Column("merchant_id", Int64, ForeignKey("merchant.merchant_id")),
    Column("role", Text, nullable=False),
    Column("scopes", Text, nullable=False),
    Column("label", Text),
    Column("status", Text, nullable=False),
    Column("created_at", UtcInstant, nullable=False),
    Column("expires_at", UtcInstant),
    Column("revoked_at", UtcInstant),
    Column("replaced_by", Text),
    one_of("status", ("active", "revoked")),
    one_of("role", ("member", "cashier", "merchant", "auditor", "operator")),
    Index("ix_api_key_subject", "subject_kind", "subject_id"),
)

# One row whose version every change of keys, terminals or merchants raises; caches poll it.
api_key_change = Table(
    "api_key_change",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("version", Int64, nullable=False),
)

# The log of what operators and merchants did, one row for each of their writes; ``target`` is what the path
# of the request names, the id is of caller and idempotency key.
act = append_only(Table(
    "act",
    metadata,
    Column("act_id", Bytes(16), primary_key=True),
    Column("name", String(64), nullable=False),
    Column("target", String(200), nullable=False),
    Column("subject", String(80), nullable=False),
    Column("key_id", String(64), nullable=False),
    Column("merchant_id", BigInteger),
    Column("occurred_at", UtcInstant, nullable=False),
    fixed_length("act_id", 16),
    Index("ix_act_occurred_at", "occurred_at", "act_id"),
    Index("ix_act_merchant_id", "merchant_id", "occurred_at", "act_id"),
    sqlite_with_rowid=False,
))  # fmt: skip
