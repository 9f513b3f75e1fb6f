"""The table of retries: who asked for one, why it should succeed now, who decided."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, Index, String, Table, Text, text

from ledger_service.db.tables import fixed_length, metadata, one_of
from ledger_service.db.types import Bytes, UtcInstant

_ASKED = text("state = 'asked'")

# One open request an operation; decided ones stay as the history of how often it was tried, and why.
set_aside_retry = Table(
    "set_aside_retry", metadata,
    Column("retry_id", Bytes(16), primary_key=True),
    Column("op_id", Bytes(16), nullable=False, index=True),
    Column("note", Text, nullable=False),
    Column("requested_by", Text, nullable=False),
    Column("requested_at", UtcInstant, nullable=False),
    Column("state", String(8), nullable=False),
    Column("decided_by", Text),
    Column("decided_at", UtcInstant),
    fixed_length("retry_id", 16), fixed_length("op_id", 16),
    one_of("state", ("asked", "approved", "declined")),
    CheckConstraint("decided_by IS NULL OR decided_by <> requested_by", name="two_people"),
    CheckConstraint("(state = 'asked') = (decided_by IS NULL)", name="decided_by_somebody"),
    Index("uq_set_aside_retry_asked", "op_id", unique=True, sqlite_where=_ASKED, postgresql_where=_ASKED),
)  # fmt: skip
