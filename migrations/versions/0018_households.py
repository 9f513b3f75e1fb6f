"""Households: accounts of several members' devices, their mates, rights, gifts and parts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from ledger_service.db.guards import guard_statements

revision = "0018_households"
down_revision = "0015_founding_keys"


def upgrade() -> None:
    op.add_column("member", sa.Column("household", sa.Boolean(), nullable=True))
    make_household()
    make_mate()
    make_key()
    make_gift()
    make_due()
    make_event()


def downgrade() -> None:
    raise RuntimeError("a ledger is not migrated backwards: restore a backup")


def make_household() -> None:
    op.create_table(
        "household",
        _id("household_id"),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("parting", sa.String(length=8), nullable=False),
        sa.Column("timezone", sa.Text(), nullable=False),
        sa.Column("heir", sa.BigInteger(), nullable=True),
        sa.Column("heir_asked_by", sa.Text(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        _known("household", "state", ("open", "closing", "closed")),
        _known("household", "parting", ("own-part", "stays")),
        sa.ForeignKeyConstraint(["heir"], ["member.member_id"], name=op.f("fk_household_heir")),
        sa.ForeignKeyConstraint(
            ["household_id"], ["member.member_id"], name=op.f("fk_household_household_id")
        ),
        sa.PrimaryKeyConstraint("household_id", name=op.f("pk_household")),
    )


def make_mate() -> None:
    op.create_table(
        "household_mate",
        _id("household_id"),
        _id("member_id"),
        sa.Column("role", sa.String(length=5), nullable=False),
        sa.Column("state", sa.String(length=7), nullable=False),
        sa.Column("spends", sa.String(length=5), nullable=False),
        sa.Column("limit_micros", sa.BigInteger(), nullable=True),
        sa.Column("used_micros", sa.BigInteger(), nullable=False),
        sa.Column("used_period", sa.String(length=10), nullable=False),
        sa.Column("sees_balances", sa.Boolean(), nullable=False),
        sa.Column("shows_baskets", sa.Boolean(), nullable=False),
        sa.Column("frozen_at", sa.BigInteger(), nullable=True),
        sa.Column("invited_at", sa.BigInteger(), nullable=False),
        sa.Column("joined_at", sa.BigInteger(), nullable=True),
        sa.Column("left_at", sa.BigInteger(), nullable=True),
        _known("household_mate", "role", ("owner", "mate")),
        _known("household_mate", "state", ("invited", "in", "parting", "out")),
        _known("household_mate", "spends", ("none", "day", "month", "all")),
        sa.CheckConstraint("used_micros >= 0", name=op.f("ck_household_mate_used_micros_at_least_0")),
        sa.CheckConstraint(
            "(spends IN ('day', 'month')) = (limit_micros IS NOT NULL)",
            name=op.f("ck_household_mate_limited_by_something"),
        ),
        *_parents("household_mate"),
        sa.PrimaryKeyConstraint("household_id", "member_id", name=op.f("pk_household_mate")),
    )
    inside, owns = sa.text("state = 'in'"), sa.text("state = 'in' AND role = 'owner'")
    op.create_index(
        "uq_household_mate_in", "household_mate", ["member_id"], unique=True, sqlite_where=inside,
        postgresql_where=inside,
    )  # fmt: skip
    op.create_index(
        "uq_household_mate_owner", "household_mate", ["household_id"], unique=True, sqlite_where=owns,
        postgresql_where=owns,
    )  # fmt: skip
    op.create_index("ix_household_mate_member_id", "household_mate", ["member_id"], unique=False)


def make_key() -> None:
    op.create_table(
        "household_key",
        _id("device_id"),
        sa.Column("household_id", _int64(), nullable=False),
        sa.Column("member_id", _int64(), nullable=False),
        sa.Column("own_device_id", _int64(), nullable=False),
        sa.ForeignKeyConstraint(["device_id"], ["device.device_id"], name=op.f("fk_household_key_device_id")),
        sa.ForeignKeyConstraint(
            ["own_device_id"], ["device.device_id"], name=op.f("fk_household_key_own_device_id")
        ),
        *_parents("household_key"),
        sa.PrimaryKeyConstraint("device_id", name=op.f("pk_household_key")),
    )
    op.create_index(op.f("ix_household_key_household_id"), "household_key", ["household_id"], unique=False)
    op.create_index(op.f("ix_household_key_own_device_id"), "household_key", ["own_device_id"], unique=False)


def make_gift() -> None:
    op.create_table(
        "household_gift",
        sa.Column("op_id", sa.LargeBinary(), nullable=False),
        sa.Column("epoch", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("household_id", _int64(), nullable=False),
        sa.Column("member_id", _int64(), nullable=False),
        sa.Column("programme_id", sa.BigInteger(), nullable=False),
        sa.Column("points", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("length(op_id) = 16", name=op.f("ck_household_gift_op_id_length")),
        sa.CheckConstraint("points <> 0", name=op.f("ck_household_gift_points_not_zero")),
        *_parents("household_gift"),
        sa.PrimaryKeyConstraint("op_id", "epoch", name=op.f("pk_household_gift")),
    )
    op.create_index("ix_household_gift_mate", "household_gift", ["household_id", "member_id"], unique=False)
    _guard("household_gift")


def make_due() -> None:
    op.create_table(
        "household_due",
        _id("household_id"),
        _id("member_id"),
        sa.Column("programme_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("epoch", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("points", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("points >= 0", name=op.f("ck_household_due_points_at_least_0")),
        *_parents("household_due"),
        sa.PrimaryKeyConstraint(
            "household_id", "member_id", "programme_id", "epoch", name=op.f("pk_household_due")
        ),
    )
    op.create_index("ix_household_due_until", "household_due", ["until"], unique=False)


def make_event() -> None:
    op.create_table(
        "household_event",
        _id("household_id"),
        sa.Column("position", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("member_id", sa.BigInteger(), nullable=True),
        sa.Column("by_whom", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["household_id"], ["household.household_id"], name=op.f("fk_household_event_household_id")
        ),
        sa.PrimaryKeyConstraint("household_id", "position", name=op.f("pk_household_event")),
    )
    _guard("household_event")


def _int64() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _id(name: str) -> sa.Column[int]:
    return sa.Column(name, _int64(), autoincrement=False, nullable=False)


def _parents(table: str) -> list[sa.ForeignKeyConstraint]:
    return [
        sa.ForeignKeyConstraint(
            ["household_id"], ["household.household_id"], name=op.f(f"fk_{table}_household_id")
        ),
        sa.ForeignKeyConstraint(["member_id"], ["member.member_id"], name=op.f(f"fk_{table}_member_id")),
    ]


def _known(table: str, column: str, values: tuple[str, ...]) -> sa.CheckConstraint:
    listed = ", ".join(f"'{value}'" for value in values)
    return sa.CheckConstraint(f"{column} IN ({listed})", name=op.f(f"ck_{table}_{column}_known"))


def _guard(table: str) -> None:
    for statement in guard_statements(table, op.get_bind().dialect.name):
        op.get_bind().exec_driver_sql(statement.replace("%", "%%"))
