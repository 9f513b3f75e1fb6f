"""Cases that move a member's account: lost phones, recycled numbers, deaths."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from ledger_service.db.guards import guard_statements

revision = "0005_care_cases"
down_revision = "0004_account_moves"


def upgrade() -> None:
    make_care_case()
    make_care_event()


def downgrade() -> None:
    raise RuntimeError("a ledger is not migrated backwards: restore a backup")


def make_care_case() -> None:
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
        sa.CheckConstraint(
            "kind IN ('lost_phone', 'recycled_number', 'death')", name=op.f("ck_care_case_kind_known")
        ),
        sa.CheckConstraint(
            "state IN ('open', 'approved', 'notice', 'objected', 'executed', 'stopped')",
            name=op.f("ck_care_case_state_known"),
        ),
        sa.CheckConstraint("length(case_id) = 16", name=op.f("ck_care_case_case_id_length")),
        sa.CheckConstraint("length(account) = 20", name=op.f("ck_care_case_account_length")),
        sa.CheckConstraint("length(successor) = 20", name=op.f("ck_care_case_successor_length")),
        sa.CheckConstraint("length(evidence) = 32", name=op.f("ck_care_case_evidence_length")),
        sa.ForeignKeyConstraint(["member_id"], ["member.member_id"], name=op.f("fk_care_case_member_id")),
        sa.PrimaryKeyConstraint("case_id", name=op.f("pk_care_case")),
    )
    under_way = sa.text("state IN ('open', 'approved', 'notice', 'objected')")
    op.create_index(
        "uq_care_case_under_way", "care_case", ["member_id"], unique=True, sqlite_where=under_way,
        postgresql_where=under_way,
    )  # fmt: skip
    op.create_index("ix_care_case_state", "care_case", ["state"], unique=False)


def make_care_event() -> None:
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
    for statement in guard_statements("care_event", op.get_bind().dialect.name):
        op.get_bind().exec_driver_sql(statement.replace("%", "%%"))
