"""Tables of goods: what is made, in which batches, and every item with its code."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    SmallInteger,
    String,
    Table,
    Text,
)

from ledger_service.db.tables import at_least, fixed_length, metadata, one_of
from ledger_service.db.types import Bytes, Int64, UtcInstant
from ledger_service.traceability.goods.codes import MOST_WRONG_PINS, PIN_HASH_BYTES
from ledger_service.traceability.goods.rules import State

MOST_ITEMS = 10_000_000

# markets: countries in which it is sold, by comma; empty for all.
trace_product = Table(
    "trace_product",
    metadata,
    Column("gtin", String(14), primary_key=True),
    Column("merchant_id", BigInteger, ForeignKey("merchant.merchant_id"), nullable=False),
    Column("name_en", Text, nullable=False),
    Column("name_zh_hans", Text, nullable=False),
    Column("name_zh_hant", Text, nullable=False),
    Column("brand", Text, nullable=False),
    Column("markets", Text, nullable=False),
    Column("made_at", UtcInstant, nullable=False),
    fixed_length("gtin", 14),
    Index("ix_trace_product_merchant_id", "merchant_id", "gtin"),
    sqlite_with_rowid=False,
)

# Items 0 to made - 1 are stored. Serials and PINs follow from seed and the service's secret together.
trace_batch = Table(
    "trace_batch",
    metadata,
    Column("batch_no", Int64, primary_key=True),
    Column("gtin", String(14), ForeignKey("trace_product.gtin"), nullable=False),
    Column("lot", String(20), nullable=False),
    Column("expiry", String(6)),
    Column("size", Integer, nullable=False),
    Column("made", Integer, nullable=False, default=0),
    Column("seed", Bytes(16), nullable=False),
    Column("recalled_at", UtcInstant),
    Column("opened_at", UtcInstant, nullable=False),
    CheckConstraint(f"size BETWEEN 1 AND {MOST_ITEMS}", name="size_range"),
    CheckConstraint("made BETWEEN 0 AND size", name="made_range"),
    fixed_length("seed", 16),
    Index("uq_trace_batch_gtin_lot", "gtin", "lot", unique=True),
)

# item_id is the batch's number and the item's index in it, so that a batch lies together. contradicts holds
# the codes of what its events say that cannot all be true, by comma, as of the last of them.
trace_item = Table(
    "trace_item",
    metadata,
    Column("item_id", Int64, primary_key=True, autoincrement=False),
    Column("gtin", String(14), nullable=False),
    Column("serial", String(12), nullable=False),
    Column("pin_hash", Bytes(PIN_HASH_BYTES), nullable=False),
    Column("state", String(12), nullable=False, default=str(State.GENERATED)),
    Column("state_before", String(12)),
    Column("state_place", BigInteger),
    Column("state_at", UtcInstant),
    Column("wrong_pins", SmallInteger, nullable=False, default=0),
    Column("contradicts", Text),
    one_of("state", State),
    at_least("wrong_pins"),
    CheckConstraint(f"wrong_pins <= {MOST_WRONG_PINS}", name="wrong_pins_at_most"),
    fixed_length("serial", 12),
    Index("uq_trace_item_serial", "serial", "gtin", unique=True),
)
