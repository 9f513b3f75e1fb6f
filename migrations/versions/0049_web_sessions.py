"""Sessions of browsers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0049_web_sessions"
down_revision = "0054_merging"


def upgrade() -> None:
    op.create_table(
        "web_session",
        sa.Column("cookie_hash", sa.LargeBinary(), nullable=False),
        sa.Column("session_id", sa.String(16), nullable=False),
        sa.Column("key_id", sa.String(16), nullable=False),
        sa.Column("role", sa.String(8), nullable=False),
        sa.Column("device", sa.String(16), nullable=False),
        sa.Column("entered_at", sa.BigInteger(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger()),
        sa.CheckConstraint("length(cookie_hash) = 32", name=op.f("ck_web_session_cookie_hash_length")),
        sa.PrimaryKeyConstraint("cookie_hash", name=op.f("pk_web_session")),
        sa.UniqueConstraint("session_id", name=op.f("uq_web_session_session_id")),
    )
    op.create_index(op.f("ix_web_session_key_id"), "web_session", ["key_id", "seen_at"])
    op.create_index(op.f("ix_web_session_expires_at"), "web_session", ["expires_at"])


def downgrade() -> None:
    raise RuntimeError("a ledger is not migrated backwards: restore a backup")
