"""On which basis issuers settle: the mirror of what the registry says of it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0024_settlement_basis"
down_revision = "0023_pair_terms"


def upgrade() -> None:
    op.create_table(
        "chain_basis",
        sa.Column("programme_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("effective_from", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Integer(), nullable=False),
        sa.Column("reserve_bps", sa.Integer(), nullable=False),
        sa.Column("pool", sa.BigInteger(), nullable=False),
        sa.Column("block_number", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("programme_id", "number", name=op.f("pk_chain_basis")),
    )


def downgrade() -> None:
    raise RuntimeError("a ledger is not migrated backwards: restore a backup")
