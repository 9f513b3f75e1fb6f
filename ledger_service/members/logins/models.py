"""The table of codes for logging in."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, Table

from ledger_service.db.tables import at_least, fixed_length, metadata
from ledger_service.db.types import Bytes, UtcInstant

# phone_hash is the keyed hash of ``member_identity``, of a member's number or of nobody's. The code follows
# from code_id and a secret that no table holds.
login_code = Table(
    "login_code",
    metadata,
    Column("code_id", Bytes(16), primary_key=True),
    Column("phone_hash", Bytes(32), nullable=False),
    Column("made_at", UtcInstant, nullable=False),
    Column("expires_at", UtcInstant, nullable=False),
    Column("tries", Integer, nullable=False, default=0),
    Column("used_at", UtcInstant),
    Column("sends", Integer, nullable=False, default=0),
    Column("send_at", UtcInstant),
    # Of who may become a member by the code: where to send it, until it has served or is forgotten.
    Column("phone_sealed", Bytes),
    fixed_length("code_id", 16),
    fixed_length("phone_hash", 32),
    at_least("tries"),
    at_least("sends"),
    Index("ix_login_code_phone_hash", "phone_hash", "made_at"),
    Index("ix_login_code_send_at", "send_at"),
    Index("ix_login_code_made_at", "made_at"),
)
