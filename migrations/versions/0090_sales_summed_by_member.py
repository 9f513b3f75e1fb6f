"""What a member has spent is summed up in the index of its purchases alone."""

from __future__ import annotations

from alembic import op

revision = "0090_sales_summed_by_member"
down_revision = "0087_rests_and_pool_payments"


def upgrade() -> None:
    op.drop_index("ix_sale_member_id", table_name="sale")
    op.create_index("ix_sale_member_id", "sale", ["member_id", "occurred_at", "merchant_id", "total_minor"])


def downgrade() -> None:
    raise RuntimeError("a ledger is not migrated backwards: restore a backup")
