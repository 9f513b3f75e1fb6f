"""The table of passkeys."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, String, Table

from ledger_service.db.tables import at_least, fixed_length, metadata
from ledger_service.db.types import Bytes, Int64, UtcInstant
from ledger_service.members.passkeys.rules import LONGEST_LABEL

# credential_hash is SHA-256 of the id that the device gave, by which it is found; public_key is COSE. Of the
# last challenge that it answered stands when that was made: none that is older, nor the same, is taken again.
passkey = Table(
    "passkey",
    metadata,
    Column("passkey_id", Bytes(16), primary_key=True),
    Column("member_id", Int64, ForeignKey("member.member_id"), nullable=False, index=True),
    Column("credential_hash", Bytes(32), nullable=False, unique=True),
    Column("credential_id", Bytes(), nullable=False),
    Column("public_key", Bytes(), nullable=False),
    Column("sign_count", BigInteger, nullable=False),
    Column("label", String(LONGEST_LABEL), nullable=False),
    Column("made_at", UtcInstant, nullable=False),
    Column("challenged_at", UtcInstant, nullable=False),
    Column("last_challenge", Bytes(40), nullable=False),
    Column("used_at", UtcInstant),
    fixed_length("passkey_id", 16),
    fixed_length("credential_hash", 32),
    fixed_length("last_challenge", 40),
    at_least("sign_count"),
)
