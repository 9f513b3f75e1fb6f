"""Tables of consents and of what was read on them."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Identity,
    Index,
    String,
    Table,
    Text,
    text,
)

from ledger_service.db.guards import append_only
from ledger_service.db.tables import fixed_length, metadata, one_of
from ledger_service.db.types import Bytes, Int64, UtcInstant
from ledger_service.members.consents.rules import PURPOSES

_STANDS = text("revoked_at IS NULL")

# owner is the merchant whose facts they are, reader the one that may read them.
member_consent = Table(
    "member_consent", metadata,
    Column("consent_id", Bytes(16), primary_key=True),
    Column("member_id", BigInteger, ForeignKey("member.member_id"), nullable=False),
    Column("owner_id", BigInteger, ForeignKey("merchant.merchant_id"), nullable=False),
    Column("reader_id", BigInteger, ForeignKey("merchant.merchant_id"), nullable=False),
    Column("purpose", String(16), nullable=False),
    Column("given_at", UtcInstant, nullable=False),
    Column("given_by", Text, nullable=False),
    Column("revoked_at", UtcInstant),
    Column("revoked_by", Text),
    fixed_length("consent_id", 16), one_of("purpose", PURPOSES),
    CheckConstraint("owner_id <> reader_id", name="two_merchants"),
    CheckConstraint("(revoked_at IS NULL) = (revoked_by IS NULL)", name="revoked_by_somebody"),
    Index("uq_member_consent_standing", "member_id", "owner_id", "reader_id", "purpose", unique=True,
          sqlite_where=_STANDS, postgresql_where=_STANDS),
    Index("ix_member_consent_member_id", "member_id", "given_at"),
)  # fmt: skip

# One reading of a member's facts by somebody else: on a consent, or without one by whoever runs the
# alliance or audits it. ``what`` is the name of the route that was asked.
member_read = append_only(Table(
    "member_read", metadata,
    Column("read_id", Int64, Identity(), primary_key=True),
    Column("member_id", BigInteger, ForeignKey("member.member_id"), nullable=False),
    Column("consent_id", Bytes(16), ForeignKey("member_consent.consent_id")),
    Column("what", String(40), nullable=False),
    Column("by_whom", Text, nullable=False),
    Column("read_at", UtcInstant, nullable=False),
    Index("ix_member_read_member_id", "member_id", "read_id"),
))  # fmt: skip
