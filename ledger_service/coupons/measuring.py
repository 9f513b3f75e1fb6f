"""How long a basket's decision takes: made-up baskets of 40 lines, 200 live definitions, 30 wallet coupons.

The same seed makes the same baskets. Behind each decision stands its floor: every line of the basket looked
at once for every coupon, on the same core in the same moment, so that their ratio says nothing of the
machine. It prints one JSON object; `scripts/bench coupons` runs it.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from random import Random

from ledger_service.coupons.deciding.decision import Decision, decide
from ledger_service.coupons.deciding.facts import Basket, Candidate, Visit
from ledger_service.coupons.deciding.facts import Goods as Line
from ledger_service.coupons.terms.values import (
    AmountOff,
    Benefit,
    BuyGet,
    FixedPrice,
    FreeItem,
    Goods,
    Limits,
    PercentOff,
    Scope,
    Share,
    Stacking,
    Terms,
)

_SHOP, _MAKER = 9501101530003, 9501101530010
_LINES, _DEFINITIONS, _WALLET = 40, 200, 30
_SKUS, _BRANDS, _DEPARTMENTS = 400, 60, 12
_AT = datetime(2026, 3, 4, 17, 30, tzinfo=UTC)
# Group, how many of it, what it keeps out: promotions of single articles stand freely beside each other.
_GROUPS = (
    Stacking(),
    Stacking("item"),
    Stacking("brand", most_per_group=5),
    Stacking("department", most_per_group=2),
    Stacking("basket", most_per_group=1, excludes=frozenset({"club"})),
    Stacking("club", most_per_group=1),
)


def measure(baskets: int, seed: int) -> dict[str, int]:
    """Processor time in microseconds at percentiles, how many decisions were proven best, and the floor."""
    taken, floors, nodes, proven, eligible = [], [], [], 0, 0
    for number in range(baskets):
        chance = Random(seed * 1_000_003 + number)  # noqa: S311
        shelf = [(chance.randrange(79, 1_500), f"b{chance.randrange(_BRANDS)}") for _ in range(_SKUS)]
        basket = Basket(_lines(chance, shelf), Visit(_SHOP, 1, "EUR", _AT, member=True))
        candidates = _candidates(chance, shelf)
        begun = time.thread_time_ns()
        decision = decide(basket, candidates)
        taken.append((time.thread_time_ns() - begun) // 1_000)
        floors.append(_floor(basket, candidates))
        nodes.append(decision.nodes)
        proven += decision.optimal
        eligible += _eligible(decision)
    for figures in (taken, floors, nodes):
        figures.sort()
    at = {f"p{percent}_micros": taken[(baskets - 1) * percent // 100] for percent in (50, 95, 99)}
    return {
        "baskets": baskets, **at, "most_micros": taken[-1],
        "floor_p50_micros": floors[baskets // 2], "floor_p99_micros": floors[(baskets - 1) * 99 // 100],
        "proven_best": proven, "nodes_p50": nodes[baskets // 2], "nodes_most": nodes[-1],
        "eligible_on_average": eligible // baskets,
    }  # fmt: skip


def _floor(basket: Basket, candidates: Sequence[Candidate]) -> int:
    """Microseconds of processor time to look at every line once for every coupon."""
    begun, found = time.thread_time_ns(), 0
    for candidate in candidates:
        skus = candidate.terms.scope.of.skus
        for goods in basket.lines:
            if goods.sku in skus:
                found += 1
    return (time.thread_time_ns() - begun) // 1_000


def _eligible(decision: Decision) -> int:
    outside = {"goods", "benefit", "window", "place", "member"}
    return len(decision.applied) + sum(refused.rule not in outside for refused in decision.refused)


def _lines(chance: Random, shelf: Sequence[tuple[int, str]]) -> tuple[Line, ...]:
    lines = []
    for number, sku in enumerate(chance.sample(range(_SKUS), _LINES)):
        price, brand = shelf[sku]
        pieces = chance.choice((1, 1, 1, 2, 3, 6))
        department = f"d{sku % _DEPARTMENTS}"
        maker = f"m{int(brand[1:]) % 20}"
        line = Line(str(number), price * pieces, pieces, f"s{sku}", "", department, brand, maker)
        lines.append(line)
    return tuple(lines)


def _candidates(chance: Random, shelf: Sequence[tuple[int, str]]) -> list[Candidate]:
    live = [_terms(chance, number, shelf) for number in range(1, _DEFINITIONS + 1)]
    wallet = [chance.choice(live) for _ in range(_WALLET // 2)]
    wallet += [_terms(chance, _DEFINITIONS + n, shelf) for n in range(1, _WALLET - len(wallet) + 1)]
    return [Candidate(f"{n:03}", one) for n, one in enumerate([*live, *wallet])]


def _terms(chance: Random, number: int, shelf: Sequence[tuple[int, str]]) -> Terms:
    stacking = chance.choice(_GROUPS)
    scope, benefit = _gives(chance, stacking.group, shelf)
    if chance.randrange(50) == 0:
        stacking = Stacking(exclusive=True)
    funders = (Share(_SHOP, 4_000), Share(_MAKER, 6_000))
    return Terms(
        number, 1, _SHOP, "EUR", benefit, funders, scope=scope, stacking=stacking, limits=Limits(per_basket=2)
    )


def _gives(chance: Random, group: str, shelf: Sequence[tuple[int, str]]) -> tuple[Scope, Benefit]:
    percent = PercentOff(chance.choice((500, 1_000, 1_500, 2_000, 2_500)))
    if group in ("basket", "club"):
        return Scope(least_minor=chance.choice((0, 2_000, 5_000))), chance.choice((percent, AmountOff(300)))
    if group == "department":
        return Scope(Goods(departments=frozenset({f"d{chance.randrange(_DEPARTMENTS)}"}))), percent
    if group == "brand":
        some = frozenset(f"b{n}" for n in chance.sample(range(_BRANDS), 4))
        return Scope(Goods(brands=some)), chance.choice((percent, AmountOff(150), BuyGet(2, 1)))
    # What a leaflet names: one article, or a goods list's dozen.
    skus = chance.sample(range(_SKUS), chance.choice((1, 12, 12, 40)))
    price = shelf[skus[0]][0]
    amount = AmountOff(chance.choice((50, 100, 150)))
    gives: list[Benefit] = [amount, FreeItem(1), BuyGet(1, 1, 5_000), percent]
    if len(skus) == 1:
        gives.append(FixedPrice(price * 8 // 10))
    return Scope(Goods(skus=frozenset(f"s{n}" for n in skus))), chance.choice(gives)


if __name__ == "__main__":
    sys.stdout.write(json.dumps(measure(int(sys.argv[1]), int(sys.argv[2]))) + "\n")
