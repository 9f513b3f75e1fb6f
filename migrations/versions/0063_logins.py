"""Codes for logging in; sessions of browsers know whose they are."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0063_logins"
down_revision = "0046_sharing"


def upgrade() -> None:
    op.create_table(
        "login_code",
        sa.Column("code_id", sa.LargeBinary(), nullable=False),
        sa.Column("phone_hash", sa.LargeBinary(), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("used_at", sa.BigInteger()),
        sa.Column("sends", sa.Integer(), nullable=False),
        sa.Column("send_at", sa.BigInteger()),
        sa.CheckConstraint("length(code_id) = 16", name=op.f("ck_login_code_code_id_length")),
        sa.CheckConstraint("length(phone_hash) = 32", name=op.f("ck_login_code_phone_hash_length")),
        sa.CheckConstraint("tries >= 0", name=op.f("ck_login_code_tries_at_least_0")),
        sa.CheckConstraint("sends >= 0", name=op.f("ck_login_code_sends_at_least_0")),
        sa.PrimaryKeyConstraint("code_id", name=op.f("pk_login_code")),
    )
    op.create_index(op.f("ix_login_code_phone_hash"), "login_code", ["phone_hash", "made_at"])
    op.create_index(op.f("ix_login_code_send_at"), "login_code", ["send_at"])
    op.create_index(op.f("ix_login_code_made_at"), "login_code", ["made_at"])


def downgrade() -> None:
    raise RuntimeError("a ledger is not migrated backwards: restore a backup")
