"""Prize pools of batches, and which roots have told the chain of what was claimed before them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0065_prize_pools"
down_revision = "0064_conditions_and_spends"

_Int64 = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("trace_root", sa.Column("early_told_at", sa.BigInteger(), nullable=True))
    _pool()
    _part()
    _prize()


def downgrade() -> None:
    raise RuntimeError("a ledger is not migrated backwards: restore a backup")


def _pool() -> None:
    name = "trace_prize_pool"
    op.create_table(
        name,
        sa.Column("batch_no", _Int64, autoincrement=False, nullable=False),
        sa.Column("programme_id", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("ends_at", sa.BigInteger(), nullable=False),
        sa.Column("slots_root", sa.LargeBinary(32)),
        sa.Column("share", sa.LargeBinary(32)),
        sa.Column("block_number", sa.BigInteger()),
        sa.Column("block_hash", sa.LargeBinary(32)),
        sa.Column("drawn_at", sa.BigInteger()),
        sa.CheckConstraint(
            "(block_number IS NULL) = (block_hash IS NULL)", name=op.f(f"ck_{name}_block_whole")
        ),
        sa.CheckConstraint(
            "drawn_at IS NULL OR block_hash IS NOT NULL", name=op.f(f"ck_{name}_drawn_by_a_block")
        ),
        *[
            sa.CheckConstraint(f"length({column}) = 32", name=op.f(f"ck_{name}_{column}_length"))
            for column in ("slots_root", "share", "block_hash")
        ],
        sa.ForeignKeyConstraint(["batch_no"], ["trace_batch.batch_no"], name=op.f(f"fk_{name}_batch_no")),
        sa.PrimaryKeyConstraint("batch_no", name=op.f(f"pk_{name}")),
    )


def _part() -> None:
    name = "trace_prize_part"
    op.create_table(
        name,
        sa.Column("batch_no", _Int64, autoincrement=False, nullable=False),
        sa.Column("part", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("root", sa.LargeBinary(32), nullable=False),
        sa.CheckConstraint("length(root) = 32", name=op.f(f"ck_{name}_root_length")),
        sa.ForeignKeyConstraint(["batch_no"], ["trace_batch.batch_no"], name=op.f(f"fk_{name}_batch_no")),
        sa.PrimaryKeyConstraint("batch_no", "part", name=op.f(f"pk_{name}")),
    )


def _prize() -> None:
    name = "trace_prize"
    op.create_table(
        name,
        sa.Column("item_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("batch_no", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("prize", sa.SmallInteger()),
        sa.Column("points", sa.Integer()),
        sa.Column("net", sa.Integer()),
        sa.Column("epoch", sa.Integer()),
        sa.Column("leaf", sa.LargeBinary(32)),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "state IN ('waiting', 'none', 'given', 'lapsed', 'void')", name=op.f(f"ck_{name}_state_known")
        ),
        sa.CheckConstraint("points >= 0", name=op.f(f"ck_{name}_points_at_least_0")),
        sa.CheckConstraint("net >= 0", name=op.f(f"ck_{name}_net_at_least_0")),
        sa.CheckConstraint("state <> 'given' OR prize >= 1", name=op.f(f"ck_{name}_given_is_a_prize")),
        sa.PrimaryKeyConstraint("item_id", name=op.f(f"pk_{name}")),
    )
    op.create_index(op.f("ix_trace_prize_batch_no"), name, ["batch_no", "state", "until"])
