"""Which points a merchant takes: rules by version, and the daily sums that they bound."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0032_taking_points"
down_revision = "0028_papers"


def upgrade() -> None:
    op.create_table(
        "taking_rule",
        sa.Column("merchant_id", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("effective_from", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("published_by", sa.Text(), nullable=False),
        sa.Column("published_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("version >= 1", name=op.f("ck_taking_rule_version_at_least_1")),
        sa.ForeignKeyConstraint(
            ["merchant_id"], ["merchant.merchant_id"], name=op.f("fk_taking_rule_merchant_id")
        ),
        sa.PrimaryKeyConstraint("merchant_id", "version", name=op.f("pk_taking_rule")),
    )
    op.create_table(
        "taking_sum",
        sa.Column("sum_key", sa.String(64), nullable=False),
        sa.Column("merchant_id", sa.BigInteger(), nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("scope", sa.String(8), nullable=False),
        sa.Column("subject", sa.BigInteger(), nullable=False),
        sa.Column("taken_minor", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "scope IN ('member', 'merchant', 'store')", name=op.f("ck_taking_sum_scope_known")
        ),
        sa.CheckConstraint("taken_minor >= 0", name=op.f("ck_taking_sum_taken_minor_at_least_0")),
        sa.PrimaryKeyConstraint("sum_key", name=op.f("pk_taking_sum")),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    raise RuntimeError("a ledger is not migrated backwards: restore a backup")
