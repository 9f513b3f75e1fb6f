"""The log of what operators and merchants did."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from ledger_service.db.guards import guard_statements

revision = "0084_acts"
down_revision = "0083_share_proofs"


def upgrade() -> None:
    op.create_table(
        "act",
        sa.Column("act_id", sa.LargeBinary(16), nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("target", sa.String(200), nullable=False),
        sa.Column("subject", sa.String(80), nullable=False),
        sa.Column("key_id", sa.String(64), nullable=False),
        sa.Column("merchant_id", sa.BigInteger(), nullable=True),
        sa.Column("occurred_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("length(act_id) = 16", name=op.f("ck_act_act_id_length")),
        sa.PrimaryKeyConstraint("act_id", name=op.f("pk_act")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_act_occurred_at", "act", ["occurred_at", "act_id"])
    op.create_index("ix_act_merchant_id", "act", ["merchant_id", "occurred_at", "act_id"])
    for statement in guard_statements("act", op.get_bind().dialect.name):
        op.execute(statement)


def downgrade() -> None:
    raise RuntimeError("a ledger is not migrated backwards: restore a backup")
