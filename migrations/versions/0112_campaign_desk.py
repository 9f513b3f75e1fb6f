"""Where campaigns of sharing are told on the chain.

An alliance whose ClearingHouse is older has no such contract until it changes to one that knows it: until
then rewards are earns, as before.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0112_campaign_desk"
down_revision = "0108_more_is_told"


def upgrade() -> None:
    op.add_column("alliance", sa.Column("campaign_desk", sa.LargeBinary(20), nullable=True))


def downgrade() -> None:
    raise RuntimeError("a ledger is not migrated backwards: restore a backup")
