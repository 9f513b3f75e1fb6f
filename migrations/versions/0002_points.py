"""A row for each day under a daily cap, in place of one row that two days shared."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002_points"
down_revision = "0001"


def upgrade() -> None:
    make_earned_on_day()
    op.execute(
        "INSERT INTO earned_on_day (member_id, programme_id, day, points)"
        " SELECT member_id, programme_id, earned_day, earned_today FROM member_programme"
        " WHERE earned_today > 0"
    )
    if op.get_bind().dialect.name == "postgresql":
        op.drop_column("member_programme", "earned_day")
        op.drop_column("member_programme", "earned_today")
    else:
        make_member_programme_anew()


def downgrade() -> None:
    raise RuntimeError("a ledger is not migrated backwards: restore a backup")


def make_earned_on_day() -> None:
    op.create_table(
        "earned_on_day",
        sa.Column("member_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("programme_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("day", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("points", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("points >= 0", name=op.f("ck_earned_on_day_points_at_least_0")),
        sa.ForeignKeyConstraint(
            ["member_id"], ["member.member_id"], name=op.f("fk_earned_on_day_member_id")
        ),
        sa.ForeignKeyConstraint(
            ["programme_id"], ["programme.programme_id"], name=op.f("fk_earned_on_day_programme_id")
        ),
        sa.PrimaryKeyConstraint("member_id", "programme_id", "day", name=op.f("pk_earned_on_day")),
        sqlite_with_rowid=False,
    )


def make_member_programme_anew() -> None:
    """SQLite drops no column that a CHECK names, so the table is written anew without it."""
    op.rename_table("member_programme", "member_programme_before")
    op.create_table(
        "member_programme",
        sa.Column("member_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("programme_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("debt", sa.BigInteger(), nullable=False),
        sa.Column("frozen", sa.Boolean(), nullable=False),
        sa.Column("frozen_reason", sa.Text(), nullable=True),
        sa.CheckConstraint("debt >= 0", name=op.f("ck_member_programme_debt_at_least_0")),
        sa.ForeignKeyConstraint(
            ["member_id"], ["member.member_id"], name=op.f("fk_member_programme_member_id")
        ),
        sa.ForeignKeyConstraint(
            ["programme_id"], ["programme.programme_id"], name=op.f("fk_member_programme_programme_id")
        ),
        sa.PrimaryKeyConstraint("member_id", "programme_id", name=op.f("pk_member_programme")),
        sqlite_with_rowid=False,
    )
    columns = "member_id, programme_id, debt, frozen, frozen_reason"
    op.execute(f"INSERT INTO member_programme ({columns}) SELECT {columns} FROM member_programme_before")
    op.drop_table("member_programme_before")
