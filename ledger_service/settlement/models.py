"""Tables of the settlement room: papers' lock and figures, words on held amounts, paid pool lines."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, Column, Table, Text

from ledger_service.db.guards import append_only
from ledger_service.db.tables import at_least, fixed_length, metadata
from ledger_service.db.types import Bytes, UtcInstant

# A paper's name tells merchant, period, stage and language; the bytes are made anew from the chain.
settlement_paper = append_only(Table(
    "settlement_paper", metadata,
    Column("name", Text, primary_key=True),
    Column("sha256", Bytes(32), nullable=False),
    Column("byte_count", BigInteger, nullable=False),
    Column("written_at", UtcInstant, nullable=False),
    fixed_length("sha256", 32), at_least("byte_count", 1),
))  # fmt: skip

# Micros as text: they outgrow 64 bits. The signature is the settlement key's, over EIP-712 words.
settlement_word = Table(
    "settlement_word", metadata,
    Column("period", BigInteger, primary_key=True, autoincrement=False),
    Column("debtor", BigInteger, primary_key=True, autoincrement=False),
    Column("creditor", BigInteger, primary_key=True, autoincrement=False),
    Column("merchant", BigInteger, primary_key=True, autoincrement=False),
    Column("pay_micros", Text, nullable=False),
    Column("signature", Bytes(65), nullable=False),
    Column("said_at", UtcInstant, nullable=False),
    fixed_length("signature", 65),
    CheckConstraint("merchant IN (debtor, creditor)", name="by_one_of_the_two"),
)  # fmt: skip

# Which lines between issuer and pool, and which payments of coupons, a bank's statement shows as paid; the
# desk on chain knows none of them. Numbers are those of settlement.bank.references.
off_desk_payment = append_only(Table(
    "off_desk_payment", metadata,
    Column("period", BigInteger, primary_key=True, autoincrement=False),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("payer", BigInteger, nullable=False),
    Column("payee", BigInteger, nullable=False),
    Column("minor", BigInteger, nullable=False),
    Column("evidence", Bytes(32), nullable=False),
    Column("marked_at", UtcInstant, nullable=False),
    fixed_length("evidence", 32), at_least("minor", 1),
    CheckConstraint("payer <> payee", name="two_merchants"),
))  # fmt: skip

# A closed period's figures, JSON, and the block that closed it; made anew where that is another.
settlement_figures = Table(
    "settlement_figures", metadata,
    Column("period", BigInteger, primary_key=True, autoincrement=False),
    Column("block_hash", Bytes(32), nullable=False),
    Column("body", Text, nullable=False),
    fixed_length("block_hash", 32),
)  # fmt: skip
