"""Passkeys of members: what their devices log in with."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0066_passkeys"
down_revision = "0065_prize_pools"

_INT64 = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "passkey",
        sa.Column("passkey_id", sa.LargeBinary(), nullable=False),
        sa.Column("member_id", _INT64, nullable=False),
        sa.Column("credential_hash", sa.LargeBinary(), nullable=False),
        sa.Column("credential_id", sa.LargeBinary(), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("sign_count", sa.BigInteger(), nullable=False),
        sa.Column("label", sa.String(40), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("challenged_at", sa.BigInteger(), nullable=False),
        sa.Column("last_challenge", sa.LargeBinary(), nullable=False),
        sa.Column("used_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("length(passkey_id) = 16", name=op.f("ck_passkey_passkey_id_length")),
        sa.CheckConstraint("length(credential_hash) = 32", name=op.f("ck_passkey_credential_hash_length")),
        sa.CheckConstraint("length(last_challenge) = 40", name=op.f("ck_passkey_last_challenge_length")),
        sa.CheckConstraint("sign_count >= 0", name=op.f("ck_passkey_sign_count_at_least_0")),
        sa.ForeignKeyConstraint(["member_id"], ["member.member_id"], name=op.f("fk_passkey_member_id")),
        sa.PrimaryKeyConstraint("passkey_id", name=op.f("pk_passkey")),
        sa.UniqueConstraint("credential_hash", name=op.f("uq_passkey_credential_hash")),
    )
    op.create_index(op.f("ix_passkey_member_id"), "passkey", ["member_id"])


def downgrade() -> None:
    raise RuntimeError("a ledger is not migrated backwards: restore a backup")
