"""Tables of owners; both only grow, so that who owned a store when a period was closed stays true."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Index, Integer, String, Table, Text

from ledger_service.db.guards import append_only
from ledger_service.db.tables import at_least, metadata
from ledger_service.db.types import UtcInstant

owner = append_only(Table(
    "owner", metadata,
    Column("owner_id", String(16), primary_key=True),
    Column("merchant_id", BigInteger, ForeignKey("merchant.merchant_id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("tax_number", Text, nullable=False),
    # Either an IBAN, or a local account number with the code of its bank.
    Column("iban", String(34)),
    Column("bank_code", String(11)),
    Column("account_number", String(34)),
    Column("created_by", Text, nullable=False),
    Column("created_at", UtcInstant, nullable=False),
    CheckConstraint("(iban IS NULL) = (account_number IS NOT NULL)", name="one_account"),
    CheckConstraint("(account_number IS NULL) = (bank_code IS NULL)", name="account_with_bank"),
    Index("ix_owner_merchant_id", "merchant_id"),
))  # fmt: skip

# All rows of a store with one effective_from are one set, whose shares sum to 10,000.
store_owner = append_only(Table(
    "store_owner", metadata,
    Column("store_gln", BigInteger, ForeignKey("store.gln"), primary_key=True, autoincrement=False),
    Column("effective_from", UtcInstant, primary_key=True),
    Column("owner_id", String(16), ForeignKey("owner.owner_id"), primary_key=True),
    Column("share_bps", Integer, nullable=False),
    Column("set_by", Text, nullable=False),
    Column("set_at", UtcInstant, nullable=False),
    at_least("share_bps", 1),
))  # fmt: skip
