"""Tables of the offline sales."""

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
)
from sqlalchemy import text as sql_text

from ledger_service.db.tables import at_least, fixed_length, metadata, one_of
from ledger_service.db.types import Bytes, UtcInstant
from ledger_service.members.models import member as _member
from ledger_service.merchants.models import terminal as _terminal

# Every version of what a merchant lets a terminal take in points while offline; only added to.
offline_allowance = Table(
    "offline_allowance",
    metadata,
    Column("terminal_id", Text, ForeignKey(_terminal.c.terminal_id), primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("allowance_micros", BigInteger, nullable=False),
    Column("window_seconds", Integer, nullable=False),
    Column("set_by", Text, nullable=False),
    Column("set_at", UtcInstant, nullable=False),
    at_least("version", 1),
    at_least("allowance_micros"),
    at_least("window_seconds", 1),
    sqlite_with_rowid=False,
)

# What a terminal has taken in points offline, of the allowance of one window.
offline_window = Table(
    "offline_window",
    metadata,
    Column("terminal_id", Text, ForeignKey(_terminal.c.terminal_id), primary_key=True),
    Column("window_seconds", Integer, primary_key=True, autoincrement=False),
    Column("window_index", BigInteger, primary_key=True, autoincrement=False),
    Column("used_micros", BigInteger, nullable=False),
    at_least("used_micros"),
    sqlite_with_rowid=False,
)

# One row for each offline sale that was decided. offered is what points should have paid at the till, paid
# what they did pay; the merchant bears the rest, within its allowance (loss) or beyond it.
offline_sale = Table(
    "offline_sale",
    metadata,
    Column("sale_id", Bytes(16), primary_key=True),
    Column("merchant_id", BigInteger, nullable=False),
    Column("terminal_id", String(64), nullable=False),
    Column("key", String(64), nullable=False),
    Column("member_id", BigInteger, ForeignKey(_member.c.member_id)),
    Column("state", String(8), nullable=False),
    Column("code", String(64)),
    Column("sold_at", UtcInstant, nullable=False),
    Column("received_at", UtcInstant, nullable=False),
    Column("offered_minor", BigInteger, nullable=False),
    Column("paid_minor", BigInteger, nullable=False),
    Column("loss_minor", BigInteger, nullable=False),
    Column("beyond_minor", BigInteger, nullable=False),
    Column("cause", String(64)),
    Column("flagged", Boolean, nullable=False),
    Column("won_by", Bytes(16)),
    Column("debt_points", BigInteger, nullable=False, default=0),
    Column("decided_by", Text),
    Column("decided_at", UtcInstant),
    # What the till took off for coupons, and what of it no coupon covered.
    Column("coupons_minor", BigInteger, nullable=False, default=0, server_default="0"),
    Column("coupons_loss_minor", BigInteger, nullable=False, default=0, server_default="0"),
    fixed_length("sale_id", 16),
    one_of("state", ("certain", "refused")),
    at_least("paid_minor"),
    at_least("loss_minor"),
    at_least("beyond_minor"),
    at_least("debt_points"),
    at_least("coupons_minor"),
    at_least("coupons_loss_minor"),
    CheckConstraint("paid_minor + loss_minor + beyond_minor = offered_minor", name="offered_is_borne"),
    CheckConstraint("(state = 'refused') = (code IS NOT NULL)", name="refused_has_code"),
    Index("ix_offline_sale_received_at", "received_at", "sale_id"),
    Index("ix_offline_sale_merchant_id", "merchant_id", "received_at", "sale_id"),
    Index("ix_offline_sale_terminal_id", "terminal_id", "received_at", "sale_id"),
    Index(
        "ix_offline_sale_loss",
        "received_at",
        "sale_id",
        sqlite_where=sql_text("cause IS NOT NULL"),
        postgresql_where=sql_text("cause IS NOT NULL"),
    ),
)
