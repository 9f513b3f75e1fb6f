"""Tables of tickets."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
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

from ledger_service.coupons.tickets.rules import STATES, Kind
from ledger_service.db.guards import append_only
from ledger_service.db.tables import at_least, fixed_length, metadata, one_of
from ledger_service.db.types import Bytes, UtcInstant

# buyer (never that of a later merge) is whose limits it counts in, holder whose it is (None: whoever has the
# code). The instants and the gift rule are those of the terms at the sale. changed_at is when it came to its
# state; entries counts rows.
ticket = Table(
    "ticket", metadata,
    Column("ticket_id", Bytes(16), primary_key=True),
    Column("tag", Bytes(16), nullable=False),
    Column("merchant_id", BigInteger, ForeignKey("merchant.merchant_id"), nullable=False),
    Column("definition_id", BigInteger, nullable=False),
    Column("version", Integer, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("price_minor", BigInteger, nullable=False),
    Column("paid_with", Text, nullable=False),
    Column("buyer", BigInteger, ForeignKey("member.member_id")),
    Column("holder", BigInteger, ForeignKey("member.member_id")),
    Column("gift", String(8), nullable=False),
    Column("gifts", Integer, nullable=False),
    Column("begins_at", UtcInstant, nullable=False),
    Column("over_at", UtcInstant, nullable=False),
    Column("refund_until", UtcInstant),
    Column("state", String(8), nullable=False),
    Column("sold_at", UtcInstant, nullable=False),
    Column("sold_in", BigInteger, nullable=False),
    Column("changed_at", UtcInstant, nullable=False),
    Column("entries", Integer, nullable=False),
    fixed_length("ticket_id", 16), fixed_length("tag", 16), one_of("state", STATES),
    at_least("price_minor", 1), at_least("gifts"), at_least("entries", 1),
    CheckConstraint("over_at > begins_at", name="over_after_beginning"),
    UniqueConstraint("tag"),
    Index("ix_ticket_merchant_id", "merchant_id", "ticket_id"),
    Index("ix_ticket_holder", "holder", "ticket_id"),
    Index("ix_ticket_buyer", "buyer"),
)  # fmt: skip

# What happened to a ticket; amount_minor is the money that changed hands, 0 for none. ref is the operation.
ticket_entry = append_only(Table(
    "ticket_entry", metadata,
    Column("ticket_id", Bytes(16), ForeignKey("ticket.ticket_id"), primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("kind", String(8), nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("paid_with", Text),
    Column("ref", Bytes(16), nullable=False),
    Column("reference", Text, nullable=False),
    Column("store_gln", BigInteger),
    Column("terminal_id", String(64)),
    Column("cashier", String(32)),
    Column("business_day", Integer),
    Column("at", UtcInstant, nullable=False),
    one_of("kind", tuple(Kind)), at_least("position", 1), at_least("amount_minor"), fixed_length("ref", 16),
    CheckConstraint(
        "(kind IN ('sold', 'refunded')) = (amount_minor > 0)"
        " AND (amount_minor > 0) = (paid_with IS NOT NULL)",
        name="money_of_kind",
    ),
    Index("ix_ticket_entry_business_day", "store_gln", "business_day"),
))  # fmt: skip
