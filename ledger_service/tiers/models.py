"""Tables of the tiers room."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Integer, SmallInteger, Table, Text

from ledger_service.db.tables import at_least, metadata, one_of
from ledger_service.db.types import UtcInstant
from ledger_service.members.models import member as _member


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
