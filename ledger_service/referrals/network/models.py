"""Table of measured networks."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Table, Text

from ledger_service.db.guards import append_only
from ledger_service.db.tables import fixed_length, metadata
from ledger_service.db.types import Bytes, UtcInstant

# What a campaign's network came to, each time that it was measured. The report names members by their rows,
# so that one who is erased later is nobody in it.
share_network = append_only(Table(
    "share_network", metadata,
    Column("campaign_id", Bytes(16), ForeignKey("share_campaign.campaign_id"), primary_key=True),
    Column("measured_at", UtcInstant, primary_key=True),
    Column("report", Text, nullable=False),
    fixed_length("campaign_id", 16),
))  # fmt: skip
