"""A prize whose coupon was withdrawn ends as stopped, and is found as such."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0094_stopped_prizes"
down_revision = "0090_sales_summed_by_member"
_STATES = "state IN ('waiting', 'none', 'given', 'lapsed', 'stopped', 'void')"
_STOPPED = sa.text("state = 'stopped'")
_COLUMNS = "item_id, batch_no, state, prize, points, net, epoch, leaf, until"


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.drop_constraint(op.f("ck_trace_prize_state_known"), "trace_prize")
        op.create_check_constraint(op.f("ck_trace_prize_state_known"), "trace_prize", _STATES)
    else:
        _rebuild()
    op.create_index(
        "ix_trace_prize_stopped", "trace_prize", ["until", "batch_no"], sqlite_where=_STOPPED,
        postgresql_where=_STOPPED,
    )  # fmt: skip


def downgrade() -> None:
    raise RuntimeError("a ledger is not migrated backwards: restore a backup")


def _rebuild() -> None:
    """SQLite changes no constraint of a table that stands."""
    op.drop_index("ix_trace_prize_batch_no", "trace_prize")
    op.rename_table("trace_prize", "trace_prize_before")
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
        sa.CheckConstraint(_STATES, name=op.f(f"ck_{name}_state_known")),
        sa.CheckConstraint("points >= 0", name=op.f(f"ck_{name}_points_at_least_0")),
        sa.CheckConstraint("net >= 0", name=op.f(f"ck_{name}_net_at_least_0")),
        sa.CheckConstraint("state <> 'given' OR prize >= 1", name=op.f(f"ck_{name}_given_is_a_prize")),
        sa.PrimaryKeyConstraint("item_id", name=op.f(f"pk_{name}")),
    )
    op.execute(f"INSERT INTO trace_prize ({_COLUMNS}) SELECT {_COLUMNS} FROM trace_prize_before")
    op.drop_table("trace_prize_before")
    op.create_index("ix_trace_prize_batch_no", name, ["batch_no", "state", "until"])
