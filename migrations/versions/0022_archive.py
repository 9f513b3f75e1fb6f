"""What ages: fewer and smaller B-trees for a sale to touch, and what is over moves into files.

Of entries and postings the database lets go of what a chapter of an archive holds, and of nothing else.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0022_archive"
down_revision = "0021_risk"

FIRST_SYSTEM_ACCOUNT = 1 << 51
ANSWER = ("subject", "key", "body_hash", "status", "response", "created_at")


ARCHIVED = "(SELECT COALESCE(MAX(last_sequence), 0) FROM archive_chapter WHERE kind = 'entries')"
FUNCTION = f"""
CREATE OR REPLACE FUNCTION refuse_unarchived() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
 IF TG_OP = 'DELETE' THEN IF OLD.sequence <= {ARCHIVED} THEN RETURN OLD; END IF; END IF;
 RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$
"""


def upgrade() -> None:
    sqlite = op.get_bind().dialect.name == "sqlite"
    _smaller_indexes()
    if sqlite:
        _answers_with_row_ids()
    _archive()
    _archive_chapter()
    _carried()
    op.add_column("pending_issue", sa.Column("archived", sa.SmallInteger(), nullable=True))
    _guards(sqlite)


def downgrade() -> None:
    raise RuntimeError("a ledger is not migrated backwards: restore a backup")


def _smaller_indexes() -> None:
    op.drop_index("ix_entry_occurred_at", table_name="entry")
    for side in ("source_id", "destination_id"):
        name = f"ix_posting_{side}_sequence"
        op.drop_index(name, table_name="posting")
        _partial(name, "posting", [side, "sequence"], f"{side} < {FIRST_SYSTEM_ACCOUNT}")
    op.drop_index("ix_intent_state", table_name="intent")
    _partial("ix_intent_open", "intent", ["state", "later", "intent_id"], "state <> 'final'")
    op.drop_index("ix_intent_batch", table_name="intent")
    _partial("ix_intent_batch", "intent", ["batch_number", "batch_index"], "batch_number IS NOT NULL")


def _partial(name: str, table: str, columns: list[str], where: str) -> None:
    op.create_index(name, table, columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))


def _answers_with_row_ids() -> None:
    op.rename_table("idempotency", "idempotency_before")
    op.create_table(
        "idempotency",
        sa.Column("subject", sa.String(length=80), nullable=False),
        sa.Column("key", sa.String(length=128), nullable=False),
        sa.Column("body_hash", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.SmallInteger(), nullable=False),
        sa.Column("response", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("subject", "key", name=op.f("pk_idempotency")),
    )
    columns = ", ".join(ANSWER)
    op.execute(f"INSERT INTO idempotency ({columns}) SELECT {columns} FROM idempotency_before")
    op.drop_table("idempotency_before")


def _archive() -> None:
    op.create_table(
        "archive",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("file", sa.Text(), nullable=False),
        sa.Column("before", sa.BigInteger(), nullable=False),
        sa.Column("byte_count", sa.BigInteger(), nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=True),
        sa.Column("begun_at", sa.BigInteger(), nullable=False),
        sa.Column("sealed_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("number >= 1", name=op.f("ck_archive_number_at_least_1")),
        sa.CheckConstraint("byte_count >= 0", name=op.f("ck_archive_byte_count_at_least_0")),
        sa.CheckConstraint("length(root) = 32", name=op.f("ck_archive_root_length")),
        sa.CheckConstraint(
            "(root IS NULL) = (sealed_at IS NULL)", name=op.f("ck_archive_sealed_with_root")
        ),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_archive")),
        sa.UniqueConstraint("file", name=op.f("uq_archive_file")),
    )


def _archive_chapter() -> None:
    numbers = ("first_sequence", "last_sequence", "occurred_until", "recorded_until", "at_byte")
    op.create_table(
        "archive_chapter",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("archive", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("records", sa.Integer(), nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in numbers),
        sa.Column("byte_count", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint(
            "kind IN ('entries', 'answers', 'sales')", name=op.f("ck_archive_chapter_kind_known")
        ),
        sa.CheckConstraint("length(sha256) = 32", name=op.f("ck_archive_chapter_sha256_length")),
        sa.CheckConstraint("number >= 1", name=op.f("ck_archive_chapter_number_at_least_1")),
        sa.CheckConstraint("records >= 1", name=op.f("ck_archive_chapter_records_at_least_1")),
        sa.CheckConstraint("at_byte >= 0", name=op.f("ck_archive_chapter_at_byte_at_least_0")),
        sa.CheckConstraint("byte_count >= 1", name=op.f("ck_archive_chapter_byte_count_at_least_1")),
        sa.ForeignKeyConstraint(["archive"], ["archive.number"], name=op.f("fk_archive_chapter_archive")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_archive_chapter")),
    )
    op.create_index(op.f("ix_archive_chapter_archive"), "archive_chapter", ["archive"])
    op.create_index("ix_archive_chapter_kind", "archive_chapter", ["kind", "last_sequence"])


def _carried() -> None:
    wide, narrow = ("source_id", "destination_id"), ("programme_id", "epoch")
    op.create_table(
        "carried",
        *(sa.Column(name, sa.BigInteger(), autoincrement=False, nullable=False) for name in wide),
        *(sa.Column(name, sa.Integer(), autoincrement=False, nullable=False) for name in narrow),
        sa.Column("imported", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("amount >= 1", name=op.f("ck_carried_amount_at_least_1")),
        sa.CheckConstraint("epoch >= 0", name=op.f("ck_carried_epoch_at_least_0")),
        sa.CheckConstraint("imported IN (0, 1)", name=op.f("ck_carried_imported_or_not")),
        sa.CheckConstraint("source_id <> destination_id", name=op.f("ck_carried_two_accounts")),
        sa.PrimaryKeyConstraint(*wide, *narrow, "imported", name=op.f("pk_carried")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_carried_destination_id"), "carried", ["destination_id"])


def _guards(sqlite: bool) -> None:
    if sqlite:
        for act in ("update", "delete"):
            op.execute(_sqlite_guard("archive_chapter", act, ""))
        for table in ("entry", "posting"):
            op.execute(f"DROP TRIGGER {table}_refuse_delete")
            op.execute(_sqlite_guard(table, "delete", f" WHEN OLD.sequence > {ARCHIVED}"))
        return
    op.get_bind().exec_driver_sql(FUNCTION.replace("%", "%%"))
    _postgres_guard("archive_chapter", "refuse_rewrite")
    op.execute("CREATE TRIGGER archive_chapter_refuse_truncate BEFORE TRUNCATE ON archive_chapter"
               " FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewrite()")  # fmt: skip
    for table in ("entry", "posting"):
        op.execute(f"DROP TRIGGER {table}_refuse_rewrite ON {table}")
        _postgres_guard(table, "refuse_unarchived")


def _sqlite_guard(table: str, act: str, when: str) -> str:
    return (f"CREATE TRIGGER {table}_refuse_{act} BEFORE {act.upper()} ON {table}{when}"
            f" BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END")  # fmt: skip


def _postgres_guard(table: str, function: str) -> None:
    op.execute(f"CREATE TRIGGER {table}_refuse_rewrite BEFORE UPDATE OR DELETE ON {table}"
               f" FOR EACH ROW EXECUTE FUNCTION {function}()")  # fmt: skip
