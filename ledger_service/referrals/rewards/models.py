"""Tables of rewards."""

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
    UniqueConstraint,
    text,
)

from ledger_service.db.guards import append_only
from ledger_service.db.tables import at_least, fixed_length, metadata, one_of
from ledger_service.db.types import Bytes, Int64, UtcInstant
from ledger_service.referrals.rewards.rules import OUTCOMES, PAYS, PROMISES, ROLES, STATES

# A sale of a member that followed a link: which commitment it goes by, and what came of it. Append-only, so
# that an attribution can be replayed and never told otherwise.
share_purchase = append_only(Table(
    "share_purchase", metadata,
    Column("sale_id", Bytes(16), primary_key=True),
    Column("campaign_id", Bytes(16), ForeignKey("share_campaign.campaign_id"), primary_key=True),
    Column("number", BigInteger, ForeignKey("share_commitment.number"), nullable=False),
    Column("member_id", BigInteger, nullable=False),
    Column("sharer_id", BigInteger),
    Column("ordinal", Integer, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("outcome", String(16), nullable=False),
    Column("sold_at", UtcInstant, nullable=False),
    Column("recorded_at", UtcInstant, nullable=False),
    fixed_length("sale_id", 16), one_of("outcome", OUTCOMES), at_least("ordinal", 1),
    Index("ix_share_purchase_member_id", "member_id", "sharer_id"),
    Index("ix_share_purchase_number", "number"),
    Index("ix_share_purchase_sharer_id", "sharer_id", "sold_at"),
    Index("ix_share_purchase_campaign_id", "campaign_id", "sold_at"),
))  # fmt: skip

_STANDING = text("state IN ('held', 'due', 'promised', 'granted', 'appealed', 'left')")
_LEAVING = text("promise IN ('going', 'gone')")
_MILESTONE = text("reached IS NOT NULL")
# INV-14 in the database: no reward without its sale, none deeper than 2, and the second level is the second.
# reward_id is the id on chain, and follows from the commitment: the chain's word for the attribution.
# Of a coupon it is the coupon's id.
share_reward = Table(
    "share_reward", metadata,
    Column("reward_id", Bytes(16), primary_key=True),
    Column("campaign_id", Bytes(16), ForeignKey("share_campaign.campaign_id"), nullable=False),
    Column("version", Integer, nullable=False),
    Column("sale_id", Bytes(16), nullable=False),
    Column("number", BigInteger, ForeignKey("share_commitment.number"), nullable=False),
    Column("role", String(9), nullable=False),
    Column("depth", SmallInteger, nullable=False),
    Column("member_id", BigInteger, ForeignKey("member.member_id"), nullable=False),
    Column("programme_id", Integer, ForeignKey("programme.programme_id"), nullable=False),
    Column("pays", String(6), nullable=False),
    Column("points", BigInteger, nullable=False),
    Column("definition_id", Int64, ForeignKey("coupon_definition.definition_id")),
    Column("vest_days", Integer, nullable=False),
    Column("least_kept_minor", BigInteger, nullable=False),
    Column("state", String(8), nullable=False),
    Column("reasons", Text, nullable=False),
    Column("until", UtcInstant, nullable=False),
    Column("sold_at", UtcInstant, nullable=False),
    Column("decided_by", Text),
    Column("leaf", Bytes(32)),
    Column("epoch", Integer),
    Column("collected", BigInteger, nullable=False),
    Column("made_at", UtcInstant, nullable=False),
    # Of a milestone: how many conversions it is for.
    Column("reached", Integer),
    # Where its promise on the chain stands: NULL for what was made before there was one, and for coupons.
    # promise_id is the operation that the chain was told last, ``returns`` how often it was told of a return.
    Column("promise", String(6)),
    Column("promise_id", Bytes(16)),
    Column("returns", SmallInteger, nullable=False, default=0, server_default="0"),
    UniqueConstraint("campaign_id", "sale_id", "role", "pays", name="uq_share_reward_sale"),
    one_of("role", ROLES), one_of("state", STATES), one_of("pays", PAYS),
    fixed_length("reward_id", 16), fixed_length("sale_id", 16),
    one_of("promise", PROMISES), at_least("returns"),
    CheckConstraint("promise IS NULL OR pays = 'points'", name="promise_of_points"),
    CheckConstraint("state <> 'promised' OR promise = 'said'", name="promised_is_said"),
    CheckConstraint("depth BETWEEN 1 AND 2", name="depth_at_most_2"),
    CheckConstraint("(depth = 2) = (role = 'second')", name="second_level"),
    CheckConstraint("(pays = 'points') = (points > 0)", name="points_of_points"),
    CheckConstraint("(pays = 'coupon') = (definition_id IS NOT NULL)", name="definition_of_coupon"),
    at_least("points"), at_least("collected"), at_least("reached", 1), at_least("least_kept_minor", 1),
    Index("ix_share_reward_member_id", "member_id", "made_at"),
    Index("ix_share_reward_campaign_id", "campaign_id", "made_at"),
    Index("ix_share_reward_until", "state", "until"),
    Index("ix_share_reward_standing", "reward_id", sqlite_where=_STANDING, postgresql_where=_STANDING),
    Index("ix_share_reward_leaving", "reward_id", sqlite_where=_LEAVING, postgresql_where=_LEAVING),
    Index("ix_share_reward_sale_id", "sale_id"),
    Index("ix_share_reward_reached", "member_id", "campaign_id", sqlite_where=_MILESTONE,
          postgresql_where=_MILESTONE),
)  # fmt: skip

share_reward_event = append_only(Table(
    "share_reward_event", metadata,
    Column("reward_id", Bytes(16), ForeignKey("share_reward.reward_id"), primary_key=True),
    Column("position", SmallInteger, primary_key=True, autoincrement=False),
    Column("kind", String(8), nullable=False),
    Column("by_whom", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("at", UtcInstant, nullable=False),
))  # fmt: skip

# How far the job has followed the ledger.
share_cursor = Table(
    "share_cursor", metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("sequence", BigInteger, nullable=False),
    CheckConstraint("id = 1", name="only_one"), at_least("sequence"),
)  # fmt: skip
