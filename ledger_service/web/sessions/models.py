"""The one table of the screens."""

from __future__ import annotations

from sqlalchemy import Column, Index, String, Table

from ledger_service.db.tables import fixed_length, metadata
from ledger_service.db.types import Bytes, UtcInstant

# cookie_hash is SHA-256 of 32 random bytes. entered_at is when the key was entered: risky acts want that to
# be a moment ago. device says a class of machine, not which one; owner, whose sessions are shown together.
web_session = Table(
    "web_session",
    metadata,
    Column("cookie_hash", Bytes(32), primary_key=True),
    Column("session_id", String(16), nullable=False, unique=True),
    Column("key_id", String(16), nullable=False),
    Column("owner", String(40), nullable=False),
    Column("cashier", String(32)),
    Column("role", String(8), nullable=False),
    Column("device", String(16), nullable=False),
    Column("entered_at", UtcInstant, nullable=False),
    Column("seen_at", UtcInstant, nullable=False),
    Column("expires_at", UtcInstant, nullable=False),
    Column("ended_at", UtcInstant),
    fixed_length("cookie_hash", 32),
    Index("ix_web_session_owner", "owner", "seen_at"),
    Index("ix_web_session_expires_at", "expires_at"),
)
