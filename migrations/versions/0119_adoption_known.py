"""Processes know whether operations were adopted from the chain."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0119_adoption_known"
down_revision = "0116_paid_things_told"


def upgrade() -> None:
    known = sa.Column("adopted", sa.Boolean(), nullable=False, server_default=sa.text("false"))
    op.add_column("points_change", known)
    found = sa.text(
        "UPDATE points_change SET adopted = true WHERE EXISTS (SELECT 1 FROM entry WHERE body LIKE :said)"
    )
    op.execute(found.bindparams(said='%"adopted":true%'))


def downgrade() -> None:
    raise RuntimeError("a ledger is not migrated backwards: restore a backup")
