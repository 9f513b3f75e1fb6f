"""Sales, refunds and returns of before the business day get the date of their store's clock."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection

from ledger_service.db.engine import Database
from ledger_service.db.revisions import MIGRATIONS
from ledger_service.db.schema import migrate
from ledger_service.merchants.business_day import day_text
from tests.migrations.test_migrations import bare

__all__ = ["bare"]

# 23:30 in New York and half past five, the day after, in Berlin.
LATE = int(datetime(2026, 3, 8, 3, 30, tzinfo=UTC).timestamp()) * 10**6
SALE = (
    "INSERT INTO sale (sale_id, kind, merchant_id, store_gln, terminal_id, reference, currency, total_minor,"
    " lines, spent, earned, returned, receipt, occurred_at)"
)


def before_the_day(database: Database) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with database.begin() as conn:
        config.attributes["connection"] = conn
        command.upgrade(config, "0015_founding_keys")
    with database.begin() as conn:
        found_stores(conn, blob(database, "01"))
        sell_and_take_back(conn, lambda number: blob(database, f"{number:032x}"))


def blob(database: Database, text: str) -> str:
    return f"x'{text}'" if database.is_sqlite else f"decode('{text}', 'hex')"


def found_stores(conn: Connection, key: str) -> None:
    for merchant in (7, 8):
        conn.exec_driver_sql(
            "INSERT INTO merchant (merchant_id, name, status, admin_key, operations_key, settlement_key,"
            f" created_at) VALUES ({merchant}, 'M', 'active', {key}, {key}, {key}, 1)"
        )
    for gln, merchant, zone in ((71, 7, "America/New_York"), (72, 7, "Europe/Berlin"), (81, 8, "UTC")):
        conn.exec_driver_sql(
            "INSERT INTO store (gln, merchant_id, name, timezone, status, created_at)"
            f" VALUES ({gln}, {merchant}, 'S', '{zone}', 'active', 1)"
        )
        conn.exec_driver_sql(
            "INSERT INTO terminal (terminal_id, merchant_id, store_gln, label, status, created_at)"
            f" VALUES ('t{gln}', {merchant}, {gln}, 'l', 'active', 1)"
        )
    conn.exec_driver_sql(
        "INSERT INTO member (member_id, status, custody, ledger_base, created_at)"
        " VALUES (1, 'active', 'device', 4, 1)"
    )


def sell_and_take_back(conn: Connection, ident: Callable[[int], str]) -> None:
    for number, gln, at in ((1, 71, LATE), (2, 72, LATE), (3, 71, LATE + 86_400 * 10**6), (4, 81, LATE)):
        what = f"{ident(number)}, 'sale', {gln // 10}, {gln}, 't{gln}'"
        values = f"{what}, 'r', 'USD', 1, '[]', '', '[]', '', '{{}}'"
        conn.exec_driver_sql(f"{SALE} VALUES ({values}, {at})")
    for number, terminal in ((1, "t72"), (2, "gone")):
        conn.exec_driver_sql(
            "INSERT INTO refund (refund_id, sale_id, merchant_id, terminal_id, reference, body, occurred_at)"
            f" VALUES ({ident(number)}, {ident(1)}, 7, '{terminal}', 'r', '{{}}', {LATE})"
        )
    body = '{"reference": "back"}'
    conn.exec_driver_sql(
        "INSERT INTO unreceipted_return (return_id, merchant_id, member_id, terminal_id, day, body,"
        f" occurred_at) VALUES ({ident(1)}, 7, 1, 't71', 1, '{body}', {LATE})"
    )


def dated(database: Database, columns: str, table: str, key: str) -> list[tuple[object, ...]]:
    with database.read() as conn:
        rows = conn.exec_driver_sql(f"SELECT business_day, {columns} FROM {table} ORDER BY {key}").all()
    return [(None if day is None else day_text(day), *rest) for day, *rest in rows]


def test_what_was_sold_before_has_the_date_of_its_stores_clock(bare: Database) -> None:
    before_the_day(bare)
    migrate(bare)
    assert dated(bare, "store_gln", "sale", "sale_id") == [
        ("2026-03-07", 71), ("2026-03-08", 72), ("2026-03-08", 71), ("2026-03-08", 81),
    ]  # fmt: skip
    assert dated(bare, "store_gln", "refund", "refund_id") == [("2026-03-08", 72), (None, None)]
    assert dated(bare, "store_gln, reference", "unreceipted_return", "return_id") == [
        ("2026-03-07", 71, "back")
    ]
