"""Tiers: ladders, what counts towards them by day, where members stand, how far a recount is; birthdays."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010_tiers"
down_revision = "0009_moving_in"


def upgrade() -> None:
    op.create_table(
        "tier_ladder",
        _programme(),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("effective_from", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("published_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("version >= 1", name=op.f("ck_tier_ladder_version_at_least_1")),
        _known_programme("tier_ladder"),
        sa.PrimaryKeyConstraint("programme_id", "version", name=op.f("pk_tier_ladder")),
    )
    op.create_table(
        "qualifying_day",
        _member(),
        _programme(),
        sa.Column("year", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("day", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("amount_minor >= 0", name=op.f("ck_qualifying_day_amount_minor_at_least_0")),
        _known_member("qualifying_day"),
        _known_programme("qualifying_day"),
        sa.PrimaryKeyConstraint("member_id", "programme_id", "year", "day", name=op.f("pk_qualifying_day")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "member_tier",
        _member(),
        _programme(),
        sa.Column("level", sa.SmallInteger(), nullable=False),
        sa.Column("until_day", sa.Integer(), nullable=True),
        sa.Column("total_minor", sa.BigInteger(), nullable=False),
        sa.Column("ladder_version", sa.Integer(), nullable=False),
        sa.CheckConstraint("level >= 0", name=op.f("ck_member_tier_level_at_least_0")),
        sa.CheckConstraint("total_minor >= 0", name=op.f("ck_member_tier_total_minor_at_least_0")),
        _known_member("member_tier"),
        _known_programme("member_tier"),
        sa.PrimaryKeyConstraint("member_id", "programme_id", name=op.f("pk_member_tier")),
        sqlite_with_rowid=False,
    )
    make_tier_run()
    op.add_column("member", sa.Column("birthday", sa.SmallInteger(), nullable=True))


def downgrade() -> None:
    raise RuntimeError("a ledger is not migrated backwards: restore a backup")


def make_tier_run() -> None:
    op.create_table(
        "tier_run",
        _programme(),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("ladder_version", sa.Integer(), nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("last_member_id", sa.BigInteger(), nullable=False),
        sa.Column("members", sa.BigInteger(), nullable=False),
        sa.Column("begun_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("kind IN ('activity', 'tiers')", name=op.f("ck_tier_run_kind_known")),
        sa.CheckConstraint("members >= 0", name=op.f("ck_tier_run_members_at_least_0")),
        _known_programme("tier_run"),
        sa.PrimaryKeyConstraint("programme_id", "kind", name=op.f("pk_tier_run")),
    )


def _programme() -> sa.Column[int]:
    return sa.Column("programme_id", sa.Integer(), autoincrement=False, nullable=False)


def _member() -> sa.Column[int]:
    return sa.Column("member_id", sa.BigInteger(), autoincrement=False, nullable=False)


def _known_programme(table: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_programme_id")
    return sa.ForeignKeyConstraint(["programme_id"], ["programme.programme_id"], name=name)


def _known_member(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["member_id"], ["member.member_id"], name=op.f(f"fk_{table}_member_id"))
