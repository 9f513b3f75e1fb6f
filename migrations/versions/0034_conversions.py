"""Points that become points of another programme, and ends of programmes, as the registry has them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0034_conversions"
down_revision = "0033_reserves"


def upgrade() -> None:
    # The registry of an alliance that exists is older than conversions, and no other one follows it.
    op.execute("ALTER TABLE alliance ADD COLUMN converts BOOLEAN DEFAULT false NOT NULL")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE alliance ALTER COLUMN converts DROP DEFAULT")
    _mirror_of_the_chain()
    _mirror_of_the_points_room()


def downgrade() -> None:
    raise RuntimeError("a ledger is not migrated backwards: restore a backup")


def _number(name: str, kind: type[sa.Integer] = sa.Integer) -> sa.Column[int]:
    return sa.Column(name, kind(), autoincrement=False, nullable=False)


def _mirror_of_the_chain() -> None:
    op.create_table(
        "chain_conversion",
        _number("programme_id"),
        _number("target_id"),
        _number("number"),
        _number("effective_from", sa.BigInteger),
        _number("spread_bps"),
        _number("block_number", sa.BigInteger),
        sa.PrimaryKeyConstraint("programme_id", "target_id", "number", name=op.f("pk_chain_conversion")),
    )
    op.create_table(
        "chain_wind_down",
        _number("programme_id"),
        _number("target_id"),
        _number("issues_until", sa.BigInteger),
        _number("ends_at", sa.BigInteger),
        _number("spread_bps"),
        _number("block_number", sa.BigInteger),
        sa.PrimaryKeyConstraint("programme_id", name=op.f("pk_chain_wind_down")),
    )


def _mirror_of_the_points_room() -> None:
    op.create_table(
        "conversion_terms",
        _number("programme_id"),
        _number("target_id"),
        _number("number"),
        _number("effective_from", sa.BigInteger),
        _number("spread_bps"),
        sa.CheckConstraint(
            "spread_bps BETWEEN 0 AND 10000", name=op.f("ck_conversion_terms_spread_is_a_share")
        ),
        sa.CheckConstraint("programme_id <> target_id", name=op.f("ck_conversion_terms_two_programmes")),
        sa.PrimaryKeyConstraint("programme_id", "target_id", "number", name=op.f("pk_conversion_terms")),
    )
    op.create_table(
        "programme_end",
        _number("programme_id"),
        _number("target_id"),
        _number("issues_until", sa.BigInteger),
        _number("ends_at", sa.BigInteger),
        _number("spread_bps"),
        _number("version"),
        _number("point_value_micros", sa.BigInteger),
        _number("fee_bps"),
        _number("validity_epochs"),
        _number("announced_at", sa.BigInteger),
        sa.CheckConstraint("spread_bps BETWEEN 0 AND 9999", name=op.f("ck_programme_end_spread_is_a_share")),
        sa.CheckConstraint("programme_id <> target_id", name=op.f("ck_programme_end_two_programmes")),
        sa.CheckConstraint("issues_until <= ends_at", name=op.f("ck_programme_end_issues_end_first")),
        sa.PrimaryKeyConstraint("programme_id", name=op.f("pk_programme_end")),
    )
