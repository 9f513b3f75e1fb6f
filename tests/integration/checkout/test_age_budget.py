"""What a sale leaves behind in the database, counted in entries of B-trees: a ledger of years pays for each.

A tree whose keys come in no order is a page read, and after a checkpoint a page logged, for each sale.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from ledger_service.db.engine import Database
from ledger_service.db.group import run_group
from tests.integration.checkout.shop import Shop
from tests.integration.checkout.test_work_budget import GROUP, sales

# An earning sale of a member; one in four pays with points of another programme. Measured 2026-11: a change
# that adds a tree says in its commit why the look-up it answers is worth that.
MOST_ENTRIES_PER_SALE = 17
# Keys that derive from a hash, a caller's key or a member come in no order; other trees grow at their end.
IN_NO_ORDER = {
    "idempotency by subject, key", "sale by sale_id",
    "sale by member_id, occurred_at, merchant_id, total_minor",
    "entry by op_id", "intent by op_id", "intent by member_id", "posting by source_id, sequence",
    "posting by destination_id, sequence", "permit_use by account, nonce",
}  # fmt: skip
AT_THEIR_END = {
    "entry", "posting by sequence, position", "intent", "idempotency", "sale",
    "sale by store_gln, business_day, reference", "intent by state, later, intent_id",
}  # fmt: skip


@pytest.fixture
def shop(sqlite_database: Database) -> Iterator[Shop]:
    """Trees are declared once for both databases, and counted where each can be asked for."""
    shop = Shop(sqlite_database)
    shop.found()
    yield shop
    shop.close()


def test_a_sale_adds_to_so_many_trees_and_to_no_other(shop: Shop) -> None:
    phone = shop.enrol()
    shop.stock(phone, 1, 1000)
    shop.stock(phone, 2, 1000)
    counts = []
    for name in ("warm", "measured"):
        counts.append(_trees(shop.database))
        with shop.database.begin_group() as conn:
            run_group(conn, sales(shop, phone, name), shop.clock.at, set())
    after = _trees(shop.database)
    grown = {tree: after[tree] - before for tree, before in counts[-1].items() if after[tree] != before}
    assert set(grown) <= IN_NO_ORDER | AT_THEIR_END, grown
    assert sum(grown.values()) <= MOST_ENTRIES_PER_SALE * GROUP, grown


def _trees(database: Database) -> dict[str, int]:
    """How many entries each B-tree of the file holds."""
    with database.read() as conn:
        tables: list[Any] = conn.exec_driver_sql(
            "SELECT name, wr FROM pragma_table_list WHERE type = 'table' AND name NOT LIKE 'sqlite%'"
        ).all()
        found: dict[str, int] = {}
        for table, without_row_id in tables:
            keys = _indexes(conn, table)
            if not without_row_id:
                found[table] = _rows(conn, table, "")
            # The primary key of a table without row ids is the table itself: one tree, counted once.
            found |= {f"{table} by {key}": _rows(conn, table, where) for key, where in keys}
    return found


def _indexes(conn: Any, table: str) -> list[tuple[str, str]]:
    found = []
    for (name,) in conn.exec_driver_sql(f"SELECT name FROM pragma_index_list('{table}')"):
        columns = conn.exec_driver_sql(f"SELECT name FROM pragma_index_info('{name}')").scalars().all()
        made = conn.exec_driver_sql(f"SELECT sql FROM sqlite_master WHERE name = '{name}'").scalar()
        found.append((", ".join(columns), (made or "").partition(" WHERE ")[2]))
    return found


def _rows(conn: Any, table: str, where: str) -> int:
    condition = f" WHERE {where}" if where else ""
    return int(conn.exec_driver_sql(f"SELECT COUNT(*) FROM {table}{condition}").scalar())
