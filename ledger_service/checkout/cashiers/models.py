"""The table of cashiers' PINs."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Integer, String, Table, Text

from ledger_service.db.tables import at_least, fixed_length, metadata
from ledger_service.db.types import Bytes, UtcInstant
from ledger_service.merchants.models import merchant as _merchant

# pin_hash is Argon2id over a keyed tag, as a member's; tries are wrong ones since the last right one.
cashier_pin = Table(
    "cashier_pin",
    metadata,
    Column("merchant_id", BigInteger, ForeignKey(_merchant.c.merchant_id), primary_key=True),
    Column("cashier", String(32), primary_key=True),
    Column("pin_salt", Bytes(16), nullable=False),
    Column("pin_hash", Bytes(32), nullable=False),
    Column("set_at", UtcInstant, nullable=False),
    Column("set_by", Text, nullable=False),
    Column("tries", Integer, nullable=False, default=0),
    Column("locked_until", UtcInstant),
    fixed_length("pin_salt", 16),
    fixed_length("pin_hash", 32),
    at_least("tries"),
    sqlite_with_rowid=False,
)
