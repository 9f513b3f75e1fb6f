"""Tables of coupon definitions, their campaigns, goods and counters."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from ledger_service.db.guards import append_only
from ledger_service.db.tables import at_least, fixed_length, metadata, one_of
from ledger_service.db.types import Bytes, Int64, UtcInstant

CHANNELS = ("app", "cashier", "mail", "poster", "receipt", "share", "web", "other")
SCOPES = ("budget", "member", "member-day", "member-week", "member-month", "store-day")

# code is the merchant's own name for it; names is canonical JSON, language to text; guarantee says who
# guarantees what was paid for it.
coupon_definition = Table(
    "coupon_definition", metadata,
    Column("definition_id", Int64, primary_key=True, autoincrement=False),
    Column("merchant_id", Int64, ForeignKey("merchant.merchant_id"), nullable=False),
    Column("code", String(64), nullable=False),
    Column("gcn_type", BigInteger, unique=True),
    Column("names", Text, nullable=False),
    Column("jurisdiction", String(8), nullable=False),
    Column("guarantee", Text),
    Column("created_by", Text, nullable=False),
    Column("created_at", UtcInstant, nullable=False),
    Column("withdrawn_by", Text),
    Column("withdrawn_at", UtcInstant),
    UniqueConstraint("merchant_id", "code"),
    CheckConstraint("(withdrawn_by IS NULL) = (withdrawn_at IS NULL)", name="withdrawn_by_somebody"),
)  # fmt: skip

# body is the canonical JSON of the terms, which its hash names on chain; only the approval is added later,
# and live_from once all have agreed: the later of effective_from and that instant.
coupon_version = Table(
    "coupon_version", metadata,
    Column("definition_id", Int64, ForeignKey("coupon_definition.definition_id"), primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("body", Text, nullable=False),
    Column("terms_hash", Bytes(32), nullable=False),
    Column("effective_from", UtcInstant, nullable=False),
    Column("written_by", Text, nullable=False),
    Column("written_at", UtcInstant, nullable=False),
    Column("approved_by", Text),
    Column("approved_at", UtcInstant),
    Column("live_from", UtcInstant),
    fixed_length("terms_hash", 32), at_least("version", 1),
    CheckConstraint("live_from IS NULL OR approved_by IS NOT NULL", name="live_once_approved"),
    CheckConstraint("(approved_by IS NULL) = (approved_at IS NULL)", name="approved_by_somebody"),
    CheckConstraint("approved_by IS NULL OR approved_by <> written_by", name="approved_by_another"),
)  # fmt: skip

# A merchant that pays for a version, or takes it, has agreed to these very terms.
coupon_consent = append_only(Table(
    "coupon_consent", metadata,
    Column("definition_id", Int64, primary_key=True, autoincrement=False),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("merchant_id", Int64, ForeignKey("merchant.merchant_id"), primary_key=True),
    Column("given_by", Text, nullable=False),
    Column("given_at", UtcInstant, nullable=False),
))  # fmt: skip

coupon_campaign = Table(
    "coupon_campaign", metadata,
    Column("campaign_id", Int64, primary_key=True, autoincrement=False),
    Column("merchant_id", Int64, ForeignKey("merchant.merchant_id"), nullable=False),
    Column("code", String(64), nullable=False),
    Column("names", Text, nullable=False),
    Column("starts_at", UtcInstant, nullable=False),
    Column("ends_at", UtcInstant, nullable=False),
    Column("proposed_by", Text, nullable=False),
    Column("proposed_at", UtcInstant, nullable=False),
    Column("approved_by", Text),
    Column("approved_at", UtcInstant),
    Column("ended_by", Text),
    Column("ended_at", UtcInstant),
    UniqueConstraint("merchant_id", "code"),
    CheckConstraint("starts_at < ends_at", name="starts_before_it_ends"),
    CheckConstraint("(approved_by IS NULL) = (approved_at IS NULL)", name="approved_by_somebody"),
    CheckConstraint("approved_by IS NULL OR approved_by <> proposed_by", name="approved_by_another"),
)  # fmt: skip

# Arms are numbered from 0; every arm has its own definitions, and one without any is a control.
coupon_campaign_offer = Table(
    "coupon_campaign_offer", metadata,
    Column("campaign_id", Int64, ForeignKey("coupon_campaign.campaign_id"), primary_key=True),
    Column("definition_id", Int64, ForeignKey("coupon_definition.definition_id"), primary_key=True),
    Column("arm", SmallInteger, nullable=False),
    at_least("arm"),
)  # fmt: skip

coupon_campaign_arm = Table(
    "coupon_campaign_arm", metadata,
    Column("campaign_id", Int64, ForeignKey("coupon_campaign.campaign_id"), primary_key=True),
    Column("arm", SmallInteger, primary_key=True, autoincrement=False),
    Column("weight", Integer, nullable=False),
    at_least("arm"), at_least("weight", 1),
)  # fmt: skip

# Where somebody can have got it: a poster, a channel, a cashier, a link. Who comes from a source with an arm
# gets that arm; else the member decides it.
coupon_source = Table(
    "coupon_source", metadata,
    Column("campaign_id", Int64, ForeignKey("coupon_campaign.campaign_id"), primary_key=True),
    Column("source", String(64), primary_key=True),
    Column("channel", String(32), nullable=False),
    Column("label", Text, nullable=False),
    Column("arm", SmallInteger),
    Column("created_by", Text, nullable=False),
    Column("created_at", UtcInstant, nullable=False),
    UniqueConstraint("source"), one_of("channel", CHANNELS),
)  # fmt: skip

# What was used of a bounded definition: use_key says the next three columns, rows are locked by it alone.
coupon_use = Table(
    "coupon_use", metadata,
    Column("use_key", String(96), primary_key=True),
    Column("definition_id", Int64, nullable=False),
    Column("scope", String(12), nullable=False),
    Column("subject", String(64), nullable=False),
    Column("count", BigInteger, nullable=False),
    Column("value_minor", BigInteger, nullable=False),
    one_of("scope", SCOPES), at_least("count"), at_least("value_minor"),
    Index("ix_coupon_use_definition_id", "definition_id", "scope"),
    sqlite_with_rowid=False,
)  # fmt: skip

coupon_goods_list = Table(
    "coupon_goods_list", metadata,
    Column("list_id", Int64, primary_key=True, autoincrement=False),
    Column("merchant_id", Int64, ForeignKey("merchant.merchant_id"), nullable=False),
    Column("code", String(64), nullable=False),
    Column("created_at", UtcInstant, nullable=False),
    UniqueConstraint("merchant_id", "code"),
)  # fmt: skip

# article is a GTIN of 14 digits or the list owner's own number; the latter counts at its own tills alone.
coupon_goods_item = Table(
    "coupon_goods_item", metadata,
    Column("article", String(64), primary_key=True),
    Column("list_id", Int64, primary_key=True, autoincrement=False),
    ForeignKeyConstraint(["list_id"], ["coupon_goods_list.list_id"]),
    Index("ix_coupon_goods_item_list_id", "list_id"),
    sqlite_with_rowid=False,
)  # fmt: skip

coupon_product = Table(
    "coupon_product", metadata,
    Column("merchant_id", Int64, ForeignKey("merchant.merchant_id"), primary_key=True),
    Column("sku", String(64), primary_key=True),
    Column("brand", String(64), nullable=False),
    Column("manufacturer", String(64), nullable=False),
    sqlite_with_rowid=False,
)  # fmt: skip

# One row whose version every change of these tables raises; caches poll it, and ids are numbers of it.
coupon_change = Table(
    "coupon_change", metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("version", Int64, nullable=False),
)  # fmt: skip
