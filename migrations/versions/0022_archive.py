"""What ages: fewer and smaller B-trees for a sale to touch, none of them of what is over and done with."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0022_archive"
down_revision = "0015_founding_keys"

FIRST_SYSTEM_ACCOUNT = 1 << 51
ANSWER = ("subject", "key", "body_hash", "status", "response", "created_at")


def upgrade() -> None:
    _smaller_indexes()
    if op.get_bind().dialect.name == "sqlite":
        _answers_with_row_ids()


def downgrade() -> None:
    raise RuntimeError("a ledger is not migrated backwards: restore a backup")


def _smaller_indexes() -> None:
    op.drop_index("ix_entry_occurred_at", table_name="entry")
    for side in ("source_id", "destination_id"):
        name = f"ix_posting_{side}_sequence"
        op.drop_index(name, table_name="posting")
        _partial(name, "posting", [side, "sequence"], f"{side} < {FIRST_SYSTEM_ACCOUNT}")
    op.drop_index("ix_intent_state", table_name="intent")
    _partial("ix_intent_open", "intent", ["state", "later", "intent_id"], "state <> 'final'")
    op.drop_index("ix_intent_batch", table_name="intent")
    _partial("ix_intent_batch", "intent", ["batch_number", "batch_index"], "batch_number IS NOT NULL")


def _partial(name: str, table: str, columns: list[str], where: str) -> None:
    op.create_index(name, table, columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))


def _answers_with_row_ids() -> None:
    op.rename_table("idempotency", "idempotency_before")
    op.create_table(
        "idempotency",
        sa.Column("subject", sa.String(length=80), nullable=False),
        sa.Column("key", sa.String(length=128), nullable=False),
        sa.Column("body_hash", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.SmallInteger(), nullable=False),
        sa.Column("response", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("subject", "key", name=op.f("pk_idempotency")),
    )
    columns = ", ".join(ANSWER)
    op.execute(f"INSERT INTO idempotency ({columns}) SELECT {columns} FROM idempotency_before")
    op.drop_table("idempotency_before")
