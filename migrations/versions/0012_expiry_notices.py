"""Notices of points that will expire, each once, and on which days before the end a programme writes them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012_expiry_notices"
down_revision = "0011_offline"


def upgrade() -> None:
    op.add_column("programme", sa.Column("notice_days", sa.Text(), nullable=True))
    make_expiry_notice()
    make_expiry_notice_run()


def downgrade() -> None:
    raise RuntimeError("a ledger is not migrated backwards: restore a backup")


def make_expiry_notice() -> None:
    op.create_table(
        "expiry_notice",
        sa.Column(
            "notice_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("member_id", sa.BigInteger(), nullable=False),
        sa.Column("programme_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("days_before", sa.Integer(), nullable=False),
        sa.Column("points", sa.BigInteger(), nullable=False),
        sa.Column("last_day", sa.String(length=10), nullable=False),
        sa.Column("noticed_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("length(last_day) = 10", name=op.f("ck_expiry_notice_last_day_length")),
        sa.CheckConstraint("points >= 1", name=op.f("ck_expiry_notice_points_at_least_1")),
        sa.ForeignKeyConstraint(["member_id"], ["member.member_id"], name=op.f("fk_expiry_notice_member_id")),
        sa.ForeignKeyConstraint(
            ["programme_id"], ["programme.programme_id"], name=op.f("fk_expiry_notice_programme_id")
        ),
        sa.PrimaryKeyConstraint("notice_id", name=op.f("pk_expiry_notice")),
        sa.UniqueConstraint(
            "member_id",
            "programme_id",
            "epoch",
            "days_before",
            name=op.f("uq_expiry_notice_member_id_programme_id_epoch_days_before"),
        ),
    )


def make_expiry_notice_run() -> None:
    op.create_table(
        "expiry_notice_run",
        sa.Column("programme_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("epoch", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("days_before", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("last_member_id", sa.BigInteger(), nullable=False),
        sa.Column("done", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["programme_id"], ["programme.programme_id"], name=op.f("fk_expiry_notice_run_programme_id")
        ),
        sa.PrimaryKeyConstraint(
            "programme_id", "epoch", "days_before", name=op.f("pk_expiry_notice_run")
        ),
        sqlite_with_rowid=False,
    )
