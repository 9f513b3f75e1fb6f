"""Tables of rewards for spend: marks that wait, receipts as far as they count, and rewards."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Index, Integer, String, Table, text

from ledger_service.checkout.collecting.rules import STATES
from ledger_service.db.tables import at_least, fixed_length, metadata, one_of
from ledger_service.db.types import Bytes, UtcInstant

_USED = text("reward_id IS NOT NULL")

# A sale, return or late attach since which the member's receipts were not added up; cause_id is its own id.
spend_mark = Table(
    "spend_mark", metadata,
    Column("cause_id", Bytes(16), primary_key=True),
    Column("sale_id", Bytes(16), ForeignKey("sale.sale_id"), nullable=False),
    Column("member_id", BigInteger, ForeignKey("member.member_id"), nullable=False),
    Column("due_at", UtcInstant, nullable=False),
    Index("ix_spend_mark_member_id", "member_id"),
    Index("ix_spend_mark_due_at", "due_at"),
    sqlite_with_rowid=False,
)  # fmt: skip

# reward_id is the coupon's id. minor is what the coupon took off and did not give back, where the reward was
# taken back after its use; points of them the member owes in the owner's programme.
spend_reward = Table(
    "spend_reward", metadata,
    Column("reward_id", Bytes(16), ForeignKey("coupon.coupon_id"), primary_key=True),
    Column("definition_id", BigInteger, nullable=False),
    Column("version", Integer, nullable=False),
    Column("member_id", BigInteger, ForeignKey("member.member_id"), nullable=False),
    Column("spend_minor", BigInteger, nullable=False),
    Column("days", Integer, nullable=False),
    Column("state", String(7), nullable=False),
    Column("granted_at", UtcInstant, nullable=False),
    Column("ended_at", UtcInstant),
    Column("minor", BigInteger, nullable=False),
    Column("points", BigInteger, nullable=False),
    one_of("state", STATES), fixed_length("reward_id", 16),
    at_least("spend_minor", 1), at_least("minor"), at_least("points"),
    CheckConstraint("(state = 'granted') = (ended_at IS NULL)", name="ends_once"),
    Index("ix_spend_reward_member_id", "member_id", "granted_at"),
)  # fmt: skip

# What of a sale counts for a definition, in money that was kept, and the reward that it serves.
spend_receipt = Table(
    "spend_receipt", metadata,
    Column("sale_id", Bytes(16), ForeignKey("sale.sale_id"), primary_key=True),
    Column("definition_id", BigInteger, primary_key=True, autoincrement=False),
    Column("version", Integer, nullable=False),
    Column("member_id", BigInteger, ForeignKey("member.member_id"), nullable=False),
    Column("sold_at", UtcInstant, nullable=False),
    Column("minor", BigInteger, nullable=False),
    Column("reward_id", Bytes(16), ForeignKey("spend_reward.reward_id")),
    fixed_length("sale_id", 16), at_least("minor"),
    Index("ix_spend_receipt_member_id", "member_id"),
    Index("uq_spend_receipt_used_once", "sale_id", unique=True, sqlite_where=_USED, postgresql_where=_USED),
    sqlite_with_rowid=False,
)  # fmt: skip
