"""Tables of households."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
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

from ledger_service.db.guards import append_only
from ledger_service.db.tables import at_least, fixed_length, metadata, one_of
from ledger_service.db.types import Bytes, Int64, UtcInstant
from ledger_service.members.households.rules import HOUSE_STATES, PARTINGS, ROLES, SPENDS, STATES

_IN = text("state = 'in'")
_OWNS = text("state = 'in' AND role = 'owner'")


def _house(*, key: bool = False, index: bool = False) -> Column[int]:
    parent = ForeignKey("household.household_id")
    return Column(
        "household_id", Int64, parent, autoincrement=False, primary_key=key, nullable=False, index=index
    )


# The id is that of the household's row in ``member``. heir and heir_asked_by: the owner that one operator
# asked for, until another approves.
household = Table(
    "household", metadata,
    Column("household_id", Int64, ForeignKey("member.member_id"), primary_key=True, autoincrement=False),
    Column("state", String(8), nullable=False),
    Column("parting", String(8), nullable=False),
    Column("timezone", Text, nullable=False),
    Column("closing_at", UtcInstant),
    Column("heir", BigInteger, ForeignKey("member.member_id")),
    Column("heir_asked_by", Text),
    Column("created_at", UtcInstant, nullable=False),
    one_of("state", HOUSE_STATES), one_of("parting", PARTINGS),
)  # fmt: skip

# frozen_at repeats what the mate's own row says, written under the household's lock: a till need not ask.
# used_micros counts for used_period alone: a new day or month begins with nothing.
household_mate = Table(
    "household_mate", metadata,
    _house(key=True),
    Column("member_id", Int64, ForeignKey("member.member_id"), primary_key=True, autoincrement=False),
    Column("role", String(5), nullable=False),
    Column("state", String(7), nullable=False),
    Column("spends", String(5), nullable=False),
    Column("limit_micros", BigInteger),
    Column("used_micros", BigInteger, nullable=False, default=0),
    Column("used_period", String(10), nullable=False, default=""),
    Column("sees_balances", Boolean, nullable=False),
    Column("shows_baskets", Boolean, nullable=False, default=False),
    Column("frozen_at", UtcInstant),
    Column("invited_at", UtcInstant, nullable=False),
    Column("joined_at", UtcInstant),
    Column("left_at", UtcInstant),
    one_of("role", ROLES), one_of("state", STATES), one_of("spends", SPENDS),
    at_least("used_micros"),
    CheckConstraint("(spends IN ('day', 'month')) = (limit_micros IS NOT NULL)", name="limited_by_something"),
    Index("uq_household_mate_in", "member_id", unique=True, sqlite_where=_IN, postgresql_where=_IN),
    Index("uq_household_mate_owner", "household_id", unique=True, sqlite_where=_OWNS, postgresql_where=_OWNS),
    Index("ix_household_mate_member_id", "member_id"),
)  # fmt: skip

# Which mate a signer of the household's account speaks for, and on which of the mate's own devices it lives:
# who revokes that one has revoked this one too.
household_key = Table(
    "household_key", metadata,
    Column("device_id", Int64, ForeignKey("device.device_id"), primary_key=True, autoincrement=False),
    _house(index=True),
    Column("member_id", Int64, ForeignKey("member.member_id"), nullable=False),
    Column("own_device_id", Int64, ForeignKey("device.device_id"), nullable=False, index=True),
)  # fmt: skip

# Points that a mate gave its household (positive) or had back (negative); one row a leg of the gift.
household_gift = append_only(Table(
    "household_gift", metadata,
    Column("op_id", Bytes(16), primary_key=True),
    Column("epoch", Integer, primary_key=True, autoincrement=False),
    _house(),
    Column("member_id", Int64, ForeignKey("member.member_id"), nullable=False),
    Column("programme_id", BigInteger, nullable=False),
    Column("points", BigInteger, nullable=False),
    Column("at", UtcInstant, nullable=False),
    fixed_length("op_id", 16),
    CheckConstraint("points <> 0", name="points_not_zero"),
    Index("ix_household_gift_mate", "household_id", "member_id"),
))  # fmt: skip

# What waits for a mate that has left; nobody else can spend it before.
household_due = Table(
    "household_due", metadata,
    _house(key=True),
    Column("member_id", Int64, ForeignKey("member.member_id"), primary_key=True, autoincrement=False),
    Column("programme_id", BigInteger, primary_key=True, autoincrement=False),
    Column("epoch", Integer, primary_key=True, autoincrement=False),
    Column("points", BigInteger, nullable=False),
    Column("until", UtcInstant, nullable=False),
    at_least("points"),
    Index("ix_household_due_until", "until"),
)  # fmt: skip

# What happened to a household, by whom; kept for its mates and for the operator's reviewers.
household_event = append_only(Table(
    "household_event", metadata,
    _house(key=True),
    Column("position", SmallInteger, primary_key=True, autoincrement=False),
    Column("kind", String(16), nullable=False),
    Column("member_id", BigInteger),
    Column("by_whom", Text, nullable=False),
    Column("at", UtcInstant, nullable=False),
))  # fmt: skip
