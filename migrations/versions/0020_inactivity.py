"""Points that lapse through inactivity, and extensions: what counts, how far the job has looked, what lot."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020_inactivity"
down_revision = "0019_households"


def upgrade() -> None:
    op.add_column("programme", sa.Column("inactivity", sa.Text(), nullable=True))
    op.add_column("adjustment", sa.Column("epoch", sa.Integer(), nullable=True))
    op.add_column("adjustment", sa.Column("into_epoch", sa.Integer(), nullable=True))
    # The house of an alliance that exists is older than extensions; its next one takes them.
    op.execute("ALTER TABLE alliance ADD COLUMN extends BOOLEAN DEFAULT false NOT NULL")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE alliance ALTER COLUMN extends DROP DEFAULT")
    make_extension_run()


def downgrade() -> None:
    raise RuntimeError("a ledger is not migrated backwards: restore a backup")


def make_extension_run() -> None:
    op.create_table(
        "extension_run",
        sa.Column("programme_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("epoch", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("days_before", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("last_member_id", sa.BigInteger(), nullable=False),
        sa.Column("done", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["programme_id"], ["programme.programme_id"], name=op.f("fk_extension_run_programme_id")
        ),
        sa.PrimaryKeyConstraint("programme_id", "epoch", "days_before", name=op.f("pk_extension_run")),
        sqlite_with_rowid=False,
    )
