"""Tables of webhooks: endpoints, the facts told, how far each was delivered, and what is not read yet."""

from __future__ import annotations

from sqlalchemy import (
    DDL,
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Identity,
    Index,
    Integer,
    String,
    Table,
    Text,
    event,
    text,
)

from ledger_service.db.guards import append_only
from ledger_service.db.tables import at_least, fixed_length, metadata, one_of
from ledger_service.db.types import Bytes, Int64, UtcInstant
from ledger_service.webhooks.feeding import SOURCES, feeding_statements
from ledger_service.webhooks.rules import KINDS

# kinds is what it wants to hear of, all where empty. failures counts the answers in a row that say that the
# receiver is away; until rests_until nothing is sent to it.
webhook_endpoint = Table(
    "webhook_endpoint", metadata,
    Column("endpoint_id", Bytes(16), primary_key=True),
    Column("merchant_id", BigInteger, ForeignKey("merchant.merchant_id"), nullable=False, index=True),
    Column("url", Text, nullable=False),
    Column("kinds", Text, nullable=False),
    Column("state", String(6), nullable=False),
    Column("generation", Integer, nullable=False),
    Column("rotated_at", UtcInstant, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("created_at", UtcInstant, nullable=False),
    Column("failures", Integer, nullable=False, default=0),
    Column("rests_until", UtcInstant),
    Column("failing_since", UtcInstant),
    Column("last_error", Text),
    fixed_length("endpoint_id", 16), one_of("state", ("active", "paused", "gone", "ended")),
    at_least("generation", 1), at_least("failures"),
)  # fmt: skip

# How far the ledger's entries and the closed periods were read.
webhook_cursor = Table(
    "webhook_cursor", metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("sequence", BigInteger, nullable=False),
    Column("period", BigInteger, nullable=False),
    CheckConstraint("id = 1", name="only_one"),
    at_least("sequence"), at_least("period"),
)  # fmt: skip

# What a trigger notes of books without a number of their own, until the job has read it.
webhook_fresh = Table(
    "webhook_fresh", metadata,
    Column("fresh_id", Int64, Identity(), primary_key=True),
    Column("source", String(8), nullable=False),
    Column("ref", Bytes()),
    Column("number", BigInteger, nullable=False),
    one_of("source", tuple(SOURCES)),
)  # fmt: skip
for _dialect in ("sqlite", "postgresql"):
    for _sql in feeding_statements(_dialect):
        event.listen(metadata, "after_create", DDL(_sql).execute_if(dialect=_dialect))  # type: ignore[no-untyped-call]  # theirs

# A fact; body is what its data say, without the member, who is looked up when it is sent.
webhook_event = append_only(Table(
    "webhook_event", metadata,
    Column("number", Int64, primary_key=True, autoincrement=False),
    Column("event_id", Bytes(16), nullable=False, unique=True),
    Column("merchant_id", BigInteger, nullable=False),
    Column("kind", String(24), nullable=False),
    Column("member_id", BigInteger),
    Column("body", Text, nullable=False),
    Column("occurred_at", UtcInstant, nullable=False),
    Column("recorded_at", UtcInstant, nullable=False),
    one_of("kind", KINDS), fixed_length("event_id", 16), at_least("number", 1),
    Index("ix_webhook_event_merchant_id", "merchant_id", "number"),
    Index("ix_webhook_event_member_id", "member_id", "merchant_id"),
))  # fmt: skip

# lane is the member, 0 for none: of a lane the oldest that waits goes first. due_at is when it may be tried.
webhook_delivery = Table(
    "webhook_delivery", metadata,
    Column("endpoint_id", Bytes(16), ForeignKey("webhook_endpoint.endpoint_id"), primary_key=True),
    Column("number", BigInteger, ForeignKey("webhook_event.number"), primary_key=True, autoincrement=False),
    Column("lane", BigInteger, nullable=False),
    Column("state", String(9), nullable=False),
    Column("attempts", Integer, nullable=False, default=0),
    Column("due_at", UtcInstant, nullable=False),
    Column("first_tried_at", UtcInstant),
    Column("done_at", UtcInstant),
    Column("last_status", Integer),
    one_of("state", ("pending", "delivered", "dead")), at_least("attempts"),
    CheckConstraint("(state = 'pending') = (done_at IS NULL)", name="done_when_not_pending"),
    Index("ix_webhook_delivery_lane", "endpoint_id", "lane", "number", sqlite_where=text("state = 'pending'"),
          postgresql_where=text("state = 'pending'")),
    Index("ix_webhook_delivery_pending", "endpoint_id", "number", sqlite_where=text("state = 'pending'"),
          postgresql_where=text("state = 'pending'")),
    Index("ix_webhook_delivery_dead", "endpoint_id", "number", sqlite_where=text("state = 'dead'"),
          postgresql_where=text("state = 'dead'")),
    sqlite_with_rowid=False,
)  # fmt: skip
