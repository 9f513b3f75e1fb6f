"""Items' roots and the log of events: what is committed to of both, and where their contracts stand.

An alliance that was founded before has no such contracts: its proofs end at roots that nobody anchored.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0044_item_proofs"
down_revision = "0049_web_sessions"

_Int64 = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    for name in ("item_registry", "transparency_log"):
        op.add_column("alliance", sa.Column(name, sa.LargeBinary(20), nullable=True))
    _items()
    _log()


def downgrade() -> None:
    raise RuntimeError("a ledger is not migrated backwards: restore a backup")


def _items() -> None:
    op.create_table(
        "trace_root_part",
        sa.Column("batch_no", _Int64, autoincrement=False, nullable=False),
        sa.Column("part", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("length(root) = 32", name=op.f("ck_trace_root_part_root_length")),
        sa.ForeignKeyConstraint(
            ["batch_no"], ["trace_batch.batch_no"], name=op.f("fk_trace_root_part_batch_no")
        ),
        sa.PrimaryKeyConstraint("batch_no", "part", name=op.f("pk_trace_root_part")),
    )
    op.create_table(
        "trace_root",
        sa.Column("batch_no", _Int64, autoincrement=False, nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("op_id", sa.LargeBinary(), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("length(root) = 32", name=op.f("ck_trace_root_root_length")),
        sa.CheckConstraint("length(op_id) = 16", name=op.f("ck_trace_root_op_id_length")),
        sa.CheckConstraint("count >= 1", name=op.f("ck_trace_root_count_at_least_1")),
        sa.ForeignKeyConstraint(["batch_no"], ["trace_batch.batch_no"], name=op.f("fk_trace_root_batch_no")),
        sa.PrimaryKeyConstraint("batch_no", name=op.f("pk_trace_root")),
    )


def _log() -> None:
    op.create_table(
        "log_tile",
        sa.Column("level", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("place", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("hashes", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("level", "place", name=op.f("pk_log_tile")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "log_checkpoint",
        sa.Column("size", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("proof", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("reason", sa.Text()),
        sa.CheckConstraint("length(root) = 32", name=op.f("ck_log_checkpoint_root_length")),
        sa.CheckConstraint("size >= 1", name=op.f("ck_log_checkpoint_size_at_least_1")),
        sa.CheckConstraint(
            "state IN ('made', 'relayed', 'refused')", name=op.f("ck_log_checkpoint_state_known")
        ),
        sa.PrimaryKeyConstraint("size", name=op.f("pk_log_checkpoint")),
        sqlite_with_rowid=False,
    )
