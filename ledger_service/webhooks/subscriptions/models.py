"""The table of subscriptions, each with how far its receiver has taken the events."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from ledger_service.db.tables import at_least, fixed_length, metadata, one_of
from ledger_service.db.types import Bytes, UtcInstant

# schedule is as it was given (JSON), empty for a stream. token is the subscriber's, sealed. seen is the
# number of the last event that was taken or that does not fit, None until the first look; run_to the last
# event of the report under way, None between two; told, whether this report has sent anything. most is how
# many events a message may have.
epcis_subscription = Table(
    "epcis_subscription", metadata,
    Column("subscription_id", Bytes(16), primary_key=True),
    Column("holder", String(80), nullable=False),
    Column("name", String(64), nullable=False),
    Column("dest", Text, nullable=False),
    Column("token", Bytes()),
    Column("schedule", Text, nullable=False),
    Column("report_if_empty", Boolean, nullable=False),
    Column("initial_time", UtcInstant),
    Column("created_at", UtcInstant, nullable=False),
    Column("state", String(6), nullable=False),
    Column("due_at", UtcInstant, nullable=False),
    Column("seen", BigInteger),
    Column("run_to", BigInteger),
    Column("told", Boolean, nullable=False),
    Column("most", Integer, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("failing_since", UtcInstant),
    Column("last_error", Text),
    Column("notified_at", UtcInstant),
    ForeignKeyConstraint(["holder", "name"], ["epcis_query.holder", "epcis_query.name"], ondelete="CASCADE",
                         name="fk_epcis_subscription_query"),
    UniqueConstraint("holder", "name", "dest", "schedule", name="uq_epcis_subscription_dest"),
    CheckConstraint("token IS NULL OR length(token) > 28", name="token_sealed"),
    fixed_length("subscription_id", 16), one_of("state", ("active", "gone")),
    at_least("most", 1), at_least("failures"),
    Index("ix_epcis_subscription_due_at", "state", "due_at"),
)  # fmt: skip
