"""Merchants' words on held amounts, until both say the same; figures of closed periods, for their papers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0056_settlement_papers"
down_revision = "0058_coupons_at_the_till"


def upgrade() -> None:
    op.create_table(
        "settlement_word",
        sa.Column("period", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("debtor", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("creditor", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("merchant", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("pay_micros", sa.Text(), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.Column("said_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("length(signature) = 65", name=op.f("ck_settlement_word_signature_length")),
        sa.CheckConstraint(
            "merchant IN (debtor, creditor)", name=op.f("ck_settlement_word_by_one_of_the_two")
        ),
        sa.PrimaryKeyConstraint("period", "debtor", "creditor", "merchant", name=op.f("pk_settlement_word")),
    )
    op.create_table(
        "settlement_figures",
        sa.Column("period", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("block_hash", sa.LargeBinary(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.CheckConstraint("length(block_hash) = 32", name=op.f("ck_settlement_figures_block_hash_length")),
        sa.PrimaryKeyConstraint("period", name=op.f("pk_settlement_figures")),
    )


def downgrade() -> None:
    raise RuntimeError("a ledger is not migrated backwards: restore a backup")
