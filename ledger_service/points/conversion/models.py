"""Tables of conversions; times are whole seconds, as on the chain."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, Column, Integer, Table

from ledger_service.db.tables import metadata

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
