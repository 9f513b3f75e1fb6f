"""Stored-value cards: what was paid for them, on a ledger of money by double entry."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from ledger_service.db.guards import guard_statements

revision = "0068_stored_value"
down_revision = "0067_share_coupons"


def upgrade() -> None:
    _value_card()
    _value_entry()
    _value_hold()
    for statement in guard_statements("value_entry", op.get_bind().dialect.name):
        op.execute(statement)


def _value_card() -> None:
    op.create_table(
        "value_card",
        sa.Column("card_id", sa.LargeBinary(), nullable=False),
        sa.Column("tag", sa.LargeBinary(), nullable=False),
        sa.Column("merchant_id", sa.BigInteger(), nullable=False),
        sa.Column("definition_id", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("holder", sa.BigInteger(), nullable=True),
        sa.Column("pin_hash", sa.LargeBinary(), nullable=True),
        sa.Column("state", sa.String(length=6), nullable=False),
        sa.Column("balance_minor", sa.BigInteger(), nullable=False),
        sa.Column("held_minor", sa.BigInteger(), nullable=False),
        sa.Column("most_minor", sa.BigInteger(), nullable=False),
        sa.Column("entries", sa.Integer(), nullable=False),
        sa.Column("issued_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("changed_by", sa.Text(), nullable=True),
        sa.Column("change_reason", sa.Text(), nullable=True),
        sa.CheckConstraint("state IN ('active', 'frozen')", name=op.f("ck_value_card_state_known")),
        sa.CheckConstraint("balance_minor >= held_minor", name=op.f("ck_value_card_held_within_balance")),
        sa.CheckConstraint("entries >= 0", name=op.f("ck_value_card_entries_at_least_0")),
        sa.CheckConstraint("held_minor >= 0", name=op.f("ck_value_card_held_minor_at_least_0")),
        sa.CheckConstraint("length(card_id) = 16", name=op.f("ck_value_card_card_id_length")),
        sa.CheckConstraint("length(tag) = 16", name=op.f("ck_value_card_tag_length")),
        sa.ForeignKeyConstraint(["holder"], ["member.member_id"], name=op.f("fk_value_card_holder")),
        sa.ForeignKeyConstraint(
            ["merchant_id"], ["merchant.merchant_id"], name=op.f("fk_value_card_merchant_id")
        ),
        sa.PrimaryKeyConstraint("card_id", name=op.f("pk_value_card")),
        sa.UniqueConstraint("tag", name=op.f("uq_value_card_tag")),
    )
    op.create_index("ix_value_card_holder", "value_card", ["holder", "card_id"], unique=False)
    op.create_index("ix_value_card_merchant_id", "value_card", ["merchant_id", "card_id"], unique=False)


def _value_entry() -> None:
    op.create_table(
        "value_entry",
        sa.Column("card_id", sa.LargeBinary(), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("source", sa.String(length=10), nullable=False),
        sa.Column("destination", sa.String(length=10), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("ref", sa.LargeBinary(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("paid_with", sa.Text(), nullable=True),
        sa.Column("store_gln", sa.BigInteger(), nullable=True),
        sa.Column("terminal_id", sa.String(length=64), nullable=False),
        sa.Column("cashier", sa.String(length=32), nullable=True),
        sa.Column("business_day", sa.Integer(), nullable=True),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "(kind = 'issue' AND source = 'tender' AND destination = 'liability')"
            " OR (kind = 'load' AND source = 'tender' AND destination = 'liability')"
            " OR (kind = 'pay' AND source = 'liability' AND destination = 'redemption')"
            " OR (kind = 'return' AND source = 'redemption' AND destination = 'liability')"
            " OR (kind = 'pay-out' AND source = 'liability' AND destination = 'payout')",
            name=op.f("ck_value_entry_sides_of_kind"),
        ),
        sa.CheckConstraint("amount_minor >= 1", name=op.f("ck_value_entry_amount_minor_at_least_1")),
        sa.CheckConstraint("length(ref) = 16", name=op.f("ck_value_entry_ref_length")),
        sa.CheckConstraint("position >= 1", name=op.f("ck_value_entry_position_at_least_1")),
        sa.ForeignKeyConstraint(["card_id"], ["value_card.card_id"], name=op.f("fk_value_entry_card_id")),
        sa.PrimaryKeyConstraint("card_id", "position", name=op.f("pk_value_entry")),
    )
    op.create_index("ix_value_entry_business_day", "value_entry", ["store_gln", "business_day"], unique=False)
    op.create_index("ix_value_entry_ref", "value_entry", ["ref"], unique=False)


def _value_hold() -> None:
    op.create_table(
        "value_hold",
        sa.Column("hold_id", sa.LargeBinary(), nullable=False),
        sa.Column("card_id", sa.LargeBinary(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("left_minor", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("amount_minor >= 1", name=op.f("ck_value_hold_amount_minor_at_least_1")),
        sa.CheckConstraint("left_minor <= amount_minor", name=op.f("ck_value_hold_left_within_amount")),
        sa.CheckConstraint("left_minor >= 0", name=op.f("ck_value_hold_left_minor_at_least_0")),
        sa.CheckConstraint("length(hold_id) = 16", name=op.f("ck_value_hold_hold_id_length")),
        sa.ForeignKeyConstraint(["card_id"], ["value_card.card_id"], name=op.f("fk_value_hold_card_id")),
        sa.PrimaryKeyConstraint("hold_id", "card_id", name=op.f("pk_value_hold")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_value_hold_card_id", "value_hold", ["card_id"], unique=False)


def downgrade() -> None:
    raise RuntimeError("a ledger is not migrated backwards: restore a backup")
