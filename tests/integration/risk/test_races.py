"""Two processes and one member: nothing is counted twice or lost, and a limit holds between them."""

from __future__ import annotations

import threading
from collections.abc import Callable

from ledger_service.db.engine import Database
from ledger_service.kernel.errors import DomainError
from ledger_service.risk.errors import RefusedByRules
from tests.integration.checkout.shop import Phone, lots_equal_postings

from .guarded import GuardedShop, rule

LIMIT = 6
SPENDS = rule("spends", "velocity", "refuse", "spend", count="spends", window_seconds=86_400, most=LIMIT)


def both(*actions: Callable[[], object]) -> list[object]:
    """Do them at once; returns what each answered or raised."""
    found: list[object] = [None] * len(actions)

    def run(number: int) -> None:
        try:
            found[number] = actions[number]()
        except DomainError as error:
            found[number] = error

    threads = [threading.Thread(target=run, args=(number,)) for number in range(len(actions))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return found


def test_a_members_limit_holds_across_workers(database: Database) -> None:
    first = GuardedShop(database)
    first.found()
    phone = first.enrol()
    first.earn(phone, 100_000)
    first.rule(SPENDS)
    second = GuardedShop(database, "w2", first.clock)

    def pay(shop: GuardedShop, payer: Phone) -> Callable[[], object]:
        return lambda: shop.pay(payer, 1_000, [{"programme": "GROC", "points": 1}])

    found = both(*(pay(shop, phone) for shop in (first, second) for _ in range(LIMIT)))
    refused = [one for one in found if isinstance(one, RefusedByRules)]
    assert len(refused) == LIMIT, found
    assert first.count("sale") == 1 + LIMIT
    assert len(first.decisions()) == 2 * LIMIT
    for shop in (first, second):
        shop.close()
    lots_equal_postings(first)
