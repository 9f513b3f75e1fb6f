"""Tables of the rules by which merchants take points."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Integer, String, Table, Text

from ledger_service.db.tables import at_least, metadata, one_of
from ledger_service.db.types import UtcInstant

SCOPES = ("member", "merchant", "store")

# Versions are only added; body is the canonical JSON of the rules.
taking_rule = Table(
    "taking_rule",
    metadata,
    Column("merchant_id", BigInteger, ForeignKey("merchant.merchant_id"), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("effective_from", UtcInstant, nullable=False),
    Column("body", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("published_by", Text, nullable=False),
    Column("published_at", UtcInstant, nullable=False),
    at_least("version", 1),
)

# What points have paid in a day of the store's calendar: of a member, a store, the merchant. Only where a
# rule bounds that sum. sum_key says the next four columns: rows are locked by a single one. The row of a
# store or a merchant is locked by every sale that points pay there.
taking_sum = Table(
    "taking_sum",
    metadata,
    Column("sum_key", String(64), primary_key=True),
    Column("merchant_id", BigInteger, nullable=False),
    Column("day", Integer, nullable=False),
    Column("scope", String(8), nullable=False),
    Column("subject", BigInteger, nullable=False),
    Column("taken_minor", BigInteger, nullable=False),
    one_of("scope", SCOPES),
    at_least("taken_minor"),
    sqlite_with_rowid=False,
)
