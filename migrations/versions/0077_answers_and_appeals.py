"""Payments that a member declines on its phone, and appeals against refusals that booked nothing;
how many codes went out in a day."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0077_answers_and_appeals"
down_revision = "0074_tickets"


def upgrade() -> None:
    op.add_column("risk_challenge", sa.Column("declined_at", sa.BigInteger()))
    op.create_table(
        "risk_appeal",
        sa.Column("decision_id", sa.LargeBinary(), nullable=False),
        sa.Column("member_id", sa.BigInteger(), nullable=False),
        sa.Column("said", sa.Text(), nullable=False),
        sa.Column("appealed_at", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.Column("answer", sa.String(6)),
        sa.Column("words", sa.Text()),
        sa.Column("by_whom", sa.Text()),
        sa.Column("answered_at", sa.BigInteger()),
        sa.CheckConstraint("answer IN ('stands', 'lifted')", name=op.f("ck_risk_appeal_answer_known")),
        sa.ForeignKeyConstraint(
            ["decision_id"], ["risk_decision.decision_id"], name=op.f("fk_risk_appeal_decision_id")
        ),
        sa.ForeignKeyConstraint(["member_id"], ["member.member_id"], name=op.f("fk_risk_appeal_member_id")),
        sa.PrimaryKeyConstraint("decision_id", name=op.f("pk_risk_appeal")),
    )
    op.create_index("ix_risk_appeal_answer", "risk_appeal", ["answer", "until", "decision_id"])
    op.create_index("ix_risk_appeal_member_id", "risk_appeal", ["member_id"])
    op.create_table(
        "code_count",
        sa.Column("day", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("subject", sa.String(32), nullable=False),
        sa.Column("sent", sa.Integer(), nullable=False),
        sa.CheckConstraint("sent >= 1", name=op.f("ck_code_count_sent_at_least_1")),
        sa.PrimaryKeyConstraint("day", "subject", name=op.f("pk_code_count")),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    raise RuntimeError("a ledger is not migrated backwards: restore a backup")
