"""Consents and what was read on them; erasures by their instants, and imported sales by member, are found."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from ledger_service.db.guards import guard_statements

revision = "0061_consent"
down_revision = "0046_sharing"
_STANDS = sa.text("revoked_at IS NULL")
_ERASED = sa.text("erased_at IS NOT NULL")


def upgrade() -> None:
    _member_consent()
    _member_read()
    op.create_index(
        "ix_member_erased_at", "member", ["erased_at"], sqlite_where=_ERASED, postgresql_where=_ERASED
    )
    op.create_index("ix_imported_sale_member_id", "imported_sale", ["member_id"], unique=False)
    for statement in guard_statements("member_read", op.get_bind().dialect.name):
        op.execute(statement)


def _member_consent() -> None:
    op.create_table(
        "member_consent",
        sa.Column("consent_id", sa.LargeBinary(), nullable=False),
        sa.Column("member_id", sa.BigInteger(), nullable=False),
        sa.Column("owner_id", sa.BigInteger(), nullable=False),
        sa.Column("reader_id", sa.BigInteger(), nullable=False),
        sa.Column("purpose", sa.String(length=16), nullable=False),
        sa.Column("given_at", sa.BigInteger(), nullable=False),
        sa.Column("given_by", sa.Text(), nullable=False),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.Column("revoked_by", sa.Text(), nullable=True),
        sa.CheckConstraint("length(consent_id) = 16", name=op.f("ck_member_consent_consent_id_length")),
        sa.CheckConstraint(
            "purpose IN ('service', 'analytics', 'marketing', 'research')",
            name=op.f("ck_member_consent_purpose_known"),
        ),
        sa.CheckConstraint("owner_id <> reader_id", name=op.f("ck_member_consent_two_merchants")),
        sa.CheckConstraint(
            "(revoked_at IS NULL) = (revoked_by IS NULL)", name=op.f("ck_member_consent_revoked_by_somebody")
        ),
        sa.ForeignKeyConstraint(
            ["member_id"], ["member.member_id"], name=op.f("fk_member_consent_member_id")
        ),
        sa.ForeignKeyConstraint(
            ["owner_id"], ["merchant.merchant_id"], name=op.f("fk_member_consent_owner_id")
        ),
        sa.ForeignKeyConstraint(
            ["reader_id"], ["merchant.merchant_id"], name=op.f("fk_member_consent_reader_id")
        ),
        sa.PrimaryKeyConstraint("consent_id", name=op.f("pk_member_consent")),
    )
    op.create_index("ix_member_consent_member_id", "member_consent", ["member_id", "given_at"], unique=False)
    op.create_index(
        "uq_member_consent_standing",
        "member_consent",
        ["member_id", "owner_id", "reader_id", "purpose"],
        unique=True,
        sqlite_where=_STANDS,
        postgresql_where=_STANDS,
    )


def _member_read() -> None:
    op.create_table(
        "member_read",
        sa.Column(
            "read_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            sa.Identity(always=False),
            nullable=False,
        ),
        sa.Column("member_id", sa.BigInteger(), nullable=False),
        sa.Column("consent_id", sa.LargeBinary(), nullable=True),
        sa.Column("what", sa.String(length=40), nullable=False),
        sa.Column("by_whom", sa.Text(), nullable=False),
        sa.Column("read_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["consent_id"], ["member_consent.consent_id"], name=op.f("fk_member_read_consent_id")
        ),
        sa.ForeignKeyConstraint(["member_id"], ["member.member_id"], name=op.f("fk_member_read_member_id")),
        sa.PrimaryKeyConstraint("read_id", name=op.f("pk_member_read")),
    )
    op.create_index("ix_member_read_member_id", "member_read", ["member_id", "read_id"], unique=False)
