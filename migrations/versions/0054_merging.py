"""Merging members: a case may name the member who stays."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from ledger_service.db.guards import guard_statements

revision = "0054_merging"
down_revision = "0053_one_staff_table"
_KINDS = "kind IN ('lost_phone', 'recycled_number', 'death', 'merge')"
_STAYS = "(kind = 'merge') = (stays_id IS NOT NULL)"
_COLUMNS = (
    "case_id, kind, member_id, account, successor, salt, signer, flags, label, evidence, state, opened_by,"
    " approved_by, number, ripe_at"
)
_EVENT_COLUMNS = "case_id, position, kind, by_whom, at"


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.drop_constraint(op.f("ck_care_case_kind_known"), "care_case")
        op.create_check_constraint(op.f("ck_care_case_kind_known"), "care_case", _KINDS)
        op.add_column("care_case", sa.Column("stays_id", sa.BigInteger()))
        op.create_foreign_key(
            op.f("fk_care_case_stays_id"), "care_case", "member", ["stays_id"], ["member_id"]
        )
        op.create_check_constraint(op.f("ck_care_case_merge_names_who_stays"), "care_case", _STAYS)
        return
    _rebuild()


def downgrade() -> None:
    raise RuntimeError("a ledger is not migrated backwards: restore a backup")


def _rebuild() -> None:
    """SQLite changes no constraint of a table that stands; events follow, since they name the cases."""
    for act in ("update", "delete"):
        op.execute(f"DROP TRIGGER care_event_refuse_{act}")
    op.drop_index("uq_care_case_under_way", "care_case")
    op.drop_index("ix_care_case_state", "care_case")
    op.rename_table("care_event", "care_event_before")
    op.rename_table("care_case", "care_case_before")
    _make_cases()
    op.execute(f"INSERT INTO care_case ({_COLUMNS}) SELECT {_COLUMNS} FROM care_case_before")
    _make_events()
    op.execute(f"INSERT INTO care_event ({_EVENT_COLUMNS}) SELECT {_EVENT_COLUMNS} FROM care_event_before")
    op.drop_table("care_event_before")
    op.drop_table("care_case_before")


def _make_cases() -> None:
    op.create_table(
        "care_case",
        sa.Column("case_id", sa.LargeBinary(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("member_id", sa.BigInteger(), nullable=False),
        sa.Column("account", sa.LargeBinary(), nullable=False),
        sa.Column("successor", sa.LargeBinary(), nullable=False),
        sa.Column("salt", sa.LargeBinary()),
        sa.Column("signer", sa.LargeBinary(), nullable=False),
        sa.Column("flags", sa.Integer(), nullable=False),
        sa.Column("label", sa.Text()),
        sa.Column("evidence", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("opened_by", sa.Text(), nullable=False),
        sa.Column("approved_by", sa.Text()),
        sa.Column("number", sa.BigInteger()),
        sa.Column("ripe_at", sa.BigInteger()),
        sa.Column("stays_id", sa.BigInteger()),
        *_checks(),
        sa.ForeignKeyConstraint(["member_id"], ["member.member_id"], name=op.f("fk_care_case_member_id")),
        sa.ForeignKeyConstraint(["stays_id"], ["member.member_id"], name=op.f("fk_care_case_stays_id")),
        sa.PrimaryKeyConstraint("case_id", name=op.f("pk_care_case")),
    )
    under_way = sa.text("state IN ('open', 'approved', 'notice', 'objected')")
    op.create_index("uq_care_case_under_way", "care_case", ["member_id"], unique=True, sqlite_where=under_way)
    op.create_index("ix_care_case_state", "care_case", ["state"], unique=False)


def _checks() -> list[sa.CheckConstraint]:
    states = "state IN ('open', 'approved', 'notice', 'objected', 'executed', 'stopped')"
    lengths = (("case_id", 16), ("account", 20), ("successor", 20), ("evidence", 32))
    return [
        sa.CheckConstraint(_KINDS, name=op.f("ck_care_case_kind_known")),
        sa.CheckConstraint(states, name=op.f("ck_care_case_state_known")),
        sa.CheckConstraint(_STAYS, name=op.f("ck_care_case_merge_names_who_stays")),
        *(
            sa.CheckConstraint(f"length({c}) = {n}", name=op.f(f"ck_care_case_{c}_length"))
            for c, n in lengths
        ),
    ]


def _make_events() -> None:
    op.create_table(
        "care_event",
        sa.Column("case_id", sa.LargeBinary(), nullable=False),
        sa.Column("position", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=9), nullable=False),
        sa.Column("by_whom", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "kind IN ('opened', 'approved', 'announced', 'objected', 'stopped', 'executed')",
            name=op.f("ck_care_event_kind_known"),
        ),
        sa.ForeignKeyConstraint(["case_id"], ["care_case.case_id"], name=op.f("fk_care_event_case_id")),
        sa.PrimaryKeyConstraint("case_id", "position", name=op.f("pk_care_event")),
    )
    for statement in guard_statements("care_event", "sqlite"):
        op.get_bind().exec_driver_sql(statement)
