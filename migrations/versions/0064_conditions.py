"""A member's first purchase at a merchant is found without a look at its sales elsewhere."""

from __future__ import annotations

from alembic import op

revision = "0064_conditions"
down_revision = "0057_coupons_told"


def upgrade() -> None:
    op.drop_index("ix_sale_member_id", table_name="sale")
    op.create_index("ix_sale_member_id", "sale", ["member_id", "occurred_at", "merchant_id"], unique=False)


def downgrade() -> None:
    raise RuntimeError("a ledger is not migrated backwards: restore a backup")
