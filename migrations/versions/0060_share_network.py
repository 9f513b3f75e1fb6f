"""Measured networks of referral campaigns."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from ledger_service.db.guards import guard_statements

revision = "0060_share_network"
down_revision = "0059_moving_items"


def upgrade() -> None:
    op.create_table(
        "share_network",
        sa.Column("campaign_id", sa.LargeBinary(), nullable=False),
        sa.Column("measured_at", sa.BigInteger(), nullable=False),
        sa.Column("report", sa.Text(), nullable=False),
        sa.CheckConstraint("length(campaign_id) = 16", name=op.f("ck_share_network_campaign_id_length")),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["share_campaign.campaign_id"],
            name=op.f("fk_share_network_campaign_id"),
        ),
        sa.PrimaryKeyConstraint("campaign_id", "measured_at", name=op.f("pk_share_network")),
    )  # fmt: skip
    for statement in guard_statements("share_network", op.get_bind().dialect.name):
        op.execute(statement)


def downgrade() -> None:
    raise RuntimeError("a ledger is not migrated backwards: restore a backup")
