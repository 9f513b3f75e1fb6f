"""Accounts that move: where members were before, and the desk that announces recoveries."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004_account_moves"
down_revision = "0003_set_aside"


def upgrade() -> None:
    op.add_column("alliance", sa.Column("recovery_desk", sa.LargeBinary()))
    op.create_table(
        "former_account",
        sa.Column("account", sa.LargeBinary(), nullable=False),
        sa.Column("member_id", sa.BigInteger(), nullable=False),
        sa.Column("salt", sa.LargeBinary()),
        sa.Column("successor", sa.LargeBinary(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("linked", sa.Boolean(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("length(account) = 20", name=op.f("ck_former_account_account_length")),
        sa.CheckConstraint("length(successor) = 20", name=op.f("ck_former_account_successor_length")),
        sa.CheckConstraint(
            "reason IN ('rotation', 'recovery', 'merge')", name=op.f("ck_former_account_reason_known")
        ),
        sa.ForeignKeyConstraint(
            ["member_id"], ["member.member_id"], name=op.f("fk_former_account_member_id")
        ),
        sa.PrimaryKeyConstraint("account", name=op.f("pk_former_account")),
    )
    op.create_index(op.f("ix_former_account_member_id"), "former_account", ["member_id"], unique=False)


def downgrade() -> None:
    raise RuntimeError("a ledger is not migrated backwards: restore a backup")
