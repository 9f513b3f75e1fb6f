"""Tables of segments: rules in versions, membership in intervals, tags."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from ledger_service.db.guards import append_only
from ledger_service.db.tables import at_least, fixed_length, metadata
from ledger_service.db.types import Bytes, UtcInstant

# due_at is when the job counts it next; counted_at and size are the last run's.
segment = Table(
    "segment", metadata,
    Column("segment_id", Bytes(16), primary_key=True),
    Column("merchant_id", BigInteger, ForeignKey("merchant.merchant_id"), nullable=False),
    Column("code", String(32), nullable=False),
    Column("name", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("created_at", UtcInstant, nullable=False),
    Column("due_at", UtcInstant),
    Column("counted_at", UtcInstant),
    Column("size", Integer),
    UniqueConstraint("merchant_id", "code"),
    fixed_length("segment_id", 16), at_least("version"),
    Index("ix_segment_due_at", "due_at"),
)  # fmt: skip

segment_version = append_only(Table(
    "segment_version", metadata,
    Column("segment_id", Bytes(16), ForeignKey("segment.segment_id"), primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("body", Text, nullable=False),
    Column("written_by", Text, nullable=False),
    Column("written_at", UtcInstant, nullable=False),
))  # fmt: skip

# A member was in the segment from ``since`` (inclusive) to ``until`` (exclusive); None means it still is.
segment_member = Table(
    "segment_member", metadata,
    Column("segment_id", Bytes(16), ForeignKey("segment.segment_id"), primary_key=True),
    Column("member_id", BigInteger, ForeignKey("member.member_id"), primary_key=True, autoincrement=False),
    Column("since", UtcInstant, primary_key=True),
    Column("until", UtcInstant),
    CheckConstraint("until IS NULL OR until > since", name="ends_later"),
    Index("ix_segment_member_member_id", "member_id"),
    sqlite_with_rowid=False,
)  # fmt: skip

# What a merchant's purchases say of purchases to come, each time that it was fitted; parameters and the test
# on the second half in whole numbers, of no single customer. No parameters where too few came back.
value_model = append_only(Table(
    "value_model", metadata,
    Column(
        "merchant_id", BigInteger, ForeignKey("merchant.merchant_id"), primary_key=True, autoincrement=False
    ),
    Column("fitted_at", UtcInstant, primary_key=True),
    Column("customers", BigInteger, nullable=False),
    Column("came_back", BigInteger, nullable=False),
    Column("parameters", Text),
    Column("tested", Text),
    at_least("customers"), at_least("came_back"),
))  # fmt: skip

member_tag = Table(
    "member_tag", metadata,
    Column(
        "merchant_id", BigInteger, ForeignKey("merchant.merchant_id"), primary_key=True, autoincrement=False
    ),
    Column("member_id", BigInteger, ForeignKey("member.member_id"), primary_key=True, autoincrement=False),
    Column("tag", String(32), primary_key=True),
    Column("since", UtcInstant, primary_key=True),
    Column("until", UtcInstant),
    CheckConstraint("until IS NULL OR until > since", name="ends_later"),
    Index("ix_member_tag_member_id", "member_id"),
    sqlite_with_rowid=False,
)  # fmt: skip
