"""Tables of the claims room."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, SmallInteger, String, Table, Text, text

from ledger_service.claims.rules import REASONS, STATES
from ledger_service.db.guards import append_only
from ledger_service.db.tables import at_least, fixed_length, metadata, one_of
from ledger_service.db.types import Bytes, UtcInstant

_ALIVE = text("state <> 'refused'")
_MATCHED = text("state <> 'refused' AND sale_id IS NOT NULL")

# receipt_key is what makes a receipt one: it is claimed once, unless that claim was refused. points is what
# the matched sale would have earned; adjustment_id the adjustment that was asked for as the answer.
claim = Table(
    "claim", metadata,
    Column("claim_id", Bytes(16), primary_key=True),
    Column("member_id", BigInteger, ForeignKey("member.member_id"), nullable=False),
    Column("merchant_id", BigInteger, ForeignKey("merchant.merchant_id"), nullable=False),
    Column("store_gln", BigInteger, nullable=False),
    Column("timezone", Text, nullable=False),
    Column("sold_on", String(10), nullable=False),
    Column("reference", Text, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("code", Text),
    Column("receipt_key", Bytes(32), nullable=False),
    Column("sale_id", Bytes(16)),
    Column("programme_id", BigInteger),
    Column("points", BigInteger),
    Column("state", String(8), nullable=False),
    Column("reason", String(16)),
    Column("adjustment_id", Bytes(16)),
    Column("filed_at", UtcInstant, nullable=False),
    Column("answer_due_at", UtcInstant, nullable=False),
    Column("try_again_at", UtcInstant, nullable=False),
    Column("escalated_at", UtcInstant),
    one_of("state", STATES), one_of("reason", REASONS),
    fixed_length("claim_id", 16), fixed_length("receipt_key", 32), fixed_length("sold_on", 10),
    at_least("amount_minor"),
    Index("uq_claim_receipt", "receipt_key", unique=True, sqlite_where=_ALIVE, postgresql_where=_ALIVE),
    Index("uq_claim_sale", "sale_id", unique=True, sqlite_where=_MATCHED, postgresql_where=_MATCHED),
    Index("ix_claim_member_id", "member_id", "filed_at"),
    Index("ix_claim_merchant_id", "merchant_id", "filed_at"),
    Index("ix_claim_answer_due_at", "answer_due_at"),
)  # fmt: skip

claim_event = append_only(Table(
    "claim_event", metadata,
    Column("claim_id", Bytes(16), ForeignKey("claim.claim_id"), primary_key=True),
    Column("position", SmallInteger, primary_key=True, autoincrement=False),
    Column("kind", String(9), nullable=False),
    Column("reason", String(16)),
    Column("by_whom", Text, nullable=False),
    Column("at", UtcInstant, nullable=False),
))  # fmt: skip

claim_policy = Table(
    "claim_policy", metadata,
    Column(
        "merchant_id", BigInteger, ForeignKey("merchant.merchant_id"), primary_key=True, autoincrement=False
    ),
    Column("claim_days", Integer, nullable=False),
    Column("answer_days", Integer, nullable=False),
    Column("per_member_month", Integer, nullable=False),
    at_least("claim_days", 1), at_least("answer_days", 1), at_least("per_member_month"),
)  # fmt: skip
