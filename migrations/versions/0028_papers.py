"""Papers of settlement periods are written once; the lock says with which bytes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from ledger_service.db.guards import guard_statements

revision = "0028_papers"
down_revision = "0022_archive"


def upgrade() -> None:
    op.create_table(
        "settlement_paper",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("byte_count", sa.BigInteger(), nullable=False),
        sa.Column("written_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("length(sha256) = 32", name=op.f("ck_settlement_paper_sha256_length")),
        sa.CheckConstraint("byte_count >= 1", name=op.f("ck_settlement_paper_byte_count_at_least_1")),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_settlement_paper")),
    )
    for statement in guard_statements("settlement_paper", op.get_bind().dialect.name):
        op.execute(statement)


def downgrade() -> None:
    raise RuntimeError("a ledger is not migrated backwards: restore a backup")
