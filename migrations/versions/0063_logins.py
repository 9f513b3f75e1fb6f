"""Codes for logging in, PINs of cashiers; sessions know whose they are, for which everybody logs in anew."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0063_logins"
down_revision = "0056_settlement_papers"


def upgrade() -> None:
    _login_code()
    _cashier_pin()
    _web_session()


def _cashier_pin() -> None:
    op.create_table(
        "cashier_pin",
        sa.Column("merchant_id", sa.BigInteger(), nullable=False),
        sa.Column("cashier", sa.String(32), nullable=False),
        sa.Column("pin_salt", sa.LargeBinary(), nullable=False),
        sa.Column("pin_hash", sa.LargeBinary(), nullable=False),
        sa.Column("set_at", sa.BigInteger(), nullable=False),
        sa.Column("set_by", sa.Text(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("locked_until", sa.BigInteger()),
        sa.CheckConstraint("length(pin_salt) = 16", name=op.f("ck_cashier_pin_pin_salt_length")),
        sa.CheckConstraint("length(pin_hash) = 32", name=op.f("ck_cashier_pin_pin_hash_length")),
        sa.CheckConstraint("tries >= 0", name=op.f("ck_cashier_pin_tries_at_least_0")),
        sa.ForeignKeyConstraint(
            ["merchant_id"], ["merchant.merchant_id"], name=op.f("fk_cashier_pin_merchant_id")
        ),
        sa.PrimaryKeyConstraint("merchant_id", "cashier", name=op.f("pk_cashier_pin")),
        sqlite_with_rowid=False,
    )


def _login_code() -> None:
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


def _web_session() -> None:
    op.drop_table("web_session")
    op.create_table(
        "web_session",
        sa.Column("cookie_hash", sa.LargeBinary(), nullable=False),
        sa.Column("session_id", sa.String(16), nullable=False),
        sa.Column("key_id", sa.String(16), nullable=False),
        sa.Column("owner", sa.String(40), nullable=False),
        sa.Column("cashier", sa.String(32)),
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
    op.create_index(op.f("ix_web_session_owner"), "web_session", ["owner", "seen_at"])
    op.create_index(op.f("ix_web_session_expires_at"), "web_session", ["expires_at"])


def downgrade() -> None:
    raise RuntimeError("a ledger is not migrated backwards: restore a backup")
