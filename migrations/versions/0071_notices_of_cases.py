"""Notices of cases to the members whose accounts are to move; a member's cases are found by index."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0071_notices_of_cases"
down_revision = "0070_figures_with_pools"


def upgrade() -> None:
    op.create_index("ix_care_case_member_id", "care_case", ["member_id", "case_id"])
    op.create_index("ix_care_case_stays_id", "care_case", ["stays_id", "case_id"])
    op.create_table(
        "care_notice",
        sa.Column("member_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("case_id", sa.LargeBinary(), nullable=False),
        sa.Column("channel", sa.String(5), nullable=False),
        sa.Column("ends_at", sa.BigInteger(), nullable=False),
        sa.Column("send_at", sa.BigInteger()),
        sa.Column("sends", sa.Integer(), nullable=False),
        sa.Column("taken_at", sa.BigInteger()),
        sa.CheckConstraint("channel IN ('phone', 'email')", name=op.f("ck_care_notice_channel_known")),
        sa.CheckConstraint("sends >= 0", name=op.f("ck_care_notice_sends_at_least_0")),
        sa.ForeignKeyConstraint(["member_id"], ["member.member_id"], name=op.f("fk_care_notice_member_id")),
        sa.ForeignKeyConstraint(["case_id"], ["care_case.case_id"], name=op.f("fk_care_notice_case_id")),
        sa.PrimaryKeyConstraint("member_id", "case_id", "channel", name=op.f("pk_care_notice")),
    )
    op.create_index("ix_care_notice_send_at", "care_notice", ["send_at"])


def downgrade() -> None:
    raise RuntimeError("a ledger is not migrated backwards: restore a backup")
