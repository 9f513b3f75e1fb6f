"""Any split of a refund by pieces and by weight, with taxes, tenders and every basis of the earn rule, ends
where one whole refund ends: money, points, tax, debt, and what goes back to which tender (INV-13)."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import pytest

from ledger_service.checkout.parsing import parse_refund
from ledger_service.db.engine import Database
from ledger_service.points.basis import Basis

from .shop import FUEL, GROCER, Phone, Shop, line, loads, lots_equal_postings
from .test_refunds import debt

NOTHING = frozenset[str]()
BASES = [
    Basis(),
    Basis(tax=False, idle_tenders=NOTHING),
    Basis(idle_tenders=frozenset({"points", "stored_value"}), idle_kinds=NOTHING, unpayable_kinds=NOTHING),
]


def some_line(rng: random.Random, name: str) -> dict[str, Any]:
    amount = rng.randrange(1, 3_000)
    made: dict[str, Any] = {"line": name, "category": "FOOD", "amount_minor": amount}
    weighed = rng.random() < 0.5
    made |= {"weight_grams": rng.randrange(1, 900)} if weighed else {"quantity": rng.randrange(1, 5)}
    if rng.random() < 0.7:
        made["tax"] = {"rate_bps": 500, "amount_minor": amount // 21}
    return made | ({"goods_kind": "ticket"} if rng.random() < 0.2 else {})


def tendered(rng: random.Random, total: int) -> list[dict[str, Any]]:
    cuts = sorted(rng.randrange(total + 1) for _ in range(2))
    amounts = (cuts[0], cuts[1] - cuts[0], total - cuts[1])
    kinds = ("coupon", "stored_value", "card")
    return [{"type": kind, "amount_minor": n} for kind, n in zip(kinds, amounts, strict=True) if n]


def sell(shop: Shop, phone: Phone, lines: list[dict[str, Any]], rng: random.Random) -> dict[str, Any]:
    """Paid in points as far as 300 points may pay, then in three other ways."""
    code = {"pay_code": phone.pay_code(shop.clock.at)}
    body = shop.sale_body(*lines, member=code, spend={"max_value_minor": 300})
    quote = shop.quote(body)
    points = [
        {"type": "points", "amount_minor": s["value_minor"], **{k: s[k] for k in ("programme", "points")}}
        for s in quote["spent"]
    ]
    tenders = points + tendered(rng, quote["due_minor"])
    return loads(shop.send_sale({**body, "tenders": tenders} if tenders else body))


def steps_of(rng: random.Random, lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    steps = []
    for one in lines:
        name = "quantity" if "quantity" in one else "weight_grams"
        left = one[name]
        while left:
            part = rng.randrange(1, left + 1)
            steps.append({"line": one["line"], name: part})
            left -= part
    rng.shuffle(steps)
    return steps


def refund(shop: Shop, sale: str, step: dict[str, Any] | None) -> dict[str, Any]:
    body = {"reference": "b"} | ({"lines": [step]} if step else {})
    return loads(shop.service.refund(shop.write("refund", [sale, body]), parse_refund(sale, body)))


def sums(refunds: list[dict[str, Any]]) -> Counter[str]:
    found: Counter[str] = Counter()
    for one in refunds:
        assert one["cash_minor"] >= 0
        for name in ("refunded_minor", "cash_minor", "points_value_minor", "cash_withheld_minor"):
            found[name] += one[name]
        for part in one["lines"]:
            found["tax"] += part.get("tax_minor", 0)
        for tender in one.get("tenders", ()):
            found[tender["type"]] += tender["amount_minor"]
        told = sum(tender["amount_minor"] for tender in one.get("tenders", ()))
        assert told == one["cash_minor"] + one["points_value_minor"]
    return found


@pytest.mark.parametrize("order", ["proportional", "points_first"])
@pytest.mark.parametrize("basis", BASES)
@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.deep)])
def test_any_split_of_a_tendered_sale_ends_where_one_whole_refund_ends(
    database: Database, seed: int, basis: Basis, order: str
) -> None:
    rng = random.Random(seed)
    shop = Shop(database)
    shop.found(points=rng.choice([1, 60, 170]), basis=basis)
    shop.publish(GROCER, order=order)
    lines = [some_line(rng, str(i)) for i in range(4)]
    ends = []
    for split in (False, True):
        phone, own = shop.enrol(), random.Random(seed)
        shop.stock(phone, 3, 200)
        sale = sell(shop, phone, lines, own)
        earned = shop.balance(phone, 1)
        if earned > 1:
            spend = [{"programme": "GROC", "points": earned - 1}]
            shop.sell(phone, line("1", earned), at=FUEL, spend=spend)
        steps: list[Any] = steps_of(own, lines) if split else [None]
        refunds = [refund(shop, sale["sale_id"], step) for step in steps]
        ends.append((sums(refunds), [shop.balance(phone, p) for p in (1, 2, 3)], debt(shop, phone, 1)))
        assert ends[-1][0]["refunded_minor"] == sale["total_minor"]
    assert ends[0] == ends[1]
    shop.close()
    lots_equal_postings(shop)
