"""The table of terms of pairs; times are whole seconds, as on the chain."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, Column, Integer, Table

from ledger_service.db.tables import at_least, metadata

# What the registry says of one acceptor's own terms, as the index told it; value 0: they end. A version names
# one set of terms, whether general or of a pair.
pair_terms = Table(
    "pair_terms",
    metadata,
    Column("programme_id", Integer, primary_key=True, autoincrement=False),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("acceptor", BigInteger, nullable=False),
    Column("effective_from", BigInteger, nullable=False),
    Column("point_value_micros", BigInteger, nullable=False),
    Column("fee_bps", Integer, nullable=False),
    at_least("point_value_micros"),
    CheckConstraint("fee_bps BETWEEN 0 AND 10000", name="fee_is_a_share"),
)
