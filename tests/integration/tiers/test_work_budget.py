"""What tiers cost a group of sales: nothing where the merchant's programmes have none, else little."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from ledger_service.db.engine import Database
from ledger_service.db.group import run_group
from tests.integration.checkout.shop import Phone, Shop, line
from tests.integration.checkout.test_work_budget import GROUP, calls_of, sales

from .people import publish

# Measured 2026-11: the cached row and the days are read in two statements, and written in two.
MOST_MORE_STATEMENTS = 4
MOST_MORE_CALLS_PER_SALE = 260


def cost_of(shop: Shop, phone: Phone, name: str, opened: set[tuple[str, Any]]) -> tuple[int, int]:
    """(Python calls, statements) of a group of sales."""
    group = sales(shop, phone, name)
    before = shop.database.statements.count
    with shop.database.begin_group() as conn:
        calls = calls_of(partial(run_group, conn, group, shop.clock.at, opened))
    assert [w.error for w in group] == [None] * GROUP
    return calls, shop.database.statements.count - before


@pytest.mark.parametrize(("programme", "calls", "statements"), [
    (2, 6, 0), (1, MOST_MORE_CALLS_PER_SALE, MOST_MORE_STATEMENTS),
])  # fmt: skip
def test_tiers_cost_those_alone_who_have_them(
    database: Database, programme: int, calls: int, statements: int
) -> None:
    shop = Shop(database)
    shop.found()
    phone = shop.enrol()
    shop.stock(phone, 1, 1000)
    shop.stock(phone, 2, 1000)
    opened: set[tuple[str, Any]] = set()
    cost_of(shop, phone, "warm", opened)
    without = cost_of(shop, phone, "without", opened)
    publish(shop, programme)
    shop.sell(phone, line("1", 100))
    cost_of(shop, phone, "warm again", opened)
    having = cost_of(shop, phone, "having", opened)
    assert having[0] // GROUP <= without[0] // GROUP + calls
    assert having[1] <= without[1] + statements
    shop.close()
