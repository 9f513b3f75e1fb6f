"""What the chain is told of coupons; which settlement period clears a use or a return of one."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0057_coupons_told"
down_revision = "0062_webhooks"

_INT64 = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _type()
    _token()
    _telling()
    _part()
    _return()
    op.create_table(
        "coupon_debt",
        sa.Column("period", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("funder", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("acceptor", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("minor", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("funder <> acceptor", name=op.f("ck_coupon_debt_nobody_owes_itself")),
        sa.PrimaryKeyConstraint("period", "funder", "acceptor", name=op.f("pk_coupon_debt")),
        sqlite_with_rowid=False,
    )
    op.add_column("sale_coupon", sa.Column("period", sa.BigInteger(), nullable=True))
    op.create_index(
        "ix_sale_coupon_period", "sale_coupon", ["period", "used_at", "sale_id", "coupon_id"], unique=False
    )
    # Nobody was told of these while they were young enough for the contract to take them.
    op.execute(
        "INSERT INTO coupon_telling (coupon_id, position, waits, op_id)"
        " SELECT coupon_id, position, false, NULL FROM coupon_event"
        " WHERE kind IN ('consumed', 'given-back', 'given')"
    )


def _type() -> None:
    op.create_table(
        "coupon_type",
        sa.Column("gcn", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("definition_id", _INT64, nullable=False),
        sa.Column("open", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("terms", sa.Integer(), nullable=False),
        sa.Column("next_serial", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("next_serial >= 0", name=op.f("ck_coupon_type_next_serial_at_least_0")),
        sa.CheckConstraint("terms >= 0", name=op.f("ck_coupon_type_terms_at_least_0")),
        sa.CheckConstraint("version >= 0", name=op.f("ck_coupon_type_version_at_least_0")),
        sa.ForeignKeyConstraint(
            ["definition_id"], ["coupon_definition.definition_id"], name=op.f("fk_coupon_type_definition_id")
        ),
        sa.PrimaryKeyConstraint("gcn", name=op.f("pk_coupon_type")),
        sa.UniqueConstraint("definition_id", "open", name=op.f("uq_coupon_type_definition_id_open")),
    )


def _token() -> None:
    op.create_table(
        "coupon_token",
        sa.Column("coupon_id", sa.LargeBinary(), nullable=False),
        sa.Column("gcn", sa.BigInteger(), nullable=False),
        sa.Column("serial", sa.BigInteger(), nullable=False),
        sa.Column("account", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(["coupon_id"], ["coupon.coupon_id"], name=op.f("fk_coupon_token_coupon_id")),
        sa.PrimaryKeyConstraint("coupon_id", name=op.f("pk_coupon_token")),
        sa.UniqueConstraint("gcn", "serial", name=op.f("uq_coupon_token_gcn_serial")),
    )


def _telling() -> None:
    op.create_table(
        "coupon_telling",
        sa.Column("coupon_id", sa.LargeBinary(), nullable=False),
        sa.Column("position", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("waits", sa.Boolean(), nullable=False),
        sa.Column("op_id", sa.LargeBinary(), nullable=True),
        sa.CheckConstraint("NOT waits OR op_id IS NULL", name=op.f("ck_coupon_telling_waits_or_is_told")),
        sa.ForeignKeyConstraint(
            ["coupon_id", "position"],
            ["coupon_event.coupon_id", "coupon_event.position"],
            name=op.f("fk_coupon_telling_event"),
        ),
        sa.PrimaryKeyConstraint("coupon_id", "position", name=op.f("pk_coupon_telling")),
        sa.UniqueConstraint("op_id", name=op.f("uq_coupon_telling_op_id")),
    )
    op.create_index(
        "ix_coupon_telling_waits",
        "coupon_telling",
        ["coupon_id", "position"],
        unique=False,
        sqlite_where=sa.text("waits"),
        postgresql_where=sa.text("waits"),
    )


def _part() -> None:
    op.create_table(
        "coupon_list_part",
        sa.Column("list_id", _INT64, autoincrement=False, nullable=False),
        sa.Column("part", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("length(root) = 32", name=op.f("ck_coupon_list_part_root_length")),
        sa.ForeignKeyConstraint(
            ["list_id"], ["coupon_code_list.list_id"], name=op.f("fk_coupon_list_part_list_id")
        ),
        sa.PrimaryKeyConstraint("list_id", "part", name=op.f("pk_coupon_list_part")),
    )


def _return() -> None:
    op.create_table(
        "sale_coupon_return",
        sa.Column("refund_id", sa.LargeBinary(), nullable=False),
        sa.Column("coupon_id", sa.LargeBinary(), nullable=False),
        sa.Column("sale_id", sa.LargeBinary(), nullable=False),
        sa.Column("returned_minor", sa.BigInteger(), nullable=False),
        sa.Column("parts", sa.Text(), nullable=False),
        sa.Column("returned_at", sa.BigInteger(), nullable=False),
        sa.Column("period", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("length(coupon_id) = 16", name=op.f("ck_sale_coupon_return_coupon_id_length")),
        sa.CheckConstraint("length(refund_id) = 16", name=op.f("ck_sale_coupon_return_refund_id_length")),
        sa.CheckConstraint(
            "returned_minor >= 0", name=op.f("ck_sale_coupon_return_returned_minor_at_least_0")
        ),
        sa.ForeignKeyConstraint(
            ["sale_id", "coupon_id"],
            ["sale_coupon.sale_id", "sale_coupon.coupon_id"],
            name=op.f("fk_sale_coupon_return_use"),
        ),
        sa.PrimaryKeyConstraint("refund_id", "coupon_id", name=op.f("pk_sale_coupon_return")),
    )
    op.create_index(
        "ix_sale_coupon_return_period",
        "sale_coupon_return",
        ["period", "returned_at", "refund_id", "coupon_id"],
        unique=False,
    )
    op.create_index(
        "ix_sale_coupon_return_sale_id", "sale_coupon_return", ["sale_id", "coupon_id"], unique=False
    )


def downgrade() -> None:
    raise RuntimeError("a ledger is not migrated backwards: restore a backup")
