"""Terms of pairs of merchants: what the registry says of them, mirrored twice; and whether it takes any."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0023_pair_terms"
down_revision = "0022_archive"


def upgrade() -> None:
    # The registry of an alliance that exists is older than terms of pairs, and no other one follows it.
    op.execute("ALTER TABLE alliance ADD COLUMN pairs BOOLEAN DEFAULT false NOT NULL")
    op.execute("ALTER TABLE chain_terms ADD COLUMN acceptor BIGINT DEFAULT 0 NOT NULL")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE alliance ALTER COLUMN pairs DROP DEFAULT")
        op.execute("ALTER TABLE chain_terms ALTER COLUMN acceptor DROP DEFAULT")
    make_pair_terms()


def downgrade() -> None:
    raise RuntimeError("a ledger is not migrated backwards: restore a backup")


def make_pair_terms() -> None:
    op.create_table(
        "pair_terms",
        sa.Column("programme_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("acceptor", sa.BigInteger(), nullable=False),
        sa.Column("effective_from", sa.BigInteger(), nullable=False),
        sa.Column("point_value_micros", sa.BigInteger(), nullable=False),
        sa.Column("fee_bps", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "point_value_micros >= 0", name=op.f("ck_pair_terms_point_value_micros_at_least_0")
        ),
        sa.CheckConstraint("fee_bps BETWEEN 0 AND 10000", name=op.f("ck_pair_terms_fee_is_a_share")),
        sa.PrimaryKeyConstraint("programme_id", "version", name=op.f("pk_pair_terms")),
    )
