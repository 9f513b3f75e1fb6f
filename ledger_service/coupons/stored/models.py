"""Tables of stored value."""

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

from ledger_service.coupons.stored.rules import SIDES, STATES
from ledger_service.db.guards import append_only
from ledger_service.db.tables import at_least, fixed_length, metadata, one_of
from ledger_service.db.types import Bytes, UtcInstant

# tag is the hash of the code, pin_hash that of the PIN (None: the code alone pays). most_minor is the
# greatest balance that terms and law allowed when it was sold. entries counts the rows of its ledger: a row
# with none is no card, but a code that a lost card had (standing.replace).
value_card = Table(
    "value_card", metadata,
    Column("card_id", Bytes(16), primary_key=True),
    Column("tag", Bytes(16), nullable=False),
    Column("merchant_id", BigInteger, ForeignKey("merchant.merchant_id"), nullable=False),
    Column("definition_id", BigInteger, nullable=False),
    Column("version", Integer, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("holder", BigInteger, ForeignKey("member.member_id")),
    Column("pin_hash", Bytes(32)),
    Column("state", String(6), nullable=False),
    Column("balance_minor", BigInteger, nullable=False),
    Column("held_minor", BigInteger, nullable=False),
    Column("most_minor", BigInteger, nullable=False),
    Column("entries", Integer, nullable=False),
    Column("issued_at", UtcInstant, nullable=False),
    Column("expires_at", UtcInstant),
    Column("changed_by", Text),
    Column("change_reason", Text),
    fixed_length("card_id", 16), fixed_length("tag", 16), one_of("state", STATES),
    at_least("held_minor"), at_least("entries"),
    CheckConstraint("balance_minor >= held_minor", name="held_within_balance"),
    UniqueConstraint("tag"),
    Index("ix_value_card_merchant_id", "merchant_id", "card_id"),
    Index("ix_value_card_holder", "holder", "card_id"),
)  # fmt: skip


def _sides() -> str:
    listed = (f"(kind = '{k}' AND source = '{a}' AND destination = '{b}')" for k, (a, b) in SIDES.items())
    return " OR ".join(listed)


# One posting: so much from one account of the issuer to another. ref is what caused it: the sale, the refund,
# or the operation of its own. paid_with is how the till was paid, where it was (canonical JSON, tender to
# amount).
value_entry = append_only(Table(
    "value_entry", metadata,
    Column("card_id", Bytes(16), ForeignKey("value_card.card_id"), primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("kind", String(8), nullable=False),
    Column("source", String(10), nullable=False),
    Column("destination", String(10), nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("ref", Bytes(16), nullable=False),
    Column("reference", Text, nullable=False),
    Column("paid_with", Text),
    Column("store_gln", BigInteger),
    Column("terminal_id", String(64), nullable=False),
    Column("cashier", String(32)),
    Column("business_day", Integer),
    Column("at", UtcInstant, nullable=False),
    at_least("position", 1), at_least("amount_minor", 1), fixed_length("ref", 16),
    CheckConstraint(_sides(), name="sides_of_kind"),
    Index("ix_value_entry_ref", "ref"),
    Index("ix_value_entry_business_day", "store_gln", "business_day"),
))  # fmt: skip

# What an authorisation set apart of a card; left_minor is what no capture has used, 0 once it is over.
value_hold = Table(
    "value_hold", metadata,
    Column("hold_id", Bytes(16), primary_key=True),
    Column("card_id", Bytes(16), ForeignKey("value_card.card_id"), primary_key=True),
    Column("amount_minor", BigInteger, nullable=False),
    Column("left_minor", BigInteger, nullable=False),
    fixed_length("hold_id", 16), at_least("amount_minor", 1), at_least("left_minor"),
    CheckConstraint("left_minor <= amount_minor", name="left_within_amount"),
    Index("ix_value_hold_card_id", "card_id"),
    sqlite_with_rowid=False,
)  # fmt: skip
