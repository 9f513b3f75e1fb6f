"""First purchases are found in an index; receipts that add up to rewards for spend over time."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0064_conditions_and_spends"
down_revision = "0057_coupons_told"


def upgrade() -> None:
    # A member's first purchase at a merchant is found without a look at its sales elsewhere.
    op.drop_index("ix_sale_member_id", table_name="sale")
    op.create_index("ix_sale_member_id", "sale", ["member_id", "occurred_at", "merchant_id"], unique=False)
    _mark()
    _reward()
    _receipt()


def _mark() -> None:
    op.create_table(
        "spend_mark",
        sa.Column("cause_id", sa.LargeBinary(), nullable=False),
        sa.Column("sale_id", sa.LargeBinary(), nullable=False),
        sa.Column("member_id", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["sale_id"], ["sale.sale_id"], name=op.f("fk_spend_mark_sale_id")),
        sa.ForeignKeyConstraint(["member_id"], ["member.member_id"], name=op.f("fk_spend_mark_member_id")),
        sa.PrimaryKeyConstraint("cause_id", name=op.f("pk_spend_mark")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_spend_mark_member_id", "spend_mark", ["member_id"], unique=False)
    op.create_index("ix_spend_mark_due_at", "spend_mark", ["due_at"], unique=False)


def _reward() -> None:
    op.create_table(
        "spend_reward",
        sa.Column("reward_id", sa.LargeBinary(), nullable=False),
        sa.Column("definition_id", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("member_id", sa.BigInteger(), nullable=False),
        sa.Column("spend_minor", sa.BigInteger(), nullable=False),
        sa.Column("days", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=7), nullable=False),
        sa.Column("granted_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("minor", sa.BigInteger(), nullable=False),
        sa.Column("points", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "state IN ('granted', 'taken', 'owed', 'lost')", name=op.f("ck_spend_reward_state_known")
        ),
        sa.CheckConstraint("length(reward_id) = 16", name=op.f("ck_spend_reward_reward_id_length")),
        sa.CheckConstraint("spend_minor >= 1", name=op.f("ck_spend_reward_spend_minor_at_least_1")),
        sa.CheckConstraint("minor >= 0", name=op.f("ck_spend_reward_minor_at_least_0")),
        sa.CheckConstraint("points >= 0", name=op.f("ck_spend_reward_points_at_least_0")),
        sa.CheckConstraint(
            "(state = 'granted') = (ended_at IS NULL)", name=op.f("ck_spend_reward_ends_once")
        ),
        sa.ForeignKeyConstraint(["reward_id"], ["coupon.coupon_id"], name=op.f("fk_spend_reward_reward_id")),
        sa.ForeignKeyConstraint(["member_id"], ["member.member_id"], name=op.f("fk_spend_reward_member_id")),
        sa.PrimaryKeyConstraint("reward_id", name=op.f("pk_spend_reward")),
    )
    op.create_index("ix_spend_reward_member_id", "spend_reward", ["member_id", "granted_at"], unique=False)


def _receipt() -> None:
    op.create_table(
        "spend_receipt",
        sa.Column("sale_id", sa.LargeBinary(), nullable=False),
        sa.Column("definition_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("member_id", sa.BigInteger(), nullable=False),
        sa.Column("sold_at", sa.BigInteger(), nullable=False),
        sa.Column("minor", sa.BigInteger(), nullable=False),
        sa.Column("reward_id", sa.LargeBinary(), nullable=True),
        sa.CheckConstraint("length(sale_id) = 16", name=op.f("ck_spend_receipt_sale_id_length")),
        sa.CheckConstraint("minor >= 0", name=op.f("ck_spend_receipt_minor_at_least_0")),
        sa.ForeignKeyConstraint(["sale_id"], ["sale.sale_id"], name=op.f("fk_spend_receipt_sale_id")),
        sa.ForeignKeyConstraint(
            ["member_id"], ["member.member_id"], name=op.f("fk_spend_receipt_member_id")
        ),
        sa.ForeignKeyConstraint(
            ["reward_id"], ["spend_reward.reward_id"], name=op.f("fk_spend_receipt_reward_id")
        ),
        sa.PrimaryKeyConstraint("sale_id", "definition_id", name=op.f("pk_spend_receipt")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_spend_receipt_member_id", "spend_receipt", ["member_id"], unique=False)
    op.create_index(
        "uq_spend_receipt_used_once",
        "spend_receipt",
        ["sale_id"],
        unique=True,
        sqlite_where=sa.text("reward_id IS NOT NULL"),
        postgresql_where=sa.text("reward_id IS NOT NULL"),
    )


def downgrade() -> None:
    raise RuntimeError("a ledger is not migrated backwards: restore a backup")
