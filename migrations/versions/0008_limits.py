"""A freeze knows when it began, so that goods that left before it can be told from those that left after."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008_limits"
down_revision = "0007_houses"


def upgrade() -> None:
    # Members frozen before this revision have no beginning: nothing of their holds is captured.
    op.add_column("member", sa.Column("frozen_at", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    raise RuntimeError("a ledger is not migrated backwards: restore a backup")
