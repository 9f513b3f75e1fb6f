"""Tables of the tiers room."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Identity,
    Index,
    Integer,
    SmallInteger,
    String,
    Table,
    Text,
)

from ledger_service.db.guards import append_only
from ledger_service.db.tables import at_least, metadata, one_of
from ledger_service.db.types import Int64, UtcInstant
from ledger_service.members.models import member as _member
from ledger_service.tiers.change_rules import Cause, Change


def _of_programme() -> Column[int]:
    # By name: this room knows no points.
    key = ForeignKey("programme.programme_id")
    return Column("programme_id", Integer, key, primary_key=True, autoincrement=False)


def _of_member() -> Column[int]:
    key = ForeignKey(_member.c.member_id)
    return Column("member_id", BigInteger, key, primary_key=True, autoincrement=False)


# Versions are only added, so their number tells whether a process knows them all. ``body`` is compact JSON
# that tiers.ladders writes and reads.
tier_ladder = Table(
    "tier_ladder",
    metadata,
    _of_programme(),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("effective_from", BigInteger, nullable=False),
    Column("body", Text, nullable=False),
    Column("published_at", UtcInstant, nullable=False),
    at_least("version", 1),
)

# What a member bought on a business day towards the tiers of a programme, refunds of it taken off.
qualifying_day = Table(
    "qualifying_day",
    metadata,
    _of_member(),
    _of_programme(),
    Column("year", SmallInteger, primary_key=True, autoincrement=False),
    Column("day", Integer, primary_key=True, autoincrement=False),
    Column("amount_minor", BigInteger, nullable=False),
    at_least("amount_minor"),
    sqlite_with_rowid=False,
)

# A cache: where the member stood when the row was written, until when, and by which version of the ladder.
member_tier = Table(
    "member_tier",
    metadata,
    _of_member(),
    _of_programme(),
    Column("level", SmallInteger, nullable=False),
    Column("until_day", Integer),
    Column("total_minor", BigInteger, nullable=False),
    Column("ladder_version", Integer, nullable=False),
    at_least("level"),
    at_least("total_minor"),
    sqlite_with_rowid=False,
)

# That a member came to stand elsewhere, or for longer or shorter than before: found once, by a purchase, a
# refund or a recount, and written beside the cached row. Levels are those of ladder_version; day is the
# business day from which it holds, at is when it was found. What stood when these rows began is known.
tier_change = append_only(Table(
    "tier_change",
    metadata,
    Column("change_id", Int64, Identity(), primary_key=True),
    Column("member_id", BigInteger, ForeignKey(_member.c.member_id), nullable=False),
    Column("programme_id", Integer, ForeignKey("programme.programme_id"), nullable=False),
    Column("ladder_version", Integer, nullable=False),
    Column("was", SmallInteger, nullable=False),
    Column("level", SmallInteger, nullable=False),
    Column("until_day", Integer),
    Column("change", String(9), nullable=False),
    Column("cause", String(8), nullable=False),
    Column("day", Integer, nullable=False),
    Column("at", UtcInstant, nullable=False),
    one_of("change", tuple(Change)), one_of("cause", tuple(Cause)), at_least("was"), at_least("level"),
    Index("ix_tier_change_member_id", "member_id", "programme_id", "change_id"),
))  # fmt: skip

# How far making the rows anew has come: one row for each programme and kind of run.
tier_run = Table(
    "tier_run",
    metadata,
    _of_programme(),
    Column("kind", Text, primary_key=True),
    Column("ladder_version", Integer, nullable=False),
    Column("day", Integer, nullable=False),
    Column("last_member_id", BigInteger, nullable=False),
    Column("members", BigInteger, nullable=False),
    Column("begun_at", UtcInstant, nullable=False),
    Column("ended_at", UtcInstant),
    one_of("kind", ("activity", "tiers")),
    CheckConstraint("members >= 0", name="members_at_least_0"),
)
