"""What became of the rest of members' points of an ended programme, and what a bank has paid off the desk."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from ledger_service.db.guards import guard_statements

revision = "0087_rests_and_pool_payments"
down_revision = "0085_flags_as_asked"


def upgrade() -> None:
    op.create_table(
        "rest_conversion",
        sa.Column("op_id", sa.LargeBinary(16), nullable=False),
        sa.Column("member_id", sa.BigInteger(), nullable=False),
        sa.Column("programme_id", sa.Integer(), nullable=False),
        sa.Column("target_id", sa.Integer(), nullable=False),
        sa.Column("points", sa.BigInteger(), nullable=False),
        sa.Column("received", sa.BigInteger(), nullable=False),
        sa.Column("converted_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("length(op_id) = 16", name=op.f("ck_rest_conversion_op_id_length")),
        sa.CheckConstraint("points >= 1", name=op.f("ck_rest_conversion_points_at_least_1")),
        sa.CheckConstraint("received >= 1", name=op.f("ck_rest_conversion_received_at_least_1")),
        sa.ForeignKeyConstraint(
            ["member_id"], ["member.member_id"], name=op.f("fk_rest_conversion_member_id")
        ),
        sa.PrimaryKeyConstraint("op_id", name=op.f("pk_rest_conversion")),
    )
    op.create_index("ix_rest_conversion_member_id", "rest_conversion", ["member_id", "converted_at"])
    op.create_index("ix_rest_conversion_programme_id", "rest_conversion", ["programme_id", "member_id"])
    op.create_table(
        "off_desk_payment",
        sa.Column("period", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("number", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("payer", sa.BigInteger(), nullable=False),
        sa.Column("payee", sa.BigInteger(), nullable=False),
        sa.Column("minor", sa.BigInteger(), nullable=False),
        sa.Column("evidence", sa.LargeBinary(32), nullable=False),
        sa.Column("marked_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("length(evidence) = 32", name=op.f("ck_off_desk_payment_evidence_length")),
        sa.CheckConstraint("minor >= 1", name=op.f("ck_off_desk_payment_minor_at_least_1")),
        sa.CheckConstraint("payer <> payee", name=op.f("ck_off_desk_payment_two_merchants")),
        sa.PrimaryKeyConstraint("period", "number", name=op.f("pk_off_desk_payment")),
    )
    for table in ("rest_conversion", "off_desk_payment"):
        for statement in guard_statements(table, op.get_bind().dialect.name):
            op.execute(statement)


def downgrade() -> None:
    raise RuntimeError("a ledger is not migrated backwards: restore a backup")
