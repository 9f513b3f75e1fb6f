"""Which counters a coupon of a sale counts in, as a code may be used by whoever shows it; coupons offline."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0058_coupons_at_the_till"
down_revision = "0060_share_network"


def upgrade() -> None:
    op.add_column("sale_coupon", sa.Column("member_id", sa.BigInteger(), nullable=True))
    op.add_column("sale_coupon", sa.Column("counted_at", sa.BigInteger(), nullable=True))
    # So far only coupons that somebody held were used, and a held one counts for its holder.
    op.execute(
        "UPDATE sale_coupon SET member_id = (SELECT holder FROM coupon"
        " WHERE coupon.coupon_id = sale_coupon.coupon_id)"
    )
    for name in ("coupons_minor", "coupons_loss_minor"):
        op.execute(
            f"ALTER TABLE offline_sale ADD COLUMN {name} BIGINT DEFAULT 0 NOT NULL"
            f" CONSTRAINT ck_offline_sale_{name}_at_least_0 CHECK ({name} >= 0)"
        )


def downgrade() -> None:
    raise RuntimeError("a ledger is not migrated backwards: restore a backup")
