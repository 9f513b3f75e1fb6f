"""Tables of late attach."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, String, Table

from ledger_service.db.tables import at_least, fixed_length, metadata
from ledger_service.db.types import Bytes, UtcInstant
from ledger_service.members.models import member as _member

# One row for each sale that joined a member afterwards; day is that of UTC. approved_by is the second person
# where the member works at the merchant.
sale_attachment = Table(
    "sale_attachment",
    metadata,
    Column("sale_id", Bytes(16), ForeignKey("sale.sale_id"), primary_key=True),
    Column("merchant_id", BigInteger, nullable=False),
    Column("member_id", BigInteger, ForeignKey(_member.c.member_id), nullable=False),
    Column("cashier", String(32), nullable=False),
    Column("terminal_id", String(64), nullable=False),
    Column("day", Integer, nullable=False),
    Column("total_minor", BigInteger, nullable=False),
    Column("sold_at", UtcInstant, nullable=False),
    Column("attached_at", UtcInstant, nullable=False),
    Column("approved_by", String(80)),
    fixed_length("sale_id", 16),
    at_least("total_minor"),
    Index("ix_sale_attachment_merchant_id", "merchant_id", "day", "cashier", "member_id"),
    Index("ix_sale_attachment_member_id", "member_id"),
    sqlite_with_rowid=False,
)

# For how many days a merchant's receipts may join a member; a merchant without a row has the default.
attach_policy = Table(
    "attach_policy",
    metadata,
    Column("merchant_id", BigInteger, ForeignKey("merchant.merchant_id"), primary_key=True),
    Column("within_days", Integer, nullable=False),
    Column("changed_at", UtcInstant, nullable=False),
    at_least("within_days"),
)
