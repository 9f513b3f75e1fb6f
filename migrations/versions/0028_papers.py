"""Papers of settlement periods are written once, with which bytes a lock says; and whose each store is."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from ledger_service.db.guards import guard_statements

revision = "0028_papers"
down_revision = "0024_settlement_basis"


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
    _owner()
    _store_owner()
    for table in ("settlement_paper", "owner", "store_owner"):
        for statement in guard_statements(table, op.get_bind().dialect.name):
            op.execute(statement)


def downgrade() -> None:
    raise RuntimeError("a ledger is not migrated backwards: restore a backup")


def _owner() -> None:
    op.create_table(
        "owner",
        sa.Column("owner_id", sa.String(length=16), nullable=False),
        sa.Column("merchant_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("tax_number", sa.Text(), nullable=False),
        sa.Column("iban", sa.String(length=34), nullable=True),
        sa.Column("bank_code", sa.String(length=11), nullable=True),
        sa.Column("account_number", sa.String(length=34), nullable=True),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "(iban IS NULL) = (account_number IS NOT NULL)", name=op.f("ck_owner_one_account")
        ),
        sa.CheckConstraint(
            "(account_number IS NULL) = (bank_code IS NULL)", name=op.f("ck_owner_account_with_bank")
        ),
        sa.ForeignKeyConstraint(["merchant_id"], ["merchant.merchant_id"], name=op.f("fk_owner_merchant_id")),
        sa.PrimaryKeyConstraint("owner_id", name=op.f("pk_owner")),
    )
    op.create_index("ix_owner_merchant_id", "owner", ["merchant_id"])


def _store_owner() -> None:
    op.create_table(
        "store_owner",
        sa.Column("store_gln", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("effective_from", sa.BigInteger(), nullable=False),
        sa.Column("owner_id", sa.String(length=16), nullable=False),
        sa.Column("share_bps", sa.Integer(), nullable=False),
        sa.Column("set_by", sa.Text(), nullable=False),
        sa.Column("set_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("share_bps >= 1", name=op.f("ck_store_owner_share_bps_at_least_1")),
        sa.ForeignKeyConstraint(["store_gln"], ["store.gln"], name=op.f("fk_store_owner_store_gln")),
        sa.ForeignKeyConstraint(["owner_id"], ["owner.owner_id"], name=op.f("fk_store_owner_owner_id")),
        sa.PrimaryKeyConstraint(
            "store_gln", "effective_from", "owner_id", name=op.f("pk_store_owner")
        ),
    )
