"""Stores have a business day that is closed; terminals have a kind and a training mode; sales a cashier."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import orjson
import sqlalchemy as sa
from alembic import op

revision = "0017_business_day"
down_revision = "0016_settlement_desk"

_FIRST = date(1970, 1, 1)
_MICROS = 1_000_000
_AT_ONCE = 5_000


def upgrade() -> None:
    _columns()
    _store_day()
    _day_void()
    _training_sale()
    _date_sales()
    _date_rows("refund", "refund_id")
    _date_rows("unreceipted_return", "return_id")
    _indexes()


def downgrade() -> None:
    raise RuntimeError("a ledger is not migrated backwards: restore a backup")


def _columns() -> None:
    op.add_column("store", sa.Column("day_start_hour", sa.Integer(), nullable=True))
    op.add_column("terminal", sa.Column("kind", sa.Text(), nullable=True))
    op.add_column("terminal", sa.Column("points_most_minor", sa.BigInteger(), nullable=True))
    op.add_column("terminal", sa.Column("training", sa.Boolean(), nullable=True))
    for table in ("sale", "refund", "unreceipted_return"):
        if table != "sale":
            op.add_column(table, sa.Column("store_gln", sa.BigInteger(), nullable=True))
        op.add_column(table, sa.Column("business_day", sa.Integer(), nullable=True))
        op.add_column(table, sa.Column("cashier", sa.String(32), nullable=True))
    op.add_column("refund", sa.Column("exchange_sale_id", sa.LargeBinary(), nullable=True))
    op.add_column("unreceipted_return", sa.Column("reference", sa.Text(), nullable=True))


def _store_day() -> None:
    op.create_table(
        "store_day",
        *_day_key(),
        sa.Column("merchant_id", sa.BigInteger(), nullable=False),
        sa.Column("closes", sa.Integer(), nullable=False),
        sa.Column("closed_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("closes >= 0", name=op.f("ck_store_day_closes_at_least_0")),
        sa.PrimaryKeyConstraint("store_gln", "business_day", name=op.f("pk_store_day")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "day_close",
        *_day_key(),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("state", sa.String(9), nullable=False),
        sa.Column("totals", sa.Text(), nullable=False),
        sa.Column("ledger", sa.Text(), nullable=False),
        sa.Column("parts", sa.Integer(), nullable=False),
        sa.Column("closed_by", sa.Text(), nullable=False),
        sa.Column("closed_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("state IN ('balanced', 'differs')", name=op.f("ck_day_close_state_known")),
        sa.CheckConstraint("number >= 1", name=op.f("ck_day_close_number_at_least_1")),
        sa.CheckConstraint("parts >= 0", name=op.f("ck_day_close_parts_at_least_0")),
        _of_day("fk_day_close_store_day"),
        sa.PrimaryKeyConstraint("store_gln", "business_day", "number", name=op.f("pk_day_close")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "day_line",
        *_day_key(),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("part", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("lines", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("number >= 1", name=op.f("ck_day_line_number_at_least_1")),
        sa.CheckConstraint("part >= 1", name=op.f("ck_day_line_part_at_least_1")),
        _of_day("fk_day_line_store_day"),
        sa.PrimaryKeyConstraint("store_gln", "business_day", "number", "part", name=op.f("pk_day_line")),
        sqlite_with_rowid=False,
    )


def _day_key() -> list[sa.Column[Any]]:
    return [
        sa.Column("store_gln", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("business_day", sa.Integer(), autoincrement=False, nullable=False),
    ]


def _of_day(name: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["store_gln", "business_day"],
        ["store_day.store_gln", "store_day.business_day"],
        name=op.f(name),
    )


def _day_void() -> None:
    op.create_table(
        "day_void",
        sa.Column("hold_id", sa.LargeBinary(), nullable=False),
        sa.Column("store_gln", sa.BigInteger(), nullable=False),
        sa.Column("business_day", sa.Integer(), nullable=False),
        sa.Column("terminal_id", sa.String(64), nullable=False),
        sa.Column("cashier", sa.String(32), nullable=True),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("occurred_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("length(hold_id) = 16", name=op.f("ck_day_void_hold_id_length")),
        sa.PrimaryKeyConstraint("hold_id", name=op.f("pk_day_void")),
    )
    op.create_index("ix_day_void_business_day", "day_void", ["store_gln", "business_day", "reference"])


def _training_sale() -> None:
    op.create_table(
        "training_sale",
        sa.Column("sale_id", sa.LargeBinary(), nullable=False),
        sa.Column("merchant_id", sa.BigInteger(), nullable=False),
        sa.Column("record", sa.Text(), nullable=False),
        sa.Column("sold_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("length(sale_id) = 16", name=op.f("ck_training_sale_sale_id_length")),
        sa.PrimaryKeyConstraint("sale_id", name=op.f("pk_training_sale")),
    )


def _date_sales() -> None:
    """Sales so far belong to the date on their store's clock: a merchant's, zone by zone and day by day.

    The index on (merchant_id, occurred_at) is still there, so each step reads one day of one merchant.
    """
    conn = op.get_bind()
    dated = sa.text(
        "UPDATE sale SET business_day = :day WHERE merchant_id = :merchant AND occurred_at >= :first"
        " AND occurred_at < :end AND store_gln IN (SELECT gln FROM store WHERE timezone = :zone)"
    )
    bounds = sa.text("SELECT min(occurred_at), max(occurred_at) FROM sale WHERE merchant_id = :merchant")
    places = conn.execute(sa.text("SELECT DISTINCT merchant_id, timezone FROM store")).all()
    for merchant, zone in places:
        earliest, latest = conn.execute(bounds, {"merchant": merchant}).one()
        if earliest is None:
            continue
        for day in range(_day_of(earliest, zone), _day_of(latest, zone) + 1):
            span = {"first": _begins(day, zone), "end": _begins(day + 1, zone)}
            conn.execute(dated, {"day": day, "merchant": merchant, "zone": zone, **span})


def _date_rows(table: str, key: str) -> None:
    """Refunds and returns happened where their terminal stands."""
    conn = op.get_bind()
    more = ", reference = :reference" if table == "unreceipted_return" else ""
    dated = sa.text(f"UPDATE {table} SET store_gln = :store, business_day = :day{more} WHERE {key} = :id")
    for rows in _chunks(conn, table, key):
        values = []
        for row_id, at, body, store, zone in rows:
            found = {"id": row_id, "store": store, "day": None if zone is None else _day_of(at, zone)}
            values.append(found | ({"reference": orjson.loads(body)["reference"]} if more else {}))
        conn.execute(dated, values)


def _chunks(conn: sa.Connection, table: str, key: str) -> Iterator[Sequence[Any]]:
    chosen = sa.text(
        f"SELECT t.{key}, t.occurred_at, t.body, store.gln, store.timezone FROM {table} t"
        " LEFT JOIN terminal ON terminal.terminal_id = t.terminal_id"
        " LEFT JOIN store ON store.gln = terminal.store_gln"
        f" WHERE t.{key} > :after ORDER BY t.{key} LIMIT :most"
    )
    after = b""
    while rows := conn.execute(chosen, {"after": after, "most": _AT_ONCE}).all():
        yield rows
        after = rows[-1][0]


def _indexes() -> None:
    op.drop_index("ix_sale_merchant_id", table_name="sale")
    for table in ("sale", "refund", "unreceipted_return"):
        op.create_index(
            f"ix_{table}_business_day", table, ["store_gln", "business_day", "reference"], unique=False
        )


def _day_of(micros: int, zone: str) -> int:
    return (datetime.fromtimestamp(micros // _MICROS, ZoneInfo(zone)).date() - _FIRST).days


def _begins(day: int, zone: str) -> int:
    midnight = datetime.combine(_FIRST + timedelta(days=day), time(0), ZoneInfo(zone))
    return int(midnight.astimezone(UTC).timestamp()) * _MICROS
