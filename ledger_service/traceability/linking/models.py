"""The table of links: the whole set of a product, or of one batch of it, in each of its versions."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Integer, String, Table, Text

from ledger_service.db.guards import append_only
from ledger_service.db.tables import at_least, metadata
from ledger_service.db.types import UtcInstant

# lot is empty for the product's own; the latest version counts. links is a JSON list, in the brand's order.
trace_link_set = append_only(Table(
    "trace_link_set", metadata,
    Column("gtin", String(14), ForeignKey("trace_product.gtin"), primary_key=True),
    Column("lot", String(20), primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("links", Text, nullable=False),
    Column("set_by", Text, nullable=False),
    Column("set_at", UtcInstant, nullable=False),
    at_least("version", 1),
))  # fmt: skip
