"""Consents and readings, segments and tags; erasures by instant and imported sales by member are found."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from ledger_service.db.guards import guard_statements

revision = "0061_consent"
down_revision = "0063_logins"
_STANDS = sa.text("revoked_at IS NULL")
_ERASED = sa.text("erased_at IS NOT NULL")


def upgrade() -> None:
    _member_consent()
    _member_read()
    _segment()
    _segment_member()
    op.create_index(
        "ix_member_erased_at", "member", ["erased_at"], sqlite_where=_ERASED, postgresql_where=_ERASED
    )
    op.create_index("ix_imported_sale_member_id", "imported_sale", ["member_id"], unique=False)
    for table in ("member_read", "segment_version"):
        for statement in guard_statements(table, op.get_bind().dialect.name):
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


def _segment() -> None:
    op.create_table(
        "segment",
        sa.Column("segment_id", sa.LargeBinary(), nullable=False),
        sa.Column("merchant_id", sa.BigInteger(), nullable=False),
        sa.Column("code", sa.String(length=32), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=True),
        sa.Column("counted_at", sa.BigInteger(), nullable=True),
        sa.Column("size", sa.Integer(), nullable=True),
        sa.CheckConstraint("length(segment_id) = 16", name=op.f("ck_segment_segment_id_length")),
        sa.CheckConstraint("version >= 0", name=op.f("ck_segment_version_at_least_0")),
        sa.ForeignKeyConstraint(
            ["merchant_id"], ["merchant.merchant_id"], name=op.f("fk_segment_merchant_id")
        ),
        sa.PrimaryKeyConstraint("segment_id", name=op.f("pk_segment")),
        sa.UniqueConstraint("merchant_id", "code", name=op.f("uq_segment_merchant_id_code")),
    )
    op.create_index("ix_segment_due_at", "segment", ["due_at"], unique=False)
    op.create_table(
        "segment_version",
        sa.Column("segment_id", sa.LargeBinary(), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("written_by", sa.Text(), nullable=False),
        sa.Column("written_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["segment_id"], ["segment.segment_id"], name=op.f("fk_segment_version_segment_id")
        ),
        sa.PrimaryKeyConstraint("segment_id", "version", name=op.f("pk_segment_version")),
    )


def _segment_member() -> None:
    op.create_table(
        "segment_member",
        sa.Column("segment_id", sa.LargeBinary(), nullable=False),
        sa.Column("member_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("until IS NULL OR until > since", name=op.f("ck_segment_member_ends_later")),
        sa.ForeignKeyConstraint(
            ["member_id"], ["member.member_id"], name=op.f("fk_segment_member_member_id")
        ),
        sa.ForeignKeyConstraint(
            ["segment_id"], ["segment.segment_id"], name=op.f("fk_segment_member_segment_id")
        ),
        sa.PrimaryKeyConstraint("segment_id", "member_id", "since", name=op.f("pk_segment_member")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_segment_member_member_id", "segment_member", ["member_id"], unique=False)
    op.create_table(
        "member_tag",
        sa.Column("merchant_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("member_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("tag", sa.String(length=32), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("until IS NULL OR until > since", name=op.f("ck_member_tag_ends_later")),
        sa.ForeignKeyConstraint(["member_id"], ["member.member_id"], name=op.f("fk_member_tag_member_id")),
        sa.ForeignKeyConstraint(
            ["merchant_id"], ["merchant.merchant_id"], name=op.f("fk_member_tag_merchant_id")
        ),
        sa.PrimaryKeyConstraint("merchant_id", "member_id", "tag", "since", name=op.f("pk_member_tag")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_member_tag_member_id", "member_tag", ["member_id"], unique=False)
