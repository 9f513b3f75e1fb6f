"""Where the alliance's ReserveDesk stands, and what reserves allow to be issued as the index has read it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0033_reserves"
down_revision = "0032_taking_points"


def upgrade() -> None:
    op.add_column("alliance", sa.Column("reserve_desk", sa.LargeBinary(20), nullable=True))
    op.create_table(
        "chain_issuance_limit",
        sa.Column("programme_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("block_number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("log_index", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("most", sa.BigInteger(), nullable=False),
        sa.Column("before", sa.BigInteger(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(
            "programme_id", "block_number", "log_index", name=op.f("pk_chain_issuance_limit")
        ),
    )
    op.create_table(
        "chain_reserve",
        sa.Column("merchant", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("block_number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("log_index", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("reserve_micros", sa.BigInteger(), nullable=False),
        sa.Column("as_of", sa.BigInteger(), nullable=False),
        sa.Column("stale_from", sa.BigInteger(), nullable=False),
        sa.Column("required_bps", sa.Integer(), nullable=False),
        sa.Column("default_from", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("merchant", "block_number", "log_index", name=op.f("pk_chain_reserve")),
    )


def downgrade() -> None:
    raise RuntimeError("a ledger is not migrated backwards: restore a backup")
