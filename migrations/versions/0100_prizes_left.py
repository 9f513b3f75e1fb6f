"""A prize knows the coupon that was out when its item came back, so that it is taken once it is back."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0100_prizes_left"
down_revision = "0098_set_aside_retries"
_LEFT = sa.text("coupon_left IS NOT NULL")


def upgrade() -> None:
    op.add_column("trace_prize", sa.Column("coupon_left", sa.LargeBinary(), nullable=True))
    op.create_index("ix_trace_prize_coupon_left", "trace_prize", ["coupon_left"],
                    sqlite_where=_LEFT, postgresql_where=_LEFT)  # fmt: skip


def downgrade() -> None:
    raise RuntimeError("a ledger is not migrated backwards: restore a backup")
