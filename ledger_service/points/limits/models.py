"""Tables of the limits of adjustments."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, Column, Index, String, Table, Text, text

from ledger_service.db.tables import at_least, fixed_length, metadata, one_of
from ledger_service.db.types import Bytes, UtcInstant
from ledger_service.points.limits.rules import STATES

_IN_FORCE = text("state = 'in-force'")

# funder is the merchant whose money it is, 0 for the limits of every funder.
adjustment_limit = Table(
    "adjustment_limit", metadata,
    Column("limit_id", Bytes(16), primary_key=True),
    Column("funder", BigInteger, nullable=False),
    Column("per_case", BigInteger, nullable=False),
    Column("per_agent_day", BigInteger, nullable=False),
    Column("per_member_month", BigInteger, nullable=False),
    Column("per_funder_day", BigInteger, nullable=False),
    Column("state", String(8), nullable=False),
    Column("proposed_by", Text, nullable=False),
    Column("proposed_at", UtcInstant, nullable=False),
    Column("decided_by", Text),
    Column("decided_at", UtcInstant),
    fixed_length("limit_id", 16), one_of("state", STATES),
    at_least("per_case"), at_least("per_agent_day"), at_least("per_member_month"), at_least("per_funder_day"),
    CheckConstraint("decided_by IS NULL OR decided_by <> proposed_by", name="two_people"),
    CheckConstraint("(state = 'proposed') = (decided_by IS NULL)", name="decided_by_somebody"),
    Index("ix_adjustment_limit_state", "state"),
    Index("uq_adjustment_limit_in_force", "funder", unique=True, sqlite_where=_IN_FORCE,
          postgresql_where=_IN_FORCE),
)  # fmt: skip

# One row for each person who ever asked, to be locked: what it asks for at once is counted one by one.
adjustment_agent = Table(
    "adjustment_agent", metadata,
    Column("subject", String(80), primary_key=True),
)  # fmt: skip
