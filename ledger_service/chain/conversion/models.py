"""The mirror of conversion terms, whose ``number`` counts from 1 for each two programmes, and of ends."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, Table

from ledger_service.db.tables import metadata

chain_conversion = Table(
    "chain_conversion",
    metadata,
    Column("programme_id", Integer, primary_key=True, autoincrement=False),
    Column("target_id", Integer, primary_key=True, autoincrement=False),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("effective_from", BigInteger, nullable=False),
    Column("spread_bps", Integer, nullable=False),
    Column("block_number", BigInteger, nullable=False),
)

chain_wind_down = Table(
    "chain_wind_down",
    metadata,
    Column("programme_id", Integer, primary_key=True, autoincrement=False),
    Column("target_id", Integer, nullable=False),
    Column("issues_until", BigInteger, nullable=False),
    Column("ends_at", BigInteger, nullable=False),
    Column("spread_bps", Integer, nullable=False),
    Column("block_number", BigInteger, nullable=False),
)
