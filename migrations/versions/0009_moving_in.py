"""Imports of running programmes; cards and preferences; intents that go to the chain behind all others."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009_moving_in"
down_revision = "0008_limits"


def upgrade() -> None:
    op.create_table(
        "imported_history",
        sa.Column("member_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("row_key", sa.LargeBinary(), nullable=False),
        sa.Column("import_id", sa.LargeBinary(), nullable=False),
        sa.Column("programme_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("points", sa.BigInteger(), nullable=False),
        sa.Column("occurred_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("member_id", "row_key", name=op.f("pk_imported_history")),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_imported_history_member_id", "imported_history", ["member_id", "occurred_at"], unique=False
    )
    op.create_table(
        "moved_lot",
        sa.Column("member_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("row_key", sa.LargeBinary(), nullable=False),
        sa.Column("import_id", sa.LargeBinary(), nullable=False),
        sa.Column("programme_id", sa.Integer(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("points", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("points >= 1", name=op.f("ck_moved_lot_points_at_least_1")),
        sa.PrimaryKeyConstraint("member_id", "row_key", name=op.f("pk_moved_lot")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "moved_member",
        sa.Column("import_id", sa.LargeBinary(), nullable=False),
        sa.Column("member_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("import_id", "member_id", name=op.f("pk_moved_member")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "moving_in",
        sa.Column("import_id", sa.LargeBinary(), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("source", sa.String(length=32), nullable=False),
        sa.Column("manifest", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("step", sa.BigInteger(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("checked_at", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "state IN ('checked', 'loading', 'loaded', 'cutting', 'cut_over', 'undoing', 'rolled_back')",
            name=op.f("ck_moving_in_state_known"),
        ),
        sa.CheckConstraint("length(import_id) = 16", name=op.f("ck_moving_in_import_id_length")),
        sa.CheckConstraint("step >= 0", name=op.f("ck_moving_in_step_at_least_0")),
        sa.PrimaryKeyConstraint("import_id", name=op.f("pk_moving_in")),
        sa.UniqueConstraint("name", name=op.f("uq_moving_in_name")),
    )
    op.create_table(
        "imported_sale",
        sa.Column("sale_id", sa.LargeBinary(), nullable=False),
        sa.Column("merchant_id", sa.BigInteger(), nullable=False),
        sa.Column("member_id", sa.BigInteger(), nullable=True),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("total_minor", sa.BigInteger(), nullable=False),
        sa.Column("occurred_at", sa.BigInteger(), nullable=False),
        sa.Column("import_id", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("length(sale_id) = 16", name=op.f("ck_imported_sale_sale_id_length")),
        sa.CheckConstraint("total_minor >= 0", name=op.f("ck_imported_sale_total_minor_at_least_0")),
        sa.ForeignKeyConstraint(["member_id"], ["member.member_id"], name=op.f("fk_imported_sale_member_id")),
        sa.PrimaryKeyConstraint("sale_id", name=op.f("pk_imported_sale")),
    )
    op.create_index("ix_imported_sale_import_id", "imported_sale", ["import_id"], unique=False)
    op.create_table(
        "member_card",
        sa.Column("number_hash", sa.LargeBinary(), nullable=False),
        sa.Column("member_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("number_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["member_id"], ["member.member_id"], name=op.f("fk_member_card_member_id")),
        sa.PrimaryKeyConstraint("number_hash", name=op.f("pk_member_card")),
    )
    op.create_index(op.f("ix_member_card_member_id"), "member_card", ["member_id"], unique=False)
    op.create_table(
        "member_preference",
        sa.Column(
            "member_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("language", sa.Text(), nullable=True),
        sa.Column("consents", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["member_id"], ["member.member_id"], name=op.f("fk_member_preference_member_id")
        ),
        sa.PrimaryKeyConstraint("member_id", name=op.f("pk_member_preference")),
    )
    op.create_table(
        "moving_in_file",
        sa.Column("import_id", sa.LargeBinary(), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("rows_done", sa.BigInteger(), nullable=False),
        sa.Column("checked", sa.Text(), nullable=False),
        sa.Column("loaded", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "kind IN ('members', 'cards', 'lots', 'history', 'sales')",
            name=op.f("ck_moving_in_file_kind_known"),
        ),
        sa.CheckConstraint("length(digest) = 32", name=op.f("ck_moving_in_file_digest_length")),
        sa.CheckConstraint("rows_done >= 0", name=op.f("ck_moving_in_file_rows_done_at_least_0")),
        sa.ForeignKeyConstraint(
            ["import_id"], ["moving_in.import_id"], name=op.f("fk_moving_in_file_import_id")
        ),
        sa.PrimaryKeyConstraint("import_id", "kind", name=op.f("pk_moving_in_file")),
    )
    op.create_table(
        "moving_in_reject",
        sa.Column("import_id", sa.LargeBinary(), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("line", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("field", sa.String(length=64), nullable=False),
        sa.Column("code", sa.String(length=48), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["import_id"], ["moving_in.import_id"], name=op.f("fk_moving_in_reject_import_id")
        ),
        sa.PrimaryKeyConstraint("import_id", "kind", "line", name=op.f("pk_moving_in_reject")),
        sqlite_with_rowid=False,
    )
    op.add_column("intent", sa.Column("later", sa.SmallInteger(), nullable=True))
    op.drop_index(op.f("ix_intent_state"), table_name="intent")
    op.create_index("ix_intent_state", "intent", ["state", "later", "intent_id"], unique=False)


def downgrade() -> None:
    raise RuntimeError("a ledger is not migrated backwards: restore a backup")
