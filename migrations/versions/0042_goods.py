"""Goods: products, batches and items with their codes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0042_goods"
down_revision = "0038_sale_coupons"
_STATES = (
    "generated", "printed", "commissioned", "in-transit", "available", "sold", "activated", "locked",
    "sample", "exported", "destroyed", "stolen", "recalled", "expired", "void", "replaced",
)  # fmt: skip


def upgrade() -> None:
    op.create_table(
        "trace_product",
        sa.Column("gtin", sa.String(14), nullable=False),
        sa.Column("merchant_id", sa.BigInteger(), nullable=False),
        *[sa.Column(n, sa.Text(), nullable=False) for n in ("name_en", "name_zh_hans", "name_zh_hant")],
        sa.Column("brand", sa.Text(), nullable=False),
        sa.Column("markets", sa.Text(), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("length(gtin) = 14", name=op.f("ck_trace_product_gtin_length")),
        sa.ForeignKeyConstraint(
            ["merchant_id"], ["merchant.merchant_id"], name=op.f("fk_trace_product_merchant_id")
        ),
        sa.PrimaryKeyConstraint("gtin", name=op.f("pk_trace_product")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_trace_product_merchant_id", "trace_product", ["merchant_id", "gtin"])
    _batches()
    _items()


def _batches() -> None:
    op.create_table(
        "trace_batch",
        sa.Column("batch_no", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("gtin", sa.String(14), nullable=False),
        sa.Column("lot", sa.String(20), nullable=False),
        sa.Column("expiry", sa.String(6)),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("made", sa.Integer(), nullable=False),
        sa.Column("seed", sa.LargeBinary(), nullable=False),
        sa.Column("recalled_at", sa.BigInteger()),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("size BETWEEN 1 AND 10000000", name=op.f("ck_trace_batch_size_range")),
        sa.CheckConstraint("made BETWEEN 0 AND size", name=op.f("ck_trace_batch_made_range")),
        sa.CheckConstraint("length(seed) = 16", name=op.f("ck_trace_batch_seed_length")),
        sa.ForeignKeyConstraint(["gtin"], ["trace_product.gtin"], name=op.f("fk_trace_batch_gtin")),
        sa.PrimaryKeyConstraint("batch_no", name=op.f("pk_trace_batch")),
    )
    op.create_index("uq_trace_batch_gtin_lot", "trace_batch", ["gtin", "lot"], unique=True)


def _items() -> None:
    states = ", ".join(f"'{state}'" for state in _STATES)
    op.create_table(
        "trace_item",
        sa.Column(
            "item_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False,
            nullable=False,
        ),
        sa.Column("gtin", sa.String(14), nullable=False),
        sa.Column("serial", sa.String(12), nullable=False),
        sa.Column("pin_hash", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("state_before", sa.String(12)),
        sa.Column("state_place", sa.BigInteger()),
        sa.Column("state_at", sa.BigInteger()),
        sa.Column("wrong_pins", sa.SmallInteger(), nullable=False),
        sa.CheckConstraint(f"state IN ({states})", name=op.f("ck_trace_item_state_known")),
        sa.CheckConstraint("wrong_pins >= 0", name=op.f("ck_trace_item_wrong_pins_at_least_0")),
        sa.CheckConstraint("wrong_pins <= 5", name=op.f("ck_trace_item_wrong_pins_at_most")),
        sa.CheckConstraint("length(serial) = 12", name=op.f("ck_trace_item_serial_length")),
        sa.PrimaryKeyConstraint("item_id", name=op.f("pk_trace_item")),
    )  # fmt: skip
    op.create_index("uq_trace_item_serial", "trace_item", ["serial", "gtin"], unique=True)


def downgrade() -> None:
    raise RuntimeError("a ledger is not migrated backwards: restore a backup")
