"""Tables of prize pools: what was committed to and drawn, and what claims of items won."""

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
    text,
)

from ledger_service.db.tables import at_least, fixed_length, metadata, one_of
from ledger_service.db.types import Bytes, Int64, UtcInstant

_LEFT = text("coupon_left IS NOT NULL")

# body: the pool as JSON, the bytes that are hashed. share: the brand's opened secret. The block is the one
# that drew; drawn_at stands once the share, where there is one, is open too.
trace_prize_pool = Table(
    "trace_prize_pool", metadata,
    Column("batch_no", Int64, ForeignKey("trace_batch.batch_no"), primary_key=True, autoincrement=False),
    Column("programme_id", BigInteger, nullable=False),
    Column("body", Text, nullable=False),
    Column("ends_at", UtcInstant, nullable=False),
    Column("slots_root", Bytes(32)),
    Column("share", Bytes(32)),
    Column("block_number", BigInteger),
    Column("block_hash", Bytes(32)),
    Column("drawn_at", UtcInstant),
    CheckConstraint("(block_number IS NULL) = (block_hash IS NULL)", name="block_whole"),
    CheckConstraint("drawn_at IS NULL OR block_hash IS NOT NULL", name="drawn_by_a_block"),
    fixed_length("slots_root", 32), fixed_length("share", 32), fixed_length("block_hash", 32),
)  # fmt: skip

# The root over each 1,024 slots of a pool.
trace_prize_part = Table(
    "trace_prize_part", metadata,
    Column("batch_no", Int64, ForeignKey("trace_batch.batch_no"), primary_key=True, autoincrement=False),
    Column("part", Integer, primary_key=True, autoincrement=False),
    Column("root", Bytes(32), nullable=False),
    fixed_length("root", 32),
)  # fmt: skip

STATES = ("waiting", "none", "given", "lapsed", "stopped", "void")
_STOPPED = text("state = 'stopped'")

# A claim of an item of a pool and what it won: waiting for the draw or until it can be given, none, given by
# ``op_id``, lapsed with its member, stopped with its coupon (withdrawn, or its time is over), void with its
# item. until: not to be tried before; of a stopped one until when the bridge is to alarm. coupon_left: of a
# void one the coupon that was used, on a hold or given on when its item came back, and is not taken back yet.
trace_prize = Table(
    "trace_prize", metadata,
    Column("item_id", BigInteger, primary_key=True, autoincrement=False),
    Column("batch_no", BigInteger, nullable=False),
    Column("state", String(8), nullable=False),
    Column("prize", SmallInteger),
    Column("points", Integer),
    Column("net", Integer),
    Column("epoch", Integer),
    Column("leaf", Bytes(32)),
    Column("until", UtcInstant, nullable=False),
    Column("coupon_left", Bytes(16)),
    one_of("state", STATES), at_least("points"), at_least("net"),
    CheckConstraint("state <> 'given' OR prize >= 1", name="given_is_a_prize"),
    Index("ix_trace_prize_batch_no", "batch_no", "state", "until"),
    Index("ix_trace_prize_stopped", "until", "batch_no", sqlite_where=_STOPPED, postgresql_where=_STOPPED),
    Index("ix_trace_prize_coupon_left", "coupon_left", sqlite_where=_LEFT, postgresql_where=_LEFT),
)  # fmt: skip
