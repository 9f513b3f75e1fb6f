"""Lists of coupon codes, coupons with their history, and wrong codes by who tried them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from ledger_service.db.guards import guard_statements

revision = "0041_coupon_wallet"
down_revision = "0040_epcis"


def upgrade() -> None:
    _code_list()
    _code()
    _coupon()
    _event()
    op.create_table(
        "coupon_guess",
        sa.Column("subject", sa.String(length=80), nullable=False),
        sa.Column("wrong", sa.Integer(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("locked_until", sa.BigInteger(), nullable=True),
        _at_least("coupon_guess", "wrong"),
        sa.PrimaryKeyConstraint("subject", name=op.f("pk_coupon_guess")),
    )
    op.create_index("ix_coupon_guess_locked_until", "coupon_guess", ["locked_until"], unique=False)
    for table in ("coupon_code", "coupon_event"):
        for statement in guard_statements(table, op.get_bind().dialect.name):
            op.get_bind().exec_driver_sql(statement.replace("%", "%%"))


def downgrade() -> None:
    raise RuntimeError("a ledger is not migrated backwards: restore a backup")


def _code_list() -> None:
    table = "coupon_code_list"
    op.create_table(
        table,
        sa.Column("list_id", _int64(), sa.Identity(), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("merchant_id", sa.BigInteger(), nullable=False),
        sa.Column("definition_id", sa.BigInteger(), nullable=False),
        sa.Column("gcn", sa.BigInteger(), nullable=False),
        sa.Column("first", sa.BigInteger(), nullable=True),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("origin", sa.String(length=9), nullable=False),
        sa.Column("pattern", sa.Text(), nullable=True),
        sa.Column("closed", sa.Boolean(), nullable=False),
        sa.Column("seed", sa.LargeBinary(), nullable=True),
        sa.Column("source", sa.String(length=64), nullable=True),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("made", sa.Integer(), nullable=False),
        sa.Column("most", sa.Integer(), nullable=True),
        sa.Column("taken", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=True),
        sa.Column("begun_at", sa.BigInteger(), nullable=False),
        sa.Column("sealed_at", sa.BigInteger(), nullable=True),
        sa.Column("exported_at", sa.BigInteger(), nullable=True),
        sa.Column("exported_by", sa.Text(), nullable=True),
        *(_at_least(table, name) for name in ("size", "made", "taken", "first")),
        _known(table, "kind", ("generic", "personal", "unique")),
        _known(table, "origin", ("generated", "imported")),
        _known(table, "state", ("making", "sealed")),
        sa.CheckConstraint("most IS NULL OR taken <= most", name=op.f(f"ck_{table}_taken_within_most")),
        sa.CheckConstraint("(state = 'making') = (root IS NULL)", name=op.f(f"ck_{table}_root_once_sealed")),
        sa.ForeignKeyConstraint(
            ["merchant_id"], ["merchant.merchant_id"], name=op.f(f"fk_{table}_merchant_id")
        ),
        sa.PrimaryKeyConstraint("list_id", name=op.f(f"pk_{table}")),
        sa.UniqueConstraint("name", name=f"uq_{table}_name"),
        sa.UniqueConstraint("gcn", "first", name=f"uq_{table}_serials"),
    )
    op.create_index("ix_coupon_code_list_merchant_id", table, ["merchant_id"], unique=False)


def _code() -> None:
    op.create_table(
        "coupon_code",
        sa.Column("tag", sa.LargeBinary(), nullable=False),
        sa.Column("list_id", _int64(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("member_id", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("length(tag) = 16", name=op.f("ck_coupon_code_tag_length")),
        _at_least("coupon_code", "position"),
        sa.ForeignKeyConstraint(
            ["list_id"], ["coupon_code_list.list_id"], name=op.f("fk_coupon_code_list_id")
        ),
        sa.PrimaryKeyConstraint("tag", name=op.f("pk_coupon_code")),
        sa.UniqueConstraint("list_id", "position", name="uq_coupon_code_place"),
        sqlite_with_rowid=False,
    )


def _coupon() -> None:
    table = "coupon"
    op.create_table(
        table,
        sa.Column("coupon_id", sa.LargeBinary(), nullable=False),
        sa.Column("definition_id", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=9), nullable=False),
        sa.Column("holder", sa.BigInteger(), nullable=True),
        sa.Column("claimant", sa.BigInteger(), nullable=True),
        sa.Column("source", sa.String(length=64), nullable=True),
        sa.Column("list_id", sa.Integer(), nullable=True),
        sa.Column("position", sa.Integer(), nullable=True),
        sa.Column("claimed_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("used_by", sa.LargeBinary(), nullable=True),
        sa.Column("gifts", sa.SmallInteger(), nullable=False),
        sa.Column("events", sa.SmallInteger(), nullable=False),
        _known(table, "state", ("available", "reserved", "consumed", "void")),
        _at_least(table, "gifts"),
        sa.CheckConstraint("length(coupon_id) = 16", name=op.f("ck_coupon_coupon_id_length")),
        sa.CheckConstraint(
            "(state IN ('reserved', 'consumed')) = (used_by IS NOT NULL)",
            name=op.f("ck_coupon_used_by_something"),
        ),
        *(
            sa.ForeignKeyConstraint([name], ["member.member_id"], name=op.f(f"fk_coupon_{name}"))
            for name in ("holder", "claimant")
        ),
        sa.PrimaryKeyConstraint("coupon_id", name=op.f("pk_coupon")),
    )
    for name, columns in (
        ("ix_coupon_holder", ["holder", "state"]),
        ("ix_coupon_claimant", ["claimant", "definition_id"]),
        ("ix_coupon_definition_id", ["definition_id", "coupon_id"]),
        ("ix_coupon_expires_at", ["expires_at"]),
    ):
        op.create_index(name, table, columns, unique=False)


def _event() -> None:
    op.create_table(
        "coupon_event",
        sa.Column("coupon_id", sa.LargeBinary(), nullable=False),
        sa.Column("position", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("member_id", sa.BigInteger(), nullable=True),
        sa.Column("by_whom", sa.Text(), nullable=False),
        sa.Column("ref", sa.LargeBinary(), nullable=True),
        sa.Column("at", sa.BigInteger(), nullable=False),
        _known("coupon_event", "kind", _EVENTS),
        sa.ForeignKeyConstraint(["coupon_id"], ["coupon.coupon_id"], name=op.f("fk_coupon_event_coupon_id")),
        sa.PrimaryKeyConstraint("coupon_id", "position", name=op.f("pk_coupon_event")),
    )


_EVENTS = (
    "claimed", "granted", "shown", "reserved", "freed", "consumed", "given-back", "given", "voided",
)  # fmt: skip


def _int64() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _at_least(table: str, column: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(f"{column} >= 0", name=op.f(f"ck_{table}_{column}_at_least_0"))


def _known(table: str, column: str, values: tuple[str, ...]) -> sa.CheckConstraint:
    listed = ", ".join(f"'{value}'" for value in values)
    return sa.CheckConstraint(f"{column} IN ({listed})", name=op.f(f"ck_{table}_{column}_known"))
