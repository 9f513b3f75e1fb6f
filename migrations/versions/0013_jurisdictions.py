"""Whose law the terms of a programme keep to."""

from __future__ import annotations

from alembic import op

revision = "0013_jurisdictions"
down_revision = "0012_expiry_notices"


def upgrade() -> None:
    op.execute(
        "ALTER TABLE programme ADD COLUMN jurisdiction VARCHAR(8) DEFAULT 'none' NOT NULL"
        " CONSTRAINT ck_programme_jurisdiction_known CHECK (jurisdiction IN ('none', 'CA-ON', 'CA-QC'))"
    )
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE programme ALTER COLUMN jurisdiction DROP DEFAULT")


def downgrade() -> None:
    raise RuntimeError("a ledger is not migrated backwards: restore a backup")
