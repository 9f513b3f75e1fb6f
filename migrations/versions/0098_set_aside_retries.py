"""Operations that were set aside may be tried again, and what a retry settles says so."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0098_set_aside_retries"
down_revision = "0094_stopped_prizes"
_ASKED = sa.text("state = 'asked'")


def upgrade() -> None:
    op.add_column("set_aside", sa.Column("settled_by", sa.LargeBinary(), nullable=True))
    op.create_table(
        "set_aside_retry",
        sa.Column("retry_id", sa.LargeBinary(), nullable=False),
        sa.Column("op_id", sa.LargeBinary(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("requested_by", sa.Text(), nullable=False),
        sa.Column("requested_at", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("decided_at", sa.BigInteger(), nullable=True),
        *(
            sa.CheckConstraint(rule, name=op.f(f"ck_set_aside_retry_{name}"))
            for name, rule in (
                ("retry_id_length", "length(retry_id) = 16"), ("op_id_length", "length(op_id) = 16"),
                ("state_known", "state IN ('asked', 'approved', 'declined')"),
                ("two_people", "decided_by IS NULL OR decided_by <> requested_by"),
                ("decided_by_somebody", "(state = 'asked') = (decided_by IS NULL)"),
            )
        ),
        sa.PrimaryKeyConstraint("retry_id", name=op.f("pk_set_aside_retry")),
    )  # fmt: skip
    op.create_index("ix_set_aside_retry_op_id", "set_aside_retry", ["op_id"])
    op.create_index(
        "uq_set_aside_retry_asked", "set_aside_retry", ["op_id"], unique=True, sqlite_where=_ASKED,
        postgresql_where=_ASKED,
    )  # fmt: skip


def downgrade() -> None:
    raise RuntimeError("a ledger is not migrated backwards: restore a backup")
