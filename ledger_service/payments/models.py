"""Table of payments."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from ledger_service.db.tables import metadata, one_of
from ledger_service.db.types import Bytes, Int64, UtcInstant
from ledger_service.payments.rules import STATES, Provider

# An order of a till and the payment that a provider tells of, whichever comes first; due once both are there.
# payer is sealed, and gone as soon as it is decided whose it is. consent: the payer agreed at the till to
# become a member; ordered_by says who told us so.
payment = Table(
    "payment", metadata,
    Column("merchant_id", Int64, ForeignKey("merchant.merchant_id"), primary_key=True, autoincrement=False),
    Column("provider", String(16), primary_key=True),
    Column("reference", String(64), primary_key=True),
    Column("sale_id", Bytes(16)),
    Column("cashier", String(32)),
    Column("terminal_id", Text),
    Column("consent", Boolean),
    Column("touch_id", Bytes(16)),
    Column("ordered_by", Text),
    Column("ordered_at", UtcInstant),
    Column("transaction_id", String(64)),
    Column("payer", LargeBinary),
    Column("amount_minor", BigInteger),
    Column("currency", String(3)),
    Column("paid_at", UtcInstant),
    Column("noticed_at", UtcInstant),
    Column("state", String(8), nullable=False),
    Column("reason", Text, nullable=False),
    Column("member_id", BigInteger, ForeignKey("member.member_id"), index=True),
    Column("tries", Integer, nullable=False),
    Column("until", UtcInstant, nullable=False),
    UniqueConstraint("provider", "merchant_id", "transaction_id", name="uq_payment_transaction"),
    one_of("state", STATES), one_of("provider", [provider.value for provider in Provider]),
    CheckConstraint("payer IS NULL OR state IN ('noticed', 'due')", name="payer_until_decided"),
    CheckConstraint("state NOT IN ('matched', 'attached') OR member_id IS NOT NULL", name="of_a_member"),
    Index("ix_payment_until", "state", "until"),
    Index("ix_payment_merchant_id", "merchant_id", "until"),
)  # fmt: skip
