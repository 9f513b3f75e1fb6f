"""Tables of the members room."""

from __future__ import annotations

from sqlalchemy import (
    CHAR,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Identity,
    Index,
    Integer,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from ledger_service.db.tables import fixed_length, metadata, one_of
from ledger_service.db.types import Bytes, Int64, UtcInstant

# Erasure empties salt, display_name, member_number and birthday; the account stays, since it is made
# from nothing personal and the chain's balances must remain provable against the ledger. birthday is
# month * 100 + day, without a year, and only where the member gave it.
member = Table(
    "member",
    metadata,
    Column("member_id", Int64, Identity(), primary_key=True),
    Column("member_number", CHAR(18), unique=True),
    Column("account", Bytes(20), unique=True),
    Column("salt", Bytes(32)),
    Column("display_name", Text),
    Column("status", Text, nullable=False),
    Column("custody", Text, nullable=False),
    Column("ledger_base", Int64, nullable=False, unique=True),
    Column("created_at", UtcInstant, nullable=False),
    Column("erased_at", UtcInstant),
    # When the freeze began that is in force; erasure keeps it, so that open holds stay as they are.
    Column("frozen_at", UtcInstant),
    Column("birthday", SmallInteger),
    # True for the account of a household, whose rights stand in members/households; empty for a person.
    Column("household", Boolean),
    # The merchant that enrolled it, where one did: neither who enrols itself nor an import has one.
    Column("enrolled_by", BigInteger),
    one_of("status", ("active", "frozen", "erased")),
    one_of("custody", ("device", "custodial")),
    Index("ix_member_erased_at", "erased_at", sqlite_where=text("erased_at IS NOT NULL"),
          postgresql_where=text("erased_at IS NOT NULL")),
)  # fmt: skip

# value_hash is keyed (HMAC) so that a stolen table tells no phone number; value_sealed is encrypted.
member_identity = Table(
    "member_identity",
    metadata,
    Column("member_id", Int64, ForeignKey("member.member_id"), primary_key=True, autoincrement=False),
    Column("kind", Text, primary_key=True),
    Column("value_hash", Bytes(32), nullable=False),
    Column("value_sealed", Bytes(), nullable=False),
    Column("created_at", UtcInstant, nullable=False),
    UniqueConstraint("kind", "value_hash", name="uq_member_identity_value"),
)

# A card of plastic that a till reads; hashed and sealed as an identity is, any number a member. One that was
# lost or replaced keeps its row, so that nobody binds it again.
member_card = Table(
    "member_card",
    metadata,
    Column("number_hash", Bytes(32), primary_key=True),
    Column("member_id", Int64, ForeignKey("member.member_id"), nullable=False, index=True),
    Column("number_sealed", Bytes(), nullable=False),
    Column("created_at", UtcInstant, nullable=False),
    Column("ended_at", UtcInstant),
    Column("ended_by", Text),
    Column("reason", Text),
    one_of("reason", ("lost", "replaced")),
)

# In which language a member is written to, and by which ways (comma-separated) it agreed to be; its quiet
# hours as minutes of the day by the clock of quiet_zone, and how often it may be told a day.
member_preference = Table(
    "member_preference",
    metadata,
    Column("member_id", Int64, ForeignKey("member.member_id"), primary_key=True, autoincrement=False),
    Column("language", Text),
    Column("consents", Text, nullable=False, default=""),
    Column("quiet_from", Integer),
    Column("quiet_until", Integer),
    Column("quiet_zone", Text),
    Column("most_a_day", Integer),
)

# A device is one signer of one account with its own nonce lane (D4). flags: bit 0 custodial, bit 1
# contract. It is active from active_from (inclusive) until revoked_at (exclusive).
device = Table(
    "device",
    metadata,
    Column("device_id", Int64, Identity(), primary_key=True),
    Column("member_id", Int64, ForeignKey("member.member_id"), nullable=False),
    Column("lane", Int64, nullable=False),
    Column("signer", Bytes(20), nullable=False),
    Column("flags", Integer, nullable=False),
    Column("label", Text),
    Column("otp_number", CHAR(8), unique=True),
    Column("otp_failures", Integer, nullable=False, default=0),
    Column("otp_locked_until", UtcInstant),
    Column("status", Text, nullable=False),
    Column("active_from", UtcInstant, nullable=False),
    Column("revoked_at", UtcInstant),
    Column("created_at", UtcInstant, nullable=False),
    UniqueConstraint("member_id", "lane", name="uq_device_lane"),
    UniqueConstraint("member_id", "signer", name="uq_device_signer"),
    one_of("status", ("active", "revoked")),
    CheckConstraint("lane BETWEEN 0 AND 4294967295", name="lane_is_uint32"),
    fixed_length("signer", 20),
    Index("ix_device_signer", "signer"),
)

# Where a member was before: its account gave way to ``successor`` at ``until``. ``linked`` says whether the
# chain shows that; erasure empties the salt. Whoever asks by a former account finds nobody.
former_account = Table(
    "former_account",
    metadata,
    Column("account", Bytes(20), primary_key=True),
    Column("member_id", BigInteger, ForeignKey("member.member_id"), nullable=False, index=True),
    Column("salt", Bytes(32)),
    Column("successor", Bytes(20), nullable=False),
    Column("reason", Text, nullable=False),
    Column("linked", Boolean, nullable=False),
    Column("until", UtcInstant, nullable=False),
    one_of("reason", ("rotation", "recovery", "merge")),
    fixed_length("account", 20),
    fixed_length("successor", 20),
)

# One row per 18-digit code that was used; the primary key is what makes a code single-use.
otp_use = Table(
    "otp_use",
    metadata,
    Column("device_id", Int64, ForeignKey("device.device_id"), primary_key=True, autoincrement=False),
    Column("step", Int64, primary_key=True, autoincrement=False),
    Column("used_at", UtcInstant, nullable=False),
)
