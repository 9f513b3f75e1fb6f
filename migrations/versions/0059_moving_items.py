"""Events move items: what contradicts itself stands with the item, and is a kind of case."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from ledger_service.db.guards import guard_statements

revision = "0059_moving_items"
down_revision = "0046_sharing"
_KINDS = "kind IN ('unknown-burst', 'repeat', 'impossible-travel', 'diversion', 'contradiction')"
_CLOSURE = "'confirmed', 'false-alarm', 'diverted', 'counterfeit', 'explained', 'duplicate'"
_COLUMNS = "case_id, kind, subject, gtin, merchant_id, state, assigned_to, closure, seen, opened_at, last_at"
_EVENT_COLUMNS = "case_id, position, kind, by_whom, said, at"
_OPEN = "state <> 'closed'"


def upgrade() -> None:
    op.add_column("trace_item", sa.Column("contradicts", sa.Text()))
    if op.get_bind().dialect.name == "postgresql":
        op.drop_constraint(op.f("ck_trace_case_kind_known"), "trace_case")
        op.create_check_constraint(op.f("ck_trace_case_kind_known"), "trace_case", _KINDS)
        return
    _rebuild()


def downgrade() -> None:
    raise RuntimeError("a ledger is not migrated backwards: restore a backup")


def _rebuild() -> None:
    """SQLite changes no constraint of a table that stands; events follow, since they name the cases."""
    for act in ("update", "delete"):
        op.execute(f"DROP TRIGGER trace_case_event_refuse_{act}")
    op.drop_index("ix_trace_case_merchant_id", "trace_case")
    op.drop_index("uq_trace_case_open", "trace_case")
    op.rename_table("trace_case_event", "trace_case_event_before")
    op.rename_table("trace_case", "trace_case_before")
    _make_cases()
    op.execute(f"INSERT INTO trace_case ({_COLUMNS}) SELECT {_COLUMNS} FROM trace_case_before")
    _make_events()
    events = f"INSERT INTO trace_case_event ({_EVENT_COLUMNS}) SELECT {_EVENT_COLUMNS}"
    op.execute(f"{events} FROM trace_case_event_before")
    op.drop_table("trace_case_event_before")
    op.drop_table("trace_case_before")


def _make_cases() -> None:
    op.create_table(
        "trace_case",
        sa.Column("case_id", sa.LargeBinary(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("subject", sa.String(length=20), nullable=False),
        sa.Column("gtin", sa.String(length=14)),
        sa.Column("merchant_id", sa.BigInteger()),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("assigned_to", sa.Text()),
        sa.Column("closure", sa.String(length=12)),
        sa.Column("seen", sa.Integer(), nullable=False),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.Column("last_at", sa.BigInteger(), nullable=False),
        *_checks(),
        sa.ForeignKeyConstraint(
            ["merchant_id"], ["merchant.merchant_id"], name=op.f("fk_trace_case_merchant_id")
        ),
        sa.PrimaryKeyConstraint("case_id", name=op.f("pk_trace_case")),
    )
    op.create_index("ix_trace_case_merchant_id", "trace_case", ["merchant_id", "case_id"], unique=False)
    op.create_index(
        "uq_trace_case_open", "trace_case", ["kind", "subject"], unique=True, sqlite_where=sa.text(_OPEN)
    )


def _checks() -> list[sa.CheckConstraint]:
    return [
        sa.CheckConstraint(f"closure IN ({_CLOSURE})", name=op.f("ck_trace_case_closure_known")),
        sa.CheckConstraint(_KINDS, name=op.f("ck_trace_case_kind_known")),
        sa.CheckConstraint("state IN ('open', 'assigned', 'closed')", name=op.f("ck_trace_case_state_known")),
        sa.CheckConstraint("length(case_id) = 16", name=op.f("ck_trace_case_case_id_length")),
        sa.CheckConstraint("seen >= 1", name=op.f("ck_trace_case_seen_at_least_1")),
    ]


def _make_events() -> None:
    op.create_table(
        "trace_case_event",
        sa.Column("case_id", sa.LargeBinary(), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("by_whom", sa.Text(), nullable=False),
        sa.Column("said", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "kind IN ('opened', 'seen', 'assigned', 'noted', 'closed')",
            name=op.f("ck_trace_case_event_kind_known"),
        ),
        sa.ForeignKeyConstraint(
            ["case_id"], ["trace_case.case_id"], name=op.f("fk_trace_case_event_case_id")
        ),
        sa.PrimaryKeyConstraint("case_id", "position", name=op.f("pk_trace_case_event")),
    )
    for statement in guard_statements("trace_case_event", "sqlite"):
        op.get_bind().exec_driver_sql(statement)
