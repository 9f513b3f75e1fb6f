"""Tables of the checkout."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    String,
    Table,
    Text,
)

from ledger_service.db.tables import at_least, fixed_length, metadata, one_of
from ledger_service.db.types import Bytes, UtcInstant
from ledger_service.members.models import member as _member

# One row per capture. lines, spent, earned and tenders are compact JSON that checkout.records writes and
# reads.
sale = Table(
    "sale",
    metadata,
    Column("sale_id", Bytes(16), primary_key=True),
    Column("kind", String(8), nullable=False),
    Column("merchant_id", BigInteger, nullable=False),
    Column("store_gln", BigInteger, nullable=False),
    Column("terminal_id", String(64), nullable=False),
    Column("member_id", BigInteger, ForeignKey(_member.c.member_id)),
    Column("hold_id", Bytes(16)),
    Column("reference", Text, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("total_minor", BigInteger, nullable=False),
    Column("lines", Text, nullable=False),
    Column("spent", Text, nullable=False),
    Column("earned", Text, nullable=False),
    Column("returned", Text, nullable=False, default=""),
    Column("receipt", Text, nullable=False),
    Column("occurred_at", UtcInstant, nullable=False),
    Column("tenders", Text),
    # Days since 1970-01-01, as every business_day; the till's own id of its cashier.
    Column("business_day", Integer),
    Column("cashier", String(32)),
    one_of("kind", ("sale", "capture")),
    fixed_length("sale_id", 16),
    at_least("total_minor"),
    # A member's purchases in their order; the first one at a merchant, and what all members have spent there,
    # are found in the index alone.
    Index("ix_sale_member_id", "member_id", "occurred_at", "merchant_id", "total_minor"),
    # One index finds the sales of a store's day and, day by day, a reference.
    Index("ix_sale_business_day", "store_gln", "business_day", "reference"),
)

refund = Table(
    "refund",
    metadata,
    Column("refund_id", Bytes(16), primary_key=True),
    Column("sale_id", Bytes(16), ForeignKey("sale.sale_id"), nullable=False, index=True),
    Column("merchant_id", BigInteger, nullable=False),
    Column("terminal_id", String(64), nullable=False),
    Column("reference", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("occurred_at", UtcInstant, nullable=False),
    # Where the goods came back; exchange_sale_id is the other half of an exchange.
    Column("store_gln", BigInteger),
    Column("business_day", Integer),
    Column("cashier", String(32)),
    Column("exchange_sale_id", Bytes(16)),
    fixed_length("refund_id", 16),
    Index("ix_refund_business_day", "store_gln", "business_day", "reference"),
)

# What the merchant told of a sale whose earn awaited it; the key says that an event counts once.
sale_event = Table(
    "sale_event",
    metadata,
    Column("sale_id", Bytes(16), ForeignKey("sale.sale_id"), primary_key=True),
    Column("name", String(32), primary_key=True),
    Column("told_by", String(80), nullable=False),
    Column("recorded_at", UtcInstant, nullable=False),
    fixed_length("sale_id", 16),
    sqlite_with_rowid=False,
)

# A sale of an old system that moved in: what a refund of it would need (which points, by which rule) stayed
# there, so it is known only to be refused with the reason.
imported_sale = Table(
    "imported_sale",
    metadata,
    Column("sale_id", Bytes(16), primary_key=True),
    Column("merchant_id", BigInteger, nullable=False),
    Column("member_id", BigInteger, ForeignKey(_member.c.member_id)),
    Column("reference", Text, nullable=False),
    Column("total_minor", BigInteger, nullable=False),
    Column("occurred_at", UtcInstant, nullable=False),
    Column("import_id", Bytes(16), nullable=False),
    fixed_length("sale_id", 16),
    at_least("total_minor"),
    Index("ix_imported_sale_import_id", "import_id"),
    Index("ix_imported_sale_member_id", "member_id"),
    Index("ix_imported_sale_merchant_id", "merchant_id", "occurred_at"),
)

# What a merchant has published of how it takes goods back; return_rules writes and reads the body.
return_policy = Table(
    "return_policy",
    metadata,
    Column("merchant_id", BigInteger, ForeignKey("merchant.merchant_id"), primary_key=True),
    Column("body", Text, nullable=False),
    Column("changed_at", UtcInstant, nullable=False),
)

# Goods that came back without a receipt; day is that of UTC.
unreceipted_return = Table(
    "unreceipted_return",
    metadata,
    Column("return_id", Bytes(16), primary_key=True),
    Column("merchant_id", BigInteger, nullable=False),
    Column("member_id", BigInteger, ForeignKey(_member.c.member_id), nullable=False),
    Column("terminal_id", String(64), nullable=False),
    Column("day", Integer, nullable=False),
    Column("body", Text, nullable=False),
    Column("occurred_at", UtcInstant, nullable=False),
    Column("store_gln", BigInteger),
    Column("business_day", Integer),
    Column("cashier", String(32)),
    Column("reference", Text),
    fixed_length("return_id", 16),
    Index("ix_unreceipted_return_business_day", "store_gln", "business_day", "reference"),
    Index("ix_unreceipted_return_member_id", "member_id", "merchant_id", "day"),
)

# Numbers of invoices and allowances; period is 0 where a number never comes again (invoices.Invoice.period).
invoice = Table(
    "invoice",
    metadata,
    Column("merchant_id", BigInteger, primary_key=True, autoincrement=False),
    Column("number", String(20), primary_key=True),
    Column("scheme", String(2), primary_key=True),
    Column("paper", String(9), primary_key=True),
    Column("period", Integer, primary_key=True, autoincrement=False),
    Column("sale_id", Bytes(16), ForeignKey("sale.sale_id"), nullable=False, index=True),
    Column("refund_id", Bytes(16), ForeignKey("refund.refund_id")),
    Column("carrier", String(20), nullable=False),
    Column("carrier_id", String(64), nullable=False),
    one_of("scheme", ("tw", "cn")),
    one_of("paper", ("invoice", "allowance")),
    sqlite_with_rowid=False,
)

# Kept for ever: the reference of a money move (R1). response is exactly what was answered.
idempotency = Table(
    "idempotency",
    metadata,
    Column("subject", String(80), primary_key=True),
    Column("key", String(128), primary_key=True),
    Column("body_hash", Bytes(32), nullable=False),
    Column("status", SmallInteger, nullable=False),
    Column("response", LargeBinary, nullable=False),
    Column("created_at", UtcInstant, nullable=False),
    # With a row id on SQLite: answers are long, and in the order of the keys few would share a page.
)

# A tombstone: the code was revoked before anybody had seen it, and a late original is refused (D6).
pay_code_revocation = Table(
    "pay_code_revocation",
    metadata,
    Column("account", Bytes(20), primary_key=True),
    Column("nonce", Bytes(8), primary_key=True),
    Column("merchant_id", BigInteger, nullable=False),
    Column("terminal_id", String(64), nullable=False),
    Column("revoked_at", UtcInstant, nullable=False),
    sqlite_with_rowid=False,
)

# Receipts of one worker are numbered without a gap; only that worker writes its row.
receipt_series = Table(
    "receipt_series",
    metadata,
    Column("worker", String(32), primary_key=True),
    Column("last", BigInteger, nullable=False),
    at_least("last"),
)

# What a terminal in training has sold: only so that it can practise the refund. record is the row that a sale
# would have had, without its member.
training_sale = Table(
    "training_sale",
    metadata,
    Column("sale_id", Bytes(16), primary_key=True),
    Column("merchant_id", BigInteger, nullable=False),
    Column("record", Text, nullable=False),
    Column("sold_at", UtcInstant, nullable=False),
    fixed_length("sale_id", 16),
)
