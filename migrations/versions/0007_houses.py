"""The mirror knows the line of ClearingHouses; the first is where the alliance was founded."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007_houses"
down_revision = "0006_pending_and_expiry"

# The founding's own step put the first house in force; what was never indexed is read from the chain later.
_FIRST = (
    "INSERT INTO chain_house (number, address, block_number)"
    " SELECT 1, a.clearing_house, MIN(t.block_number) FROM alliance AS a"
    " JOIN chain_tx AS t ON t.step = 'deploy:clearing-house'"
    " WHERE t.state IN ('mined', 'final') AND t.block_number IS NOT NULL GROUP BY a.clearing_house"
)


def upgrade() -> None:
    op.create_table(
        "chain_house",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("address", sa.LargeBinary(), nullable=False),
        sa.Column("block_number", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("length(address) = 20", name=op.f("ck_chain_house_address_length")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_chain_house")),
        sa.UniqueConstraint("address", name=op.f("uq_chain_house_address")),
    )
    op.execute(_FIRST)


def downgrade() -> None:
    raise RuntimeError("a ledger is not migrated backwards: restore a backup")
