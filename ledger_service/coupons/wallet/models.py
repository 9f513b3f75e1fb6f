"""Tables of the wallet: coupons, what happened to them, and wrong codes by who tried them."""

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

from ledger_service.coupons.wallet.rules import EVENTS, STATES
from ledger_service.db.guards import append_only
from ledger_service.db.tables import at_least, fixed_length, metadata, one_of
from ledger_service.db.types import Bytes, UtcInstant

# claimant claimed it, holder has it now; both None where whoever shows the code has it. list_id and position
# say which code it was. used_by is the hold that reserved it, then the sale that consumed it. events counts
# the rows of its history. An expired coupon stays available by its row: the clock says that it is over.
coupon = Table(
    "coupon", metadata,
    Column("coupon_id", Bytes(16), primary_key=True),
    Column("definition_id", BigInteger, nullable=False),
    Column("version", Integer, nullable=False),
    Column("state", String(9), nullable=False),
    Column("holder", BigInteger, ForeignKey("member.member_id")),
    Column("claimant", BigInteger, ForeignKey("member.member_id")),
    Column("source", String(64)),
    Column("list_id", Integer),
    Column("position", Integer),
    Column("claimed_at", UtcInstant, nullable=False),
    Column("expires_at", UtcInstant),
    Column("used_by", Bytes(16)),
    Column("gifts", SmallInteger, nullable=False, default=0),
    Column("events", SmallInteger, nullable=False, default=0),
    fixed_length("coupon_id", 16),
    one_of("state", STATES),
    at_least("gifts"),
    CheckConstraint("(state IN ('reserved', 'consumed')) = (used_by IS NOT NULL)", name="used_by_something"),
    Index("ix_coupon_holder", "holder", "state"),
    Index("ix_coupon_claimant", "claimant", "definition_id"),
    Index("ix_coupon_definition_id", "definition_id", "coupon_id"),
    Index("ix_coupon_expires_at", "expires_at"),
)  # fmt: skip

# ref is the hold, sale or refund behind it; member_id whom it concerns: the new holder of a gift.
coupon_event = append_only(Table(
    "coupon_event", metadata,
    Column("coupon_id", Bytes(16), ForeignKey("coupon.coupon_id"), primary_key=True),
    Column("position", SmallInteger, primary_key=True, autoincrement=False),
    Column("kind", String(10), nullable=False),
    Column("member_id", BigInteger),
    Column("by_whom", Text, nullable=False),
    Column("ref", Bytes(16)),
    Column("at", UtcInstant, nullable=False),
    one_of("kind", EVENTS),
))  # fmt: skip

# Wrong codes of a member or a till since ``since``; none is looked up for it before ``locked_until``.
coupon_guess = Table(
    "coupon_guess", metadata,
    Column("subject", String(80), primary_key=True),
    Column("wrong", Integer, nullable=False),
    Column("since", UtcInstant, nullable=False),
    Column("locked_until", UtcInstant),
    at_least("wrong"),
    Index("ix_coupon_guess_locked_until", "locked_until"),
)  # fmt: skip
