"""Cards made, lost and replaced, PINs and one-time codes; receipts that join a member after the sale."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018_cards"
down_revision = "0017_business_day"


def upgrade() -> None:
    op.add_column("member_card", sa.Column("ended_at", sa.BigInteger(), nullable=True))
    op.add_column("member_card", sa.Column("ended_by", sa.Text(), nullable=True))
    op.execute(
        "ALTER TABLE member_card ADD COLUMN reason TEXT"
        " CONSTRAINT ck_member_card_reason_known CHECK (reason IN ('lost', 'replaced'))"
    )
    _card_stock()
    _member_access()
    _till_code()
    _sale_attachment()
    _attach_policy()
    _staff_link()


def downgrade() -> None:
    raise RuntimeError("a ledger is not migrated backwards: restore a backup")


def _card_stock() -> None:
    op.create_table(
        "card_stock",
        sa.Column("number_hash", sa.LargeBinary(), nullable=False),
        sa.Column("merchant_id", sa.BigInteger(), nullable=False),
        sa.Column("batch_id", sa.LargeBinary(), nullable=False),
        sa.Column("tail", sa.CHAR(4), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("used_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("length(batch_id) = 16", name=op.f("ck_card_stock_batch_id_length")),
        sa.ForeignKeyConstraint(
            ["merchant_id"], ["merchant.merchant_id"], name=op.f("fk_card_stock_merchant_id")
        ),
        sa.PrimaryKeyConstraint("number_hash", name=op.f("pk_card_stock")),
        sqlite_with_rowid=False,
    )
    op.create_index(
        op.f("ix_card_stock_merchant_id"),
        "card_stock",
        ["merchant_id", "made_at", "number_hash"],
        unique=False,
    )


def _member_access() -> None:
    op.create_table(
        "member_access",
        sa.Column(
            "member_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("pin_salt", sa.LargeBinary(), nullable=True),
        sa.Column("pin_hash", sa.LargeBinary(), nullable=True),
        sa.Column("pin_set_at", sa.BigInteger(), nullable=True),
        sa.Column("pin_set_by", sa.Text(), nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("locked_until", sa.BigInteger(), nullable=True),
        sa.Column("last_nonce", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("tries >= 0", name=op.f("ck_member_access_tries_at_least_0")),
        sa.CheckConstraint("last_nonce >= 0", name=op.f("ck_member_access_last_nonce_at_least_0")),
        sa.ForeignKeyConstraint(["member_id"], ["member.member_id"], name=op.f("fk_member_access_member_id")),
        sa.PrimaryKeyConstraint("member_id", name=op.f("pk_member_access")),
    )


def _till_code() -> None:
    op.create_table(
        "till_code",
        sa.Column("code_id", sa.LargeBinary(), nullable=False),
        sa.Column("member_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("merchant_id", sa.BigInteger(), nullable=False),
        sa.Column("purpose", sa.String(8), nullable=False),
        sa.Column("channel", sa.String(8), nullable=False),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("max_value_micros", sa.BigInteger(), nullable=False),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("approved_by", sa.Text(), nullable=True),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("used_at", sa.BigInteger(), nullable=True),
        sa.Column("sends", sa.Integer(), nullable=False),
        sa.Column("send_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("length(code_id) = 16", name=op.f("ck_till_code_code_id_length")),
        sa.CheckConstraint("purpose IN ('spend', 'pin')", name=op.f("ck_till_code_purpose_known")),
        sa.CheckConstraint("channel IN ('phone', 'email', 'desk')", name=op.f("ck_till_code_channel_known")),
        sa.CheckConstraint(
            "state IN ('waiting', 'sent', 'failed', 'shown')", name=op.f("ck_till_code_state_known")
        ),
        sa.CheckConstraint("tries >= 0", name=op.f("ck_till_code_tries_at_least_0")),
        sa.CheckConstraint("sends >= 0", name=op.f("ck_till_code_sends_at_least_0")),
        sa.ForeignKeyConstraint(["member_id"], ["member.member_id"], name=op.f("fk_till_code_member_id")),
        sa.ForeignKeyConstraint(
            ["merchant_id"], ["merchant.merchant_id"], name=op.f("fk_till_code_merchant_id")
        ),
        sa.PrimaryKeyConstraint("code_id", name=op.f("pk_till_code")),
    )
    op.create_index(op.f("ix_till_code_member_id"), "till_code", ["member_id", "made_at"], unique=False)
    op.create_index(op.f("ix_till_code_send_at"), "till_code", ["send_at"], unique=False)


def _sale_attachment() -> None:
    op.create_table(
        "sale_attachment",
        sa.Column("sale_id", sa.LargeBinary(), nullable=False),
        sa.Column("merchant_id", sa.BigInteger(), nullable=False),
        sa.Column("member_id", sa.BigInteger(), nullable=False),
        sa.Column("cashier", sa.String(32), nullable=False),
        sa.Column("terminal_id", sa.String(64), nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("total_minor", sa.BigInteger(), nullable=False),
        sa.Column("sold_at", sa.BigInteger(), nullable=False),
        sa.Column("attached_at", sa.BigInteger(), nullable=False),
        sa.Column("approved_by", sa.String(80), nullable=True),
        sa.CheckConstraint("length(sale_id) = 16", name=op.f("ck_sale_attachment_sale_id_length")),
        sa.CheckConstraint("total_minor >= 0", name=op.f("ck_sale_attachment_total_minor_at_least_0")),
        sa.ForeignKeyConstraint(["sale_id"], ["sale.sale_id"], name=op.f("fk_sale_attachment_sale_id")),
        sa.ForeignKeyConstraint(
            ["member_id"], ["member.member_id"], name=op.f("fk_sale_attachment_member_id")
        ),
        sa.PrimaryKeyConstraint("sale_id", name=op.f("pk_sale_attachment")),
        sqlite_with_rowid=False,
    )
    by_day = ["merchant_id", "day", "cashier", "member_id"]
    op.create_index(op.f("ix_sale_attachment_merchant_id"), "sale_attachment", by_day, unique=False)
    op.create_index(op.f("ix_sale_attachment_member_id"), "sale_attachment", ["member_id"], unique=False)


def _attach_policy() -> None:
    op.create_table(
        "attach_policy",
        sa.Column("merchant_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("within_days", sa.Integer(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("within_days >= 0", name=op.f("ck_attach_policy_within_days_at_least_0")),
        sa.ForeignKeyConstraint(
            ["merchant_id"], ["merchant.merchant_id"], name=op.f("fk_attach_policy_merchant_id")
        ),
        sa.PrimaryKeyConstraint("merchant_id", name=op.f("pk_attach_policy")),
    )


def _staff_link() -> None:
    op.create_table(
        "staff_link",
        sa.Column("merchant_id", sa.BigInteger(), nullable=False),
        sa.Column("cashier", sa.String(32), nullable=False),
        sa.Column("member_id", sa.BigInteger(), nullable=False),
        sa.Column("linked_by", sa.Text(), nullable=False),
        sa.Column("linked_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["merchant_id"], ["merchant.merchant_id"], name=op.f("fk_staff_link_merchant_id")
        ),
        sa.ForeignKeyConstraint(["member_id"], ["member.member_id"], name=op.f("fk_staff_link_member_id")),
        sa.PrimaryKeyConstraint("merchant_id", "cashier", name=op.f("pk_staff_link")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_staff_link_member_id"), "staff_link", ["member_id", "merchant_id"], unique=False)
