"""Tables of share links."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
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
from ledger_service.db.tables import at_least, fixed_length, metadata, one_of
from ledger_service.db.types import Bytes, UtcInstant
from ledger_service.referrals.links.rules import CODE_LENGTH, Channel


def _campaign() -> Column[bytes]:
    return Column("campaign_id", Bytes(16), ForeignKey("share_campaign.campaign_id"), nullable=False)


# A link is a member's for one channel, or a live code of the merchant's that goes from cashier to cashier.
share_link = Table(
    "share_link", metadata,
    Column("code", String(CODE_LENGTH), primary_key=True),
    _campaign(),
    Column("member_id", BigInteger, ForeignKey("member.member_id")),
    Column("cashier", String(32)),
    Column("place", String(32)),
    Column("channel", String(16), nullable=False),
    Column("made_at", UtcInstant, nullable=False),
    Column("ended_at", UtcInstant),
    UniqueConstraint("campaign_id", "member_id", "channel"),
    UniqueConstraint("campaign_id", "place"),
    one_of("channel", [channel.value for channel in Channel]), fixed_length("code", CODE_LENGTH),
    CheckConstraint("(member_id IS NULL) = (place IS NOT NULL)", name="a_member_or_a_place"),
    Index("ix_share_link_member_id", "member_id", "made_at"),
)  # fmt: skip

# Who held a live code since when.
share_holder = append_only(Table(
    "share_holder", metadata,
    Column("code", String(CODE_LENGTH), ForeignKey("share_link.code"), primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("cashier", String(32), nullable=False),
    Column("told_by", Text, nullable=False),
    Column("since", UtcInstant, nullable=False),
))  # fmt: skip

share_touch = append_only(Table(
    "share_touch", metadata,
    Column("touch_id", Bytes(16), primary_key=True),
    Column("code", String(CODE_LENGTH), ForeignKey("share_link.code"), nullable=False),
    Column("machine", Boolean, nullable=False),
    Column("touched_at", UtcInstant, nullable=False),
    fixed_length("touch_id", 16),
    Index("ix_share_touch_code", "code", "touched_at"),
))  # fmt: skip

# The last commitment, locked by who appends.
share_head = Table(
    "share_head", metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("number", BigInteger, nullable=False),
    Column("hash", Bytes(32), nullable=False),
    CheckConstraint("id = 1", name="only_one"), at_least("number"),
)  # fmt: skip

share_commitment = append_only(Table(
    "share_commitment", metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("commitment", Bytes(32), nullable=False),
    Column("hash", Bytes(32), nullable=False),
    Column("committed_at", UtcInstant, nullable=False),
    at_least("number", 1), fixed_length("commitment", 32), fixed_length("hash", 32),
    sqlite_with_rowid=False,
))  # fmt: skip

# What a commitment opens to. Erasure empties the party's salt, and with it whose party it was; the chain and
# the other's half stand. newcomer: the member enrolled with the touch; customer: it had bought there before.
share_bind = Table(
    "share_bind", metadata,
    Column("number", BigInteger, ForeignKey("share_commitment.number"), primary_key=True,
           autoincrement=False),
    Column("touch_id", Bytes(16), ForeignKey("share_touch.touch_id"), nullable=False, unique=True),
    _campaign(),
    Column("version", Integer, nullable=False),
    Column("code", String(CODE_LENGTH), nullable=False),
    Column("member_id", BigInteger, ForeignKey("member.member_id"), nullable=False),
    Column("sharer_id", BigInteger, ForeignKey("member.member_id")),
    Column("newcomer", Boolean, nullable=False),
    Column("customer", Boolean, nullable=False),
    Column("touched_at", UtcInstant, nullable=False),
    Column("bound_at", UtcInstant, nullable=False),
    Column("body", Text, nullable=False),
    Column("salt", Bytes(32), nullable=False),
    Column("member_salt", Bytes(32)),
    Column("sharer_salt", Bytes(32)),
    CheckConstraint("sharer_id IS NULL OR sharer_id <> member_id", name="nobody_brings_itself"),
    Index("ix_share_bind_member_id", "member_id", "campaign_id", "touched_at"),
    Index("ix_share_bind_sharer_id", "sharer_id", "bound_at"),
    Index("ix_share_bind_campaign_id", "campaign_id", "bound_at"),
)  # fmt: skip

# Who brought whom into the alliance: once for each member, and never oneself.
share_tie = Table(
    "share_tie", metadata,
    Column("member_id", BigInteger, ForeignKey("member.member_id"), primary_key=True, autoincrement=False),
    Column("sharer_id", BigInteger, ForeignKey("member.member_id"), nullable=False, index=True),
    Column("number", BigInteger, nullable=False),
    Column("tied_at", UtcInstant, nullable=False),
    CheckConstraint("sharer_id <> member_id", name="nobody_brings_itself"),
)  # fmt: skip

# What several members may have in common, as keyed hashes: nothing can be read out of them.
share_signal = Table(
    "share_signal", metadata,
    Column("member_id", BigInteger, ForeignKey("member.member_id"), primary_key=True, autoincrement=False),
    Column("kind", String(8), primary_key=True),
    Column("digest", Bytes(32), primary_key=True),
    Column("seen_at", UtcInstant, nullable=False),
    one_of("kind", ("device", "payment", "phone", "address")), fixed_length("digest", 32),
    Index("ix_share_signal_digest", "digest"),
)  # fmt: skip
