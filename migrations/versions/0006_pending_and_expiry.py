"""Pending points that await an event, and lapse or vest without it; what merchants tell of their sales."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006_pending_and_expiry"
down_revision = "0005_care_cases"

_STATES = "state IN ('waiting', 'vested', 'reversed', 'lapsed')"


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.add_column("pending_issue", sa.Column("awaits", sa.String(length=32), nullable=True))
        lapses = sa.Column("lapses", sa.Boolean(), nullable=False, server_default=sa.false())
        op.add_column("pending_issue", lapses)
        op.alter_column("pending_issue", "lapses", server_default=None)
        op.drop_constraint(op.f("ck_pending_issue_state_known"), "pending_issue")
        op.create_check_constraint(op.f("ck_pending_issue_state_known"), "pending_issue", _STATES)
    else:
        make_pending_issue_anew()
    make_sale_event()


def downgrade() -> None:
    raise RuntimeError("a ledger is not migrated backwards: restore a backup")


def make_pending_issue_anew() -> None:
    """SQLite changes no CHECK, so the table is written anew with the wider one."""
    op.drop_index(op.f("ix_pending_issue_member_id"), "pending_issue")
    op.drop_index("ix_pending_issue_waiting", "pending_issue")
    op.rename_table("pending_issue", "pending_issue_before")
    make_pending_issue()
    columns = (
        'op_id, member_id, programme_id, epoch, amount, "left", vests_at, sale_id, rule_version, state, leaf'
    )
    op.execute(
        f"INSERT INTO pending_issue ({columns}, lapses) SELECT {columns}, 0 FROM pending_issue_before"
    )
    op.drop_table("pending_issue_before")


def make_pending_issue() -> None:
    op.create_table(
        "pending_issue",
        sa.Column("op_id", sa.LargeBinary(), nullable=False),
        sa.Column("member_id", sa.BigInteger(), nullable=False),
        sa.Column("programme_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("left", sa.BigInteger(), nullable=False),
        sa.Column("vests_at", sa.BigInteger(), nullable=False),
        sa.Column("sale_id", sa.LargeBinary(), nullable=False),
        sa.Column("rule_version", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("leaf", sa.LargeBinary(), nullable=True),
        sa.Column("awaits", sa.String(length=32), nullable=True),
        sa.Column("lapses", sa.Boolean(), nullable=False),
        sa.CheckConstraint(
            "state <> 'vested' OR leaf IS NOT NULL", name=op.f("ck_pending_issue_vested_has_leaf")
        ),
        sa.CheckConstraint(_STATES, name=op.f("ck_pending_issue_state_known")),
        sa.CheckConstraint('"left" BETWEEN 0 AND amount', name=op.f("ck_pending_issue_left_of_amount")),
        sa.CheckConstraint("amount >= 1", name=op.f("ck_pending_issue_amount_at_least_1")),
        sa.ForeignKeyConstraint(["member_id"], ["member.member_id"], name=op.f("fk_pending_issue_member_id")),
        sa.ForeignKeyConstraint(
            ["programme_id"], ["programme.programme_id"], name=op.f("fk_pending_issue_programme_id")
        ),
        sa.PrimaryKeyConstraint("op_id", name=op.f("pk_pending_issue")),
    )
    op.create_index(op.f("ix_pending_issue_member_id"), "pending_issue", ["member_id"], unique=False)
    op.create_index(
        "ix_pending_issue_waiting",
        "pending_issue",
        ["vests_at"],
        unique=False,
        sqlite_where=sa.text("state = 'waiting'"),
    )


def make_sale_event() -> None:
    op.create_table(
        "sale_event",
        sa.Column("sale_id", sa.LargeBinary(), nullable=False),
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("told_by", sa.String(length=80), nullable=False),
        sa.Column("recorded_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("length(sale_id) = 16", name=op.f("ck_sale_event_sale_id_length")),
        sa.ForeignKeyConstraint(["sale_id"], ["sale.sale_id"], name=op.f("fk_sale_event_sale_id")),
        sa.PrimaryKeyConstraint("sale_id", "name", name=op.f("pk_sale_event")),
        sqlite_with_rowid=False,
    )
