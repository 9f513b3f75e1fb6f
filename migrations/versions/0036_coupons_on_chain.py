"""Operations for contracts beside the ClearingHouse, their batches, and where AllianceCoupons stands.

An alliance that was founded before has no such contract: its coupons are the ledger's word alone.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0036_coupons_on_chain"
down_revision = "0034_conversions"

_Int64 = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("alliance", sa.Column("coupons", sa.LargeBinary(20), nullable=True))
    _intents()
    _batches()
    _items()


def downgrade() -> None:
    raise RuntimeError("a ledger is not migrated backwards: restore a backup")


def _intents() -> None:
    op.create_table(
        "beside_intent",
        sa.Column("op_id", sa.LargeBinary(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("kind", sa.SmallInteger(), nullable=False),
        sa.Column("merchant_id", sa.BigInteger(), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("leaf", sa.LargeBinary(), nullable=False),
        sa.Column("original_op_id", sa.LargeBinary(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("length(op_id) = 16", name=op.f("ck_beside_intent_op_id_length")),
        sa.CheckConstraint("length(leaf) = 32", name=op.f("ck_beside_intent_leaf_length")),
        sa.CheckConstraint(
            "state IN ('queued', 'packed', 'mined', 'final', 'set_aside')",
            name=op.f("ck_beside_intent_state_known"),
        ),
        sa.CheckConstraint(
            "state <> 'set_aside' OR reason IS NOT NULL", name=op.f("ck_beside_intent_reasoned")
        ),
        sa.CheckConstraint(
            "state NOT IN ('queued', 'packed') OR reason IS NULL",
            name=op.f("ck_beside_intent_not_judged_yet"),
        ),
        sa.PrimaryKeyConstraint("op_id", name=op.f("pk_beside_intent")),
    )
    for name, where in (("queued", "state = 'queued'"), ("refused", "reason IS NOT NULL")):
        op.create_index(
            f"ix_beside_intent_{name}", "beside_intent", ["target", "created_at", "op_id"],
            sqlite_where=sa.text(where), postgresql_where=sa.text(where),
        )  # fmt: skip


def _batches() -> None:
    op.create_table(
        "chain_beside_batch",
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("number", _Int64, autoincrement=False, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=True),
        sa.Column("block_number", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "state IN ('signed', 'mined', 'final', 'reverted', 'dead')",
            name=op.f("ck_chain_beside_batch_state_known"),
        ),
        sa.CheckConstraint("count >= 1", name=op.f("ck_chain_beside_batch_count_at_least_1")),
        sa.PrimaryKeyConstraint("target", "number", name=op.f("pk_chain_beside_batch")),
    )
    unsettled = sa.text("state IN ('signed', 'mined', 'reverted')")
    op.create_index(
        "ix_chain_beside_batch_unsettled", "chain_beside_batch", ["target", "state"],
        sqlite_where=unsettled, postgresql_where=unsettled,
    )  # fmt: skip
    op.create_index("ix_chain_beside_batch_block_number", "chain_beside_batch", ["block_number"])


def _items() -> None:
    op.create_table(
        "chain_beside_item",
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("batch", _Int64, autoincrement=False, nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("op_id", sa.LargeBinary(), nullable=False),
        sa.Column("leaf", sa.LargeBinary(), nullable=False),
        sa.Column("reason", sa.LargeBinary(), nullable=True),
        sa.Column("live", sa.Boolean(), nullable=False),
        sa.CheckConstraint("length(op_id) = 16", name=op.f("ck_chain_beside_item_op_id_length")),
        sa.CheckConstraint("length(leaf) = 32", name=op.f("ck_chain_beside_item_leaf_length")),
        sa.ForeignKeyConstraint(
            ["target", "batch"], ["chain_beside_batch.target", "chain_beside_batch.number"],
            name=op.f("fk_chain_beside_item_target_batch"),
        ),
        sa.PrimaryKeyConstraint("target", "batch", "position", name=op.f("pk_chain_beside_item")),
    )
    op.create_index(
        "uq_chain_beside_item_live_op_id", "chain_beside_item", ["op_id"], unique=True,
        sqlite_where=sa.text("live"), postgresql_where=sa.text("live"),
    )  # fmt: skip
