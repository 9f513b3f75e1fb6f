"""Which sending keys an alliance was founded with: the local chain's block zero funds those alone."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015_founding_keys"
down_revision = "0014_tenders"


def upgrade() -> None:
    op.add_column("chain_signer", sa.Column("founding", sa.SmallInteger(), nullable=True))
    op.execute("UPDATE chain_signer SET founding = 1")


def downgrade() -> None:
    raise RuntimeError("a ledger is not migrated backwards: restore a backup")
