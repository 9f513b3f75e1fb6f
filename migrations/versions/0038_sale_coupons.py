"""Which coupons a sale used, what each took off, and who pays for it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0038_sale_coupons"
down_revision = "0043_settlement_standing"


def upgrade() -> None:
    op.create_table(
        "sale_coupon",
        sa.Column("sale_id", sa.LargeBinary(16), nullable=False),
        sa.Column("coupon_id", sa.LargeBinary(16), nullable=False),
        sa.Column("definition_id", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("discount_minor", sa.BigInteger(), nullable=False),
        sa.Column("parts", sa.Text(), nullable=False),
        sa.Column("used_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("length(coupon_id) = 16", name=op.f("ck_sale_coupon_coupon_id_length")),
        sa.CheckConstraint("discount_minor >= 0", name=op.f("ck_sale_coupon_discount_minor_at_least_0")),
        sa.ForeignKeyConstraint(["sale_id"], ["sale.sale_id"], name=op.f("fk_sale_coupon_sale_id")),
        sa.PrimaryKeyConstraint("sale_id", "coupon_id", name=op.f("pk_sale_coupon")),
    )
    op.create_index("ix_sale_coupon_definition_id", "sale_coupon", ["definition_id", "used_at"])


def downgrade() -> None:
    raise RuntimeError("a ledger is not migrated backwards: restore a backup")
