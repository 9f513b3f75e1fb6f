"""Tables of claims: a brand's terms, one claim for each item, wrong PINs by member and day, returns."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, String, Table, Text, UniqueConstraint

from ledger_service.db.guards import append_only
from ledger_service.db.tables import at_least, fixed_length, metadata, one_of
from ledger_service.db.types import Bytes, UtcInstant
from ledger_service.traceability.claiming.rules import CAPS, CHANNELS

# One row for each version; the latest of a GTIN is in force. A cap of 0 is none, points of 0 end the terms.
trace_claim_terms = append_only(Table(
    "trace_claim_terms", metadata,
    Column("gtin", String(14), ForeignKey("trace_product.gtin"), primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("programme_id", BigInteger, nullable=False),
    Column("points", Integer, nullable=False),
    *[Column(f"{cap}_day_most", Integer, nullable=False) for cap in CAPS],
    Column("set_by", Text, nullable=False),
    Column("set_at", UtcInstant, nullable=False),
    at_least("points"), *[at_least(f"{cap}_day_most") for cap in CAPS],
))  # fmt: skip

# The primary key is INV-12: an item earns at most once, also after it came back. device is as in scans.
trace_claim = Table(
    "trace_claim", metadata,
    Column("item_id", BigInteger, primary_key=True, autoincrement=False),
    Column("op_id", Bytes(16), nullable=False),
    Column("gtin", String(14), nullable=False),
    Column("batch_no", BigInteger, nullable=False),
    Column("member_id", BigInteger, ForeignKey("member.member_id"), nullable=False),
    Column("programme_id", BigInteger, nullable=False),
    Column("terms_version", Integer, nullable=False),
    Column("points", Integer, nullable=False),
    Column("net", Integer, nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("leaf", Bytes(32)),
    Column("device", Bytes(8), nullable=False),
    Column("place", String(16), nullable=False),
    Column("channel", String(8), nullable=False),
    Column("claimed_at", UtcInstant, nullable=False),
    Column("voided_at", UtcInstant),
    one_of("channel", CHANNELS), at_least("net"),
    UniqueConstraint("op_id", name="uq_trace_claim_op_id"),
    Index("ix_trace_claim_batch_no", "batch_no", "item_id"),
    Index("ix_trace_claim_member_id", "member_id", "item_id"),
)  # fmt: skip

# How often of a day something claimed: a member, device, place or channel of a product; and a member's wrong
# PINs. scope ends with the day.
trace_claim_count = Table(
    "trace_claim_count", metadata,
    Column("scope", String(80), primary_key=True),
    Column("day", Integer, nullable=False),
    Column("times", Integer, nullable=False),
    at_least("times"),
)  # fmt: skip

# What came back: who took it, of which sale where the till knows, and what became of the claim's points.
trace_return = append_only(Table(
    "trace_return", metadata,
    Column("item_id", BigInteger, primary_key=True, autoincrement=False),
    Column("return_id", Bytes(16), nullable=False),
    Column("gtin", String(14), nullable=False),
    Column("merchant_id", BigInteger, ForeignKey("merchant.merchant_id"), nullable=False),
    Column("subject", Text, nullable=False),
    Column("sale_id", Bytes(16)),
    Column("pending", Integer, nullable=False),
    Column("available", Integer, nullable=False),
    Column("debt", Integer, nullable=False),
    Column("returned_at", UtcInstant, nullable=False),
    fixed_length("return_id", 16),
    UniqueConstraint("return_id", name="uq_trace_return_return_id"),
    Index("ix_trace_return_sale_id", "sale_id"),
))  # fmt: skip
