"""The table of named queries."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, String, Table, Text

from ledger_service.db.tables import metadata
from ledger_service.db.types import UtcInstant

# holder is the subject whose keys may use it, merchant_id whose events it may see (None: everybody's);
# parameters are those of GET /epcis/events, as JSON.
epcis_query = Table(
    "epcis_query", metadata,
    Column("holder", String(80), primary_key=True),
    Column("name", String(64), primary_key=True),
    Column("merchant_id", BigInteger, ForeignKey("merchant.merchant_id")),
    Column("parameters", Text, nullable=False),
    Column("created_at", UtcInstant, nullable=False),
)  # fmt: skip
