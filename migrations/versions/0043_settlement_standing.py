"""Where each period's settlement stands, as the desk on chain said it last."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0043_settlement_standing"
down_revision = "0041_coupon_wallet"


def upgrade() -> None:
    op.create_table(
        "chain_standing",
        sa.Column("period", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("block_number", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("period", name=op.f("pk_chain_standing")),
    )


def downgrade() -> None:
    raise RuntimeError("a ledger is not migrated backwards: restore a backup")
