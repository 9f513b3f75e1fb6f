"""The one table that belongs to no business room: where the clock of a replay stands (D16)."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, Integer, Table

from ledger_service.db.tables import metadata
from ledger_service.db.types import UtcInstant

service_clock = Table(
    "service_clock",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("now", UtcInstant, nullable=False),
    Column("noted_at", UtcInstant, nullable=False),
    CheckConstraint("id = 1", name="only_one"),
)
