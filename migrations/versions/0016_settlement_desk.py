"""Where the alliance's SettlementDesk stands; none for one that was founded before there was any."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016_settlement_desk"
down_revision = "0015_founding_keys"


def upgrade() -> None:
    op.add_column("alliance", sa.Column("settlement_desk", sa.LargeBinary(20), nullable=True))


def downgrade() -> None:
    raise RuntimeError("a ledger is not migrated backwards: restore a backup")
