"""A receipt that joins late ends where the same sale with its member ends, whatever comes back when (INV-13).

Pieces and weights, taxes, tenders, every basis of the earn rule, daily caps, tiers, points spent meanwhile.
"""

from __future__ import annotations

import random
from typing import Any

import pytest

from ledger_service.db.engine import Database
from ledger_service.points.basis import Basis
from tests.integration.tiers.people import publish

from .attaching import attach, later
from .shop import FUEL, Phone, Shop, line, loads, lots_equal_postings
from .test_refunds import debt
from .test_splits import BASES, refund, some_line, steps_of, sums, tendered

TRIALS = 4
RULES: list[dict[str, Any]] = [{}, {"daily_cap": 20}, *({"basis": basis, "points": 60} for basis in BASES)]


@pytest.mark.parametrize("rule", RULES, ids=["plain", "capped", "usual", "all", "some"])
@pytest.mark.parametrize("tiered", [False, True], ids=["", "tiered"])
def test_a_late_receipt_ends_where_a_sale_with_its_member_ends(
    database: Database, rule: dict[str, Any], tiered: bool
) -> None:
    shop, rng = Shop(database), random.Random(len(str(rule)) + tiered)
    shop.found(**rule)
    if tiered:
        publish(shop)
    for _ in range(TRIALS):
        play(shop, rng, told="basis" in rule)
        later(shop, hours=5)
    shop.close()
    lots_equal_postings(shop)


def play(shop: Shop, rng: random.Random, told: bool) -> None:
    """Two members buy the same; one is at the till, the other's receipt comes after some of it came back."""
    lines = [some_line(rng, str(n)) for n in range(rng.randint(1, 3))]
    tenders = tendered(rng, total_of(shop, lines)) if told else []
    present, absent = shop.enrol(), shop.enrol()
    for phone in (present, absent):
        shop.sell(phone, line("1", 25_000))
        later(shop, days=1)
    at_till, bare = sell(shop, present, lines, tenders), sell(shop, None, lines, tenders)
    back = steps_of(rng, lines)
    joins = rng.randint(0, len(back))
    refunds = [[refund(shop, sale, step) for step in back[:joins]] for sale in (at_till, bare)]
    attach(shop, bare, absent)
    assert shop.balance(present, 1) == shop.balance(absent, 1)
    spend = rng.randint(0, shop.balance(present, 1))
    for phone in (present, absent) if spend else ():
        shop.sell(phone, line("1", spend), at=FUEL, spend=[{"programme": "GROC", "points": spend}])
    for sale, done in zip((at_till, bare), refunds, strict=True):
        done += [refund(shop, sale, step) for step in back[joins:]]
    assert ends(shop, present, refunds[0]) == ends(shop, absent, refunds[1])


def total_of(shop: Shop, lines: list[dict[str, Any]]) -> int:
    return int(shop.quote(shop.sale_body(*lines))["total_minor"])


def sell(shop: Shop, phone: Phone | None, lines: list[dict[str, Any]], tenders: list[dict[str, Any]]) -> str:
    member = {} if phone is None else {"member": {"number": phone.number}}
    paid = {"tenders": tenders} if tenders else {}
    return str(loads(shop.send_sale(shop.sale_body(*lines, **member, **paid)))["sale_id"])


def ends(shop: Shop, phone: Phone, refunds: list[dict[str, Any]]) -> tuple[Any, ...]:
    """What was given back and kept, what is left, and what is owed."""
    names = ("refunded_minor", "cash_minor", "points_value_minor", "cash_withheld_minor")
    given = sums(refunds) if all("tenders" in one for one in refunds) else None
    money = [sum(one[name] for one in refunds) for name in names]
    return given, money, [shop.balance(phone, p) for p in (1, 2)], debt(shop, phone, 1)


def test_every_basis_is_played() -> None:
    assert {rule.get("basis", Basis()) for rule in RULES} == set(BASES)
