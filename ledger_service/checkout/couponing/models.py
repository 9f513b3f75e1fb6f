"""The tables of coupons that sales used, and of what came back of them."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    Table,
    Text,
)

from ledger_service.db.tables import at_least, fixed_length, metadata
from ledger_service.db.types import Bytes, UtcInstant

# parts is JSON: [line, funder's id as text, minor units] of every part of the discount. member_id (never that
# of a later merge) and counted_at (None: used_at) name the counters that the use counts in.
sale_coupon = Table(
    "sale_coupon", metadata,
    Column("sale_id", Bytes(16), ForeignKey("sale.sale_id"), primary_key=True),
    Column("coupon_id", Bytes(16), primary_key=True),
    Column("definition_id", BigInteger, nullable=False),
    Column("version", Integer, nullable=False),
    Column("discount_minor", BigInteger, nullable=False),
    Column("parts", Text, nullable=False),
    Column("used_at", UtcInstant, nullable=False),
    Column("member_id", BigInteger),
    Column("counted_at", UtcInstant),
    Column("period", BigInteger),
    fixed_length("coupon_id", 16), at_least("discount_minor"),
    Index("ix_sale_coupon_definition_id", "definition_id", "used_at"),
    Index("ix_sale_coupon_period", "period", "used_at", "sale_id", "coupon_id"),
)  # fmt: skip

# What funders owe acceptors in a settlement period, in minor units: the sums of the lines that it clears.
coupon_debt = Table(
    "coupon_debt", metadata,
    Column("period", BigInteger, primary_key=True, autoincrement=False),
    Column("funder", BigInteger, primary_key=True, autoincrement=False),
    Column("acceptor", BigInteger, primary_key=True, autoincrement=False),
    Column("minor", BigInteger, nullable=False),
    CheckConstraint("funder <> acceptor", name="nobody_owes_itself"),
    sqlite_with_rowid=False,
)  # fmt: skip

# What of a used coupon came back with a return; parts is JSON: [funder's id as text, minor units]. As there,
# period is the settlement period that clears it, given once by a job.
sale_coupon_return = Table(
    "sale_coupon_return", metadata,
    Column("refund_id", Bytes(16), primary_key=True),
    Column("coupon_id", Bytes(16), primary_key=True),
    Column("sale_id", Bytes(16), nullable=False),
    Column("returned_minor", BigInteger, nullable=False),
    Column("parts", Text, nullable=False),
    Column("returned_at", UtcInstant, nullable=False),
    Column("period", BigInteger),
    ForeignKeyConstraint(
        ["sale_id", "coupon_id"], ["sale_coupon.sale_id", "sale_coupon.coupon_id"],
        name="fk_sale_coupon_return_use",
    ),
    fixed_length("refund_id", 16), fixed_length("coupon_id", 16), at_least("returned_minor"),
    Index("ix_sale_coupon_return_period", "period", "returned_at", "refund_id", "coupon_id"),
    Index("ix_sale_coupon_return_sale_id", "sale_id", "coupon_id"),
)  # fmt: skip
