"""What judging costs: nothing where nobody has rules, one read and two writes a group where somebody has."""

from __future__ import annotations

from functools import partial
from typing import Any

from ledger_service.db.group import run_group
from tests.integration.checkout.shop import FUEL
from tests.integration.checkout.test_work_budget import (
    GROUP,
    MOST_CALLS_PER_SALE,
    MOST_STATEMENTS_PER_GROUP,
    calls_of,
    sales,
)

from .guarded import GuardedShop, rule

# Measured 2026-11: one read of tallies for the whole group, and the tallies and decisions written.
MOST_MORE_STATEMENTS = 3
MOST_MORE_CALLS = 230
SPENDS = rule("spends", "velocity", "refuse", "spend", count="spends", window_seconds=900, most=10_000)
OWN = rule("own", "own_card", "hold", "sale")


def cost(shop: GuardedShop, name: str) -> tuple[int, int]:
    """(Python calls of a sale, statements of a group), once everything is warm."""
    phone = shop.enrol()
    shop.earn(phone, 1_000_000)
    shop.stock(phone, 2, 1_000)
    opened: set[tuple[str, Any]] = set()
    for round_ in ("warm", "measured"):
        group = sales(shop, phone, name + round_)
        before = shop.database.statements.count
        with shop.database.begin_group() as conn:
            calls = calls_of(partial(run_group, conn, group, shop.clock.at, opened))
        assert [w.error for w in group] == [None] * GROUP
        statements = shop.database.statements.count - before
    return calls // GROUP, statements


def test_a_merchant_without_rules_pays_nothing_for_those_of_others(shop: GuardedShop) -> None:
    plain = cost(shop, "plain")
    shop.rule(SPENDS, OWN, scope=FUEL)
    beside = cost(shop, "beside")
    assert beside[1] == plain[1]
    assert beside[0] <= plain[0] + 2
    assert beside[0] <= MOST_CALLS_PER_SALE


def test_with_rules_a_group_reads_once_and_writes_twice_more(shop: GuardedShop) -> None:
    plain = cost(shop, "plain")
    shop.rule(SPENDS, OWN)
    ruled = cost(shop, "ruled")
    assert ruled[1] <= plain[1] + MOST_MORE_STATEMENTS
    assert ruled[1] <= MOST_STATEMENTS_PER_GROUP + MOST_MORE_STATEMENTS
    assert ruled[0] <= plain[0] + MOST_MORE_CALLS
