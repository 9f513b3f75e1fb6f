"""Tables of touch points."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Index, Integer, String, Table, Text

from ledger_service.db.guards import append_only
from ledger_service.db.tables import at_least, metadata, one_of
from ledger_service.db.types import Int64, UtcInstant
from ledger_service.referrals.links.rules import CODE_LENGTH
from ledger_service.referrals.staffing.rules import KINDS

# Whose turn it is behind a live code; staff is a JSON list of the merchant's own names.
share_rota = append_only(Table(
    "share_rota", metadata,
    Column("code", String(CODE_LENGTH), ForeignKey("share_link.code"), primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("staff", Text, nullable=False),
    Column("every_minutes", Integer, nullable=False),
    Column("begins_at", UtcInstant, nullable=False),
    Column("told_by", Text, nullable=False),
    Column("told_at", UtcInstant, nullable=False),
    at_least("every_minutes", 1), CheckConstraint("begins_at >= told_at", name="told_before"),
))  # fmt: skip

# Who of a merchant's staff looks after a member now; place is the touch point that the member came by.
share_care = Table(
    "share_care", metadata,
    Column("merchant_id", Int64, ForeignKey("merchant.merchant_id"), primary_key=True, autoincrement=False),
    Column("member_id", BigInteger, ForeignKey("member.member_id"), primary_key=True, autoincrement=False),
    Column("cashier", String(32), nullable=False),
    Column("place", String(32)),
    Column("events", Integer, nullable=False),
    at_least("events", 1),
    Index("ix_share_care_cashier", "merchant_id", "cashier", "member_id"),
    Index("ix_share_care_member_id", "member_id"),
)  # fmt: skip

share_care_event = append_only(Table(
    "share_care_event", metadata,
    Column("member_id", BigInteger, ForeignKey("member.member_id"), primary_key=True, autoincrement=False),
    Column("merchant_id", Int64, ForeignKey("merchant.merchant_id"), primary_key=True, autoincrement=False),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("kind", String(11), nullable=False),
    Column("cashier", String(32), nullable=False),
    Column("before", String(32)),
    Column("code", String(CODE_LENGTH)),
    Column("by_whom", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("at", UtcInstant, nullable=False),
    one_of("kind", KINDS),
))  # fmt: skip
