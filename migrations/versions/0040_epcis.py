"""EPCIS events as they were told, where their things are looked up, what contradicts, capture jobs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from ledger_service.db.guards import guard_statements

revision = "0040_epcis"
down_revision = "0037_coupon_definitions"


def upgrade() -> None:
    _event()
    op.create_table(
        "epcis_event_epc",
        sa.Column("epc_key", sa.LargeBinary(), nullable=False),
        sa.Column("event_time", sa.BigInteger(), nullable=False),
        sa.Column("event_seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("role", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("deed", sa.SmallInteger(), nullable=False),
        sa.Column("parent", sa.LargeBinary(), nullable=True),
        sa.Column("voids", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint(
            "epc_key", "event_time", "event_seq", "role", name=op.f("pk_epcis_event_epc")
        ),
        sqlite_with_rowid=False,
    )
    _finding()
    op.create_table(
        "epcis_capture_job",
        sa.Column("job_id", sa.LargeBinary(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("behaviour", sa.String(length=8), nullable=False),
        sa.Column("event_count", sa.BigInteger(), nullable=False),
        sa.Column("stored_count", sa.BigInteger(), nullable=False),
        sa.Column("errors", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("finished_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "behaviour IN ('rollback', 'proceed')", name=op.f("ck_epcis_capture_job_behaviour_known")
        ),
        sa.PrimaryKeyConstraint("job_id", name=op.f("pk_epcis_capture_job")),
    )
    op.create_index("ix_epcis_capture_job_subject", "epcis_capture_job", ["subject", "created_at"])
    for table in ("epcis_event", "epcis_event_epc", "epcis_finding"):
        for statement in guard_statements(table, op.get_bind().dialect.name):
            op.execute(statement)


def downgrade() -> None:
    raise RuntimeError("a ledger is not migrated backwards: restore a backup")


def _event() -> None:
    op.create_table(
        "epcis_event",
        sa.Column("event_seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("hash_version", sa.String(length=16), nullable=False),
        sa.Column("declares", sa.Boolean(), nullable=False),
        sa.Column("given_id", sa.Text(), nullable=True),
        sa.Column("merchant_id", sa.BigInteger(), nullable=True),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("action", sa.String(length=7), nullable=True),
        sa.Column("event_time", sa.BigInteger(), nullable=False),
        sa.Column("record_time", sa.BigInteger(), nullable=False),
        sa.Column("biz_step", sa.Text(), nullable=True),
        sa.Column("disposition", sa.Text(), nullable=True),
        sa.Column("read_point", sa.Text(), nullable=True),
        sa.Column("biz_location", sa.Text(), nullable=True),
        sa.Column("transformation_id", sa.Text(), nullable=True),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("length(hash) = 32", name=op.f("ck_epcis_event_hash_length")),
        sa.ForeignKeyConstraint(
            ["merchant_id"], ["merchant.merchant_id"], name=op.f("fk_epcis_event_merchant_id")
        ),
        sa.PrimaryKeyConstraint("event_seq", name=op.f("pk_epcis_event")),
        sa.UniqueConstraint("hash", "declares", name="uq_epcis_event_hash"),
    )
    given = sa.text("given_id IS NOT NULL")
    op.create_index(
        "uq_epcis_event_given_id",
        "epcis_event",
        ["given_id", "declares"],
        unique=True,
        sqlite_where=given,
        postgresql_where=given,
    )
    op.create_index("ix_epcis_event_merchant_id", "epcis_event", ["merchant_id", "event_time"])
    op.create_index("ix_epcis_event_event_time", "epcis_event", ["event_time"])
    op.create_index("ix_epcis_event_record_time", "epcis_event", ["record_time"])


def _finding() -> None:
    op.create_table(
        "epcis_finding",
        sa.Column("event_seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("epc_key", sa.LargeBinary(), nullable=False),
        sa.Column("code", sa.String(length=24), nullable=False),
        sa.Column("epc", sa.Text(), nullable=False),
        sa.Column("other_seq", sa.BigInteger(), nullable=True),
        sa.Column("noted_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("event_seq", "epc_key", "code", name=op.f("pk_epcis_finding")),
    )
    op.create_index("ix_epcis_finding_noted_at", "epcis_finding", ["noted_at"])
