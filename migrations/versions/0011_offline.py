"""Offline sales with their losses, and the allowances of terminals that bound these."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011_offline"
down_revision = "0010_tiers"


def upgrade() -> None:
    make_offline_allowance()
    make_offline_window()
    make_offline_sale()


def downgrade() -> None:
    raise RuntimeError("a ledger is not migrated backwards: restore a backup")


def make_offline_allowance() -> None:
    op.create_table(
        "offline_allowance",
        sa.Column("terminal_id", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("allowance_micros", sa.BigInteger(), nullable=False),
        sa.Column("window_seconds", sa.Integer(), nullable=False),
        sa.Column("set_by", sa.Text(), nullable=False),
        sa.Column("set_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("version >= 1", name=op.f("ck_offline_allowance_version_at_least_1")),
        sa.CheckConstraint(
            "allowance_micros >= 0", name=op.f("ck_offline_allowance_allowance_micros_at_least_0")
        ),
        sa.CheckConstraint(
            "window_seconds >= 1", name=op.f("ck_offline_allowance_window_seconds_at_least_1")
        ),
        sa.ForeignKeyConstraint(
            ["terminal_id"], ["terminal.terminal_id"], name=op.f("fk_offline_allowance_terminal_id")
        ),
        sa.PrimaryKeyConstraint("terminal_id", "version", name=op.f("pk_offline_allowance")),
        sqlite_with_rowid=False,
    )


def make_offline_window() -> None:
    op.create_table(
        "offline_window",
        sa.Column("terminal_id", sa.Text(), nullable=False),
        sa.Column("window_seconds", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("window_index", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("used_micros", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("used_micros >= 0", name=op.f("ck_offline_window_used_micros_at_least_0")),
        sa.ForeignKeyConstraint(
            ["terminal_id"], ["terminal.terminal_id"], name=op.f("fk_offline_window_terminal_id")
        ),
        sa.PrimaryKeyConstraint(
            "terminal_id", "window_seconds", "window_index", name=op.f("pk_offline_window")
        ),
        sqlite_with_rowid=False,
    )


def make_offline_sale() -> None:
    op.create_table(
        "offline_sale",
        sa.Column("sale_id", sa.LargeBinary(), nullable=False),
        sa.Column("merchant_id", sa.BigInteger(), nullable=False),
        sa.Column("terminal_id", sa.String(length=64), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("member_id", sa.BigInteger(), nullable=True),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("code", sa.String(length=64), nullable=True),
        sa.Column("sold_at", sa.BigInteger(), nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("offered_minor", sa.BigInteger(), nullable=False),
        sa.Column("paid_minor", sa.BigInteger(), nullable=False),
        sa.Column("loss_minor", sa.BigInteger(), nullable=False),
        sa.Column("beyond_minor", sa.BigInteger(), nullable=False),
        sa.Column("cause", sa.String(length=64), nullable=True),
        sa.Column("flagged", sa.Boolean(), nullable=False),
        sa.Column("won_by", sa.LargeBinary(), nullable=True),
        sa.Column("debt_points", sa.BigInteger(), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("decided_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("length(sale_id) = 16", name=op.f("ck_offline_sale_sale_id_length")),
        sa.CheckConstraint("state IN ('certain', 'refused')", name=op.f("ck_offline_sale_state_known")),
        *[
            sa.CheckConstraint(f"{name} >= 0", name=op.f(f"ck_offline_sale_{name}_at_least_0"))
            for name in ("paid_minor", "loss_minor", "beyond_minor", "debt_points")
        ],
        sa.CheckConstraint(
            "paid_minor + loss_minor + beyond_minor = offered_minor",
            name=op.f("ck_offline_sale_offered_is_borne"),
        ),
        sa.CheckConstraint(
            "(state = 'refused') = (code IS NOT NULL)", name=op.f("ck_offline_sale_refused_has_code")
        ),
        sa.ForeignKeyConstraint(["member_id"], ["member.member_id"], name=op.f("fk_offline_sale_member_id")),
        sa.PrimaryKeyConstraint("sale_id", name=op.f("pk_offline_sale")),
    )
    make_indexes()


def make_indexes() -> None:
    arrival = ["received_at", "sale_id"]
    op.create_index("ix_offline_sale_received_at", "offline_sale", arrival)
    op.create_index("ix_offline_sale_merchant_id", "offline_sale", ["merchant_id", *arrival])
    op.create_index("ix_offline_sale_terminal_id", "offline_sale", ["terminal_id", *arrival])
    only = sa.text("cause IS NOT NULL")
    op.create_index(
        "ix_offline_sale_loss", "offline_sale", arrival, sqlite_where=only, postgresql_where=only
    )
