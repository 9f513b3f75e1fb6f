"""Tables of what the chain is told of coupons."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    SmallInteger,
    Table,
    UniqueConstraint,
    text,
)

from ledger_service.db.tables import at_least, fixed_length, metadata
from ledger_service.db.types import Bytes, Int64

# A definition has a type for its codes and one that is open, for coupons without a code; each by its GCN.
# version is the last that the chain was told (0: none yet), terms the definition's version in it, and
# next_serial the next of an open type.
coupon_type = Table(
    "coupon_type", metadata,
    Column("gcn", BigInteger, primary_key=True, autoincrement=False),
    Column("definition_id", Int64, ForeignKey("coupon_definition.definition_id"), nullable=False),
    Column("open", Boolean, nullable=False),
    Column("version", Integer, nullable=False, default=0),
    Column("terms", Integer, nullable=False, default=0),
    Column("next_serial", BigInteger, nullable=False, default=0),
    UniqueConstraint("definition_id", "open"),
    at_least("version"), at_least("terms"), at_least("next_serial"),
)  # fmt: skip

# A coupon's number on the chain, given when the chain is first told of it; account is where it was given to
# last, None while whoever has it may use it.
coupon_token = Table(
    "coupon_token", metadata,
    Column("coupon_id", Bytes(16), ForeignKey("coupon.coupon_id"), primary_key=True),
    Column("gcn", BigInteger, nullable=False),
    Column("serial", BigInteger, nullable=False),
    Column("account", Bytes(20)),
    UniqueConstraint("gcn", "serial"),
)  # fmt: skip

# A use, a giving back or a gift, by its place in the coupon's history. It waits until it is an operation of
# the outbox, op_id; None for what happened before there was anybody to tell.
coupon_telling = Table(
    "coupon_telling", metadata,
    Column("coupon_id", Bytes(16), primary_key=True),
    Column("position", SmallInteger, primary_key=True, autoincrement=False),
    Column("waits", Boolean, nullable=False),
    Column("op_id", Bytes(16)),
    ForeignKeyConstraint(
        ["coupon_id", "position"], ["coupon_event.coupon_id", "coupon_event.position"],
        name="fk_coupon_telling_event",
    ),
    UniqueConstraint("op_id"),
    CheckConstraint("NOT waits OR op_id IS NULL", name="waits_or_is_told"),
    Index(
        "ix_coupon_telling_waits", "coupon_id", "position",
        sqlite_where=text("waits = 1"), postgresql_where=text("waits"),
    ),
)  # fmt: skip

# The root over each 1,024 codes of a list, so that a proof reads only its own part again.
coupon_list_part = Table(
    "coupon_list_part", metadata,
    Column("list_id", Int64, ForeignKey("coupon_code_list.list_id"), primary_key=True, autoincrement=False),
    Column("part", Integer, primary_key=True, autoincrement=False),
    Column("root", Bytes(32), nullable=False),
    fixed_length("root", 32),
)  # fmt: skip
