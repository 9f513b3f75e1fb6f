"""Tables of referral campaigns."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    SmallInteger,
    String,
    Table,
    Text,
)

from ledger_service.db.tables import at_least, fixed_length, metadata, one_of
from ledger_service.db.types import Bytes, UtcInstant
from ledger_service.referrals.campaigns.rules import STATES, VERSION_STATES, Trigger

# The merchant funds it: the points are of its own programme. What is used never exceeds the budget, not by a
# unit: the row's own constraint says so. version is the one in force, 0 before the first approval.
share_campaign = Table(
    "share_campaign", metadata,
    Column("campaign_id", Bytes(16), primary_key=True),
    Column("code", String(32), nullable=False, unique=True),
    Column("merchant_id", BigInteger, ForeignKey("merchant.merchant_id"), nullable=False),
    Column("programme_id", Integer, ForeignKey("programme.programme_id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("state", String(8), nullable=False),
    Column("version", Integer, nullable=False),
    Column("most_points", BigInteger, nullable=False),
    Column("most_rewards", BigInteger, nullable=False),
    Column("used_points", BigInteger, nullable=False),
    Column("used_rewards", BigInteger, nullable=False),
    Column("most_coupons", BigInteger, nullable=False, server_default="0"),
    Column("used_coupons", BigInteger, nullable=False, server_default="0"),
    Column("live_at", UtcInstant),
    Column("ended_at", UtcInstant),
    Column("created_at", UtcInstant, nullable=False),
    # What the chain was told (``rewards.opening``): how often, and until which of them it has answered; the
    # words; the budget that stands there, and what of it stands promised. All 0 without such a contract.
    *(Column(name, kind, nullable=False, default=0, server_default="0") for name, kind in (
        ("told", Integer), ("answered", Integer), ("told_points", BigInteger), ("told_depth", SmallInteger),
        ("told_ends", BigInteger), ("open_points", BigInteger), ("stands_points", BigInteger),
    )),
    one_of("state", STATES), fixed_length("campaign_id", 16),
    at_least("version"), at_least("used_points"), at_least("used_rewards"), at_least("used_coupons"),
    at_least("stands_points"), CheckConstraint("answered <= told", name="answered_what_was_told"),
    CheckConstraint("used_points <= most_points", name="points_within_budget"),
    CheckConstraint("used_rewards <= most_rewards", name="rewards_within_budget"),
    CheckConstraint("used_coupons <= most_coupons", name="coupons_within_budget"),
    CheckConstraint("state IN ('draft', 'approved') OR live_at IS NOT NULL", name="live_since"),
    CheckConstraint("(state = 'ended') = (ended_at IS NOT NULL)", name="ended_since"),
    Index("ix_share_campaign_merchant_id", "merchant_id", "created_at"),
)  # fmt: skip

_TRIGGERS = [trigger.value for trigger in Trigger]
# INV-14 once more: no version has another depth, or another trigger than a purchase or a scan.
share_campaign_version = Table(
    "share_campaign_version", metadata,
    Column("campaign_id", Bytes(16), ForeignKey("share_campaign.campaign_id"), primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("body", Text, nullable=False),
    Column("depth", SmallInteger, nullable=False),
    Column("trigger_kind", String(16), nullable=False),
    Column("state", String(8), nullable=False),
    Column("asked_by", Text, nullable=False),
    Column("asked_at", UtcInstant, nullable=False),
    Column("decided_by", Text),
    Column("decided_at", UtcInstant),
    one_of("state", VERSION_STATES), one_of("trigger_kind", _TRIGGERS), at_least("version", 1),
    CheckConstraint("depth BETWEEN 1 AND 2", name="depth_at_most_2"),
    CheckConstraint("decided_by IS NULL OR decided_by <> asked_by", name="two_people"),
    CheckConstraint("(state = 'draft') = (decided_by IS NULL)", name="decided_by_somebody"),
)  # fmt: skip
