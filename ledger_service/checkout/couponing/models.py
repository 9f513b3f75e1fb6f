"""The table of coupons that sales used."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, Table, Text

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
    fixed_length("coupon_id", 16), at_least("discount_minor"),
    Index("ix_sale_coupon_definition_id", "definition_id", "used_at"),
)  # fmt: skip
