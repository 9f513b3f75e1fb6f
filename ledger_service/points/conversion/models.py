"""Tables of conversions; times are whole seconds, as on the chain."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Index, Integer, Table

from ledger_service.db.guards import append_only
from ledger_service.db.tables import at_least, fixed_length, metadata
from ledger_service.db.types import Bytes, UtcInstant
from ledger_service.members.models import member as _member

# What two issuers agreed on, as the index told it; spread 10,000: nothing converts from then on.
conversion_terms = Table(
    "conversion_terms",
    metadata,
    Column("programme_id", Integer, primary_key=True, autoincrement=False),
    Column("target_id", Integer, primary_key=True, autoincrement=False),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("effective_from", BigInteger, nullable=False),
    Column("spread_bps", Integer, nullable=False),
    CheckConstraint("spread_bps BETWEEN 0 AND 10000", name="spread_is_a_share"),
    CheckConstraint("programme_id <> target_id", name="two_programmes"),
)

# The announced end of a programme, and into which other one the rest of its points converts; with the last
# version of its terms, which has a cap of 0.
programme_end = Table(
    "programme_end",
    metadata,
    Column("programme_id", Integer, primary_key=True, autoincrement=False),
    Column("target_id", Integer, nullable=False),
    Column("issues_until", BigInteger, nullable=False),
    Column("ends_at", BigInteger, nullable=False),
    Column("spread_bps", Integer, nullable=False),
    Column("version", Integer, nullable=False),
    Column("point_value_micros", BigInteger, nullable=False),
    Column("fee_bps", Integer, nullable=False),
    Column("validity_epochs", Integer, nullable=False),
    Column("announced_at", BigInteger, nullable=False),
    CheckConstraint("spread_bps BETWEEN 0 AND 9999", name="spread_is_a_share"),
    CheckConstraint("programme_id <> target_id", name="two_programmes"),
    CheckConstraint("issues_until <= ends_at", name="issues_end_first"),
)

# What became of a member's rest of an ended programme, a row for each operation: the member's notice of it,
# and what an operator counts. Whether the chain took the operation stands in the outbox.
rest_conversion = append_only(Table(
    "rest_conversion",
    metadata,
    Column("op_id", Bytes(16), primary_key=True),
    Column("member_id", BigInteger, ForeignKey(_member.c.member_id), nullable=False),
    Column("programme_id", Integer, nullable=False),
    Column("target_id", Integer, nullable=False),
    Column("points", BigInteger, nullable=False),
    Column("received", BigInteger, nullable=False),
    Column("converted_at", UtcInstant, nullable=False),
    fixed_length("op_id", 16), at_least("points", 1), at_least("received", 1),
    Index("ix_rest_conversion_member_id", "member_id", "converted_at"),
    Index("ix_rest_conversion_programme_id", "programme_id", "member_id"),
))  # fmt: skip
