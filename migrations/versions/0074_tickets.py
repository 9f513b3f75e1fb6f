"""Tickets to events, and what happened to each."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from ledger_service.db.guards import guard_statements

revision = "0074_tickets"
down_revision = "0073_epcis_subscriptions"


def upgrade() -> None:
    _ticket()
    _ticket_entry()
    for statement in guard_statements("ticket_entry", op.get_bind().dialect.name):
        op.execute(statement)


def _ticket() -> None:
    op.create_table(
        "ticket",
        sa.Column("ticket_id", sa.LargeBinary(), nullable=False),
        sa.Column("tag", sa.LargeBinary(), nullable=False),
        sa.Column("merchant_id", sa.BigInteger(), nullable=False),
        sa.Column("definition_id", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("price_minor", sa.BigInteger(), nullable=False),
        sa.Column("paid_with", sa.Text(), nullable=False),
        sa.Column("buyer", sa.BigInteger(), nullable=True),
        sa.Column("holder", sa.BigInteger(), nullable=True),
        sa.Column("gift", sa.String(length=8), nullable=False),
        sa.Column("gifts", sa.Integer(), nullable=False),
        sa.Column("begins_at", sa.BigInteger(), nullable=False),
        sa.Column("over_at", sa.BigInteger(), nullable=False),
        sa.Column("refund_until", sa.BigInteger(), nullable=True),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("sold_at", sa.BigInteger(), nullable=False),
        sa.Column("sold_in", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.Column("entries", sa.Integer(), nullable=False),
        sa.CheckConstraint("state IN ('sold', 'entered', 'refunded')", name=op.f("ck_ticket_state_known")),
        sa.CheckConstraint("over_at > begins_at", name=op.f("ck_ticket_over_after_beginning")),
        sa.CheckConstraint("price_minor >= 1", name=op.f("ck_ticket_price_minor_at_least_1")),
        sa.CheckConstraint("gifts >= 0", name=op.f("ck_ticket_gifts_at_least_0")),
        sa.CheckConstraint("entries >= 1", name=op.f("ck_ticket_entries_at_least_1")),
        sa.CheckConstraint("length(ticket_id) = 16", name=op.f("ck_ticket_ticket_id_length")),
        sa.CheckConstraint("length(tag) = 16", name=op.f("ck_ticket_tag_length")),
        sa.ForeignKeyConstraint(["buyer"], ["member.member_id"], name=op.f("fk_ticket_buyer")),
        sa.ForeignKeyConstraint(["holder"], ["member.member_id"], name=op.f("fk_ticket_holder")),
        sa.ForeignKeyConstraint(
            ["merchant_id"], ["merchant.merchant_id"], name=op.f("fk_ticket_merchant_id")
        ),
        sa.PrimaryKeyConstraint("ticket_id", name=op.f("pk_ticket")),
        sa.UniqueConstraint("tag", name=op.f("uq_ticket_tag")),
    )
    op.create_index("ix_ticket_buyer", "ticket", ["buyer"], unique=False)
    op.create_index("ix_ticket_holder", "ticket", ["holder", "ticket_id"], unique=False)
    op.create_index("ix_ticket_merchant_id", "ticket", ["merchant_id", "ticket_id"], unique=False)


def _ticket_entry() -> None:
    op.create_table(
        "ticket_entry",
        sa.Column("ticket_id", sa.LargeBinary(), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("paid_with", sa.Text(), nullable=True),
        sa.Column("ref", sa.LargeBinary(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("store_gln", sa.BigInteger(), nullable=True),
        sa.Column("terminal_id", sa.String(length=64), nullable=True),
        sa.Column("cashier", sa.String(length=32), nullable=True),
        sa.Column("business_day", sa.Integer(), nullable=True),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "kind IN ('sold', 'given', 'entered', 'refunded')", name=op.f("ck_ticket_entry_kind_known")
        ),
        sa.CheckConstraint(
            "(kind IN ('sold', 'refunded')) = (amount_minor > 0)"
            " AND (amount_minor > 0) = (paid_with IS NOT NULL)",
            name=op.f("ck_ticket_entry_money_of_kind"),
        ),
        sa.CheckConstraint("amount_minor >= 0", name=op.f("ck_ticket_entry_amount_minor_at_least_0")),
        sa.CheckConstraint("length(ref) = 16", name=op.f("ck_ticket_entry_ref_length")),
        sa.CheckConstraint("position >= 1", name=op.f("ck_ticket_entry_position_at_least_1")),
        sa.ForeignKeyConstraint(["ticket_id"], ["ticket.ticket_id"], name=op.f("fk_ticket_entry_ticket_id")),
        sa.PrimaryKeyConstraint("ticket_id", "position", name=op.f("pk_ticket_entry")),
    )
    op.create_index(
        "ix_ticket_entry_business_day", "ticket_entry", ["store_gln", "business_day"], unique=False
    )


def downgrade() -> None:
    raise RuntimeError("a ledger is not migrated backwards: restore a backup")
