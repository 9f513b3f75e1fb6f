"""A sale may say how it was paid and which invoice it has; merchants publish how they take goods back."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014_tenders"
down_revision = "0013_jurisdictions"


def upgrade() -> None:
    op.add_column("sale", sa.Column("tenders", sa.Text(), nullable=True))
    _return_policy()
    _unreceipted_return()
    _invoice()


def downgrade() -> None:
    raise RuntimeError("a ledger is not migrated backwards: restore a backup")


def _return_policy() -> None:
    op.create_table(
        "return_policy",
        sa.Column("merchant_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["merchant_id"], ["merchant.merchant_id"], name=op.f("fk_return_policy_merchant_id")
        ),
        sa.PrimaryKeyConstraint("merchant_id", name=op.f("pk_return_policy")),
    )


def _unreceipted_return() -> None:
    op.create_table(
        "unreceipted_return",
        sa.Column("return_id", sa.LargeBinary(), nullable=False),
        sa.Column("merchant_id", sa.BigInteger(), nullable=False),
        sa.Column("member_id", sa.BigInteger(), nullable=False),
        sa.Column("terminal_id", sa.String(64), nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("occurred_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("length(return_id) = 16", name=op.f("ck_unreceipted_return_return_id_length")),
        sa.ForeignKeyConstraint(
            ["member_id"], ["member.member_id"], name=op.f("fk_unreceipted_return_member_id")
        ),
        sa.PrimaryKeyConstraint("return_id", name=op.f("pk_unreceipted_return")),
    )
    op.create_index(
        op.f("ix_unreceipted_return_member_id"),
        "unreceipted_return",
        ["member_id", "merchant_id", "day"],
        unique=False,
    )


def _invoice() -> None:
    op.create_table(
        "invoice",
        sa.Column("merchant_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("number", sa.String(20), nullable=False),
        sa.Column("scheme", sa.String(2), nullable=False),
        sa.Column("paper", sa.String(9), nullable=False),
        sa.Column("period", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("sale_id", sa.LargeBinary(), nullable=False),
        sa.Column("refund_id", sa.LargeBinary(), nullable=True),
        sa.Column("carrier", sa.String(20), nullable=False),
        sa.Column("carrier_id", sa.String(64), nullable=False),
        sa.CheckConstraint("scheme IN ('tw', 'cn')", name=op.f("ck_invoice_scheme_known")),
        sa.CheckConstraint("paper IN ('invoice', 'allowance')", name=op.f("ck_invoice_paper_known")),
        sa.ForeignKeyConstraint(["sale_id"], ["sale.sale_id"], name=op.f("fk_invoice_sale_id")),
        sa.ForeignKeyConstraint(["refund_id"], ["refund.refund_id"], name=op.f("fk_invoice_refund_id")),
        sa.PrimaryKeyConstraint(
            "merchant_id", "number", "scheme", "paper", "period", name=op.f("pk_invoice")
        ),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_invoice_sale_id"), "invoice", ["sale_id"], unique=False)
