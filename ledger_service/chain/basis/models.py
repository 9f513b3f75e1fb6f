"""The mirror of published bases of settlement; ``number`` counts a programme's from 1."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, Table

from ledger_service.db.tables import metadata

chain_basis = Table(
    "chain_basis",
    metadata,
    Column("programme_id", Integer, primary_key=True, autoincrement=False),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("effective_from", BigInteger, nullable=False),
    Column("kind", Integer, nullable=False),
    Column("reserve_bps", Integer, nullable=False),
    Column("pool", BigInteger, nullable=False),
    Column("block_number", BigInteger, nullable=False),
)
