"""What the ledger has that the contract refused is written down, one row for each lot of an operation."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003_set_aside"
down_revision = "0002_points"


def upgrade() -> None:
    op.create_table(
        "set_aside",
        sa.Column("op_id", sa.LargeBinary(), nullable=False),
        sa.Column("position", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("member_id", sa.BigInteger(), nullable=False),
        sa.Column("programme_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("points", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("length(op_id) = 16", name=op.f("ck_set_aside_op_id_length")),
        sa.CheckConstraint("points <> 0", name=op.f("ck_set_aside_points_not_zero")),
        sa.ForeignKeyConstraint(["member_id"], ["member.member_id"], name=op.f("fk_set_aside_member_id")),
        sa.ForeignKeyConstraint(
            ["programme_id"], ["programme.programme_id"], name=op.f("fk_set_aside_programme_id")
        ),
        sa.PrimaryKeyConstraint("op_id", "position", name=op.f("pk_set_aside")),
    )
    op.create_index(op.f("ix_set_aside_member_id"), "set_aside", ["member_id"], unique=False)


def downgrade() -> None:
    raise RuntimeError("a ledger is not migrated backwards: restore a backup")
