"""Baskets with weights, taxes, kinds of goods and tenders, from quote to the last refund."""

from __future__ import annotations

from typing import Any

import pytest

from ledger_service.checkout.basket_errors import LineUnitDiffers, PointsTenderDiffers, TendersDoNotAddUp
from ledger_service.checkout.errors import RefundExceedsSale, SpendExceedsTotal
from ledger_service.checkout.parsing import parse_refund
from ledger_service.kernel.gs1 import gln_text

from .shop import FLORIST, FUEL, GROCER, Phone, Shop, line, loads

GRAPES = {"line": "1", "category": "FOOD", "weight_grams": 735, "amount_minor": 1_103,
          "tax": {"rate_bps": 500, "amount_minor": 53}}  # fmt: skip
CARD = {"line": "2", "category": "GIFT", "quantity": 1, "amount_minor": 2_000, "goods_kind": "gift_card"}


def points(programme: str, count: int, value: int) -> dict[str, Any]:
    return {"type": "points", "programme": programme, "points": count, "amount_minor": value}


def paid(kind: str, amount: int, **more: Any) -> dict[str, Any]:
    return {"type": kind, "amount_minor": amount, **more}


def sell(shop: Shop, phone: Phone, lines: list[dict[str, Any]], *tenders: dict[str, Any]) -> dict[str, Any]:
    member = {"pay_code": phone.pay_code(shop.clock.at)}
    return loads(shop.send_sale(shop.sale_body(*lines, member=member, tenders=list(tenders))))


def give_back(shop: Shop, sale_id: str, lines: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    body = {"reference": "back"} | ({"lines": lines} if lines else {})
    return loads(shop.service.refund(shop.write("refund", [sale_id, body]), parse_refund(sale_id, body)))


def test_tenders_are_kept_and_points_among_them_are_spent(shop: Shop) -> None:
    phone = shop.enrol()
    shop.stock(phone, 2, 300)
    tenders = [points("FUEL", 300, 150), paid("coupon", 100, reference="C"), paid("card", 850)]
    sale = sell(shop, phone, [line("1", 1_100)], *tenders)
    assert sale["tenders"] == tenders
    assert (sale["points_value_minor"], sale["due_minor"]) == (150, 950)
    assert sale["earned"][0]["base_minor"] == 850, "neither points nor a coupon earn"
    assert loads_of(shop, sale["sale_id"])["tenders"] == tenders


def loads_of(shop: Shop, sale_id: str) -> dict[str, Any]:
    import orjson

    found: dict[str, Any] = orjson.loads(shop.service.find_sale(shop.caller(), bytes.fromhex(sale_id)))
    return found


def test_tenders_that_are_not_the_total_leave_nothing(shop: Shop) -> None:
    phone = shop.enrol()
    shop.stock(phone, 1, 300)
    before = shop.count("sale"), shop.count("permit_use")
    with pytest.raises(TendersDoNotAddUp):
        sell(shop, phone, [line("1", 1_000)], points("GROC", 300, 300), paid("cash", 701))
    with pytest.raises(PointsTenderDiffers):
        sell(shop, phone, [line("1", 1_000)], points("GROC", 300, 301), paid("cash", 699))
    assert (shop.count("sale"), shop.count("permit_use")) == before


def test_gift_cards_neither_earn_nor_are_paid_with_points(shop: Shop) -> None:
    phone = shop.enrol()
    shop.stock(phone, 1, 3_000)
    with pytest.raises(SpendExceedsTotal):
        sell(shop, phone, [line("1", 1_000), CARD], points("GROC", 1_001, 1_001), paid("cash", 1_999))
    sale = sell(shop, phone, [line("1", 1_000), CARD], points("GROC", 400, 400), paid("cash", 2_600))
    assert [e["base_minor"] for e in sale["earned"]] == [600]
    back = give_back(shop, sale["sale_id"], [{"line": "2", "quantity": 1}])
    assert (back["points_value_minor"], back["cash_minor"], back["clawed"]) == (0, 2_000, [])


def test_a_weighed_line_comes_back_by_weight_and_says_its_tax(shop: Shop) -> None:
    phone = shop.enrol()
    shop.stock(phone, 1, 400)
    sale = sell(shop, phone, [GRAPES], points("GROC", 303, 303), paid("cash", 300), paid("card", 500))
    with pytest.raises(LineUnitDiffers):
        give_back(shop, sale["sale_id"], [{"line": "1", "quantity": 1}])
    grams = (1, 99, 500, 135)
    parts = [give_back(shop, sale["sale_id"], [{"line": "1", "weight_grams": n}]) for n in grams]
    with pytest.raises(RefundExceedsSale):
        give_back(shop, sale["sale_id"], [{"line": "1", "weight_grams": 1}])
    assert sum(p["lines"][0]["tax_minor"] for p in parts) == 53
    assert parts[1]["lines"][0]["weight_grams"] == 99
    named: dict[str, int] = {}
    for part in parts:
        told = sum(t["amount_minor"] for t in part["tenders"])
        assert told == part["cash_minor"] + part["points_value_minor"]
        for tender in part["tenders"]:
            named[tender["type"]] = named.get(tender["type"], 0) + tender["amount_minor"]
    assert named == {"points": 303, "cash": 300, "card": 500}


def test_a_quote_says_what_is_discount_and_what_is_payment(shop: Shop) -> None:
    phone = shop.enrol()
    shop.stock(phone, 1, 210)
    shop.stock(phone, 2, 420)
    tenders = [
        points("GROC", 210, 210), points("FUEL", 420, 210), paid("coupon", 100),
        paid("coupon", 50, funder=gln_text(FLORIST)), paid("card", 2_580),
    ]  # fmt: skip
    lines = [
        {"line": "1", "category": "FOOD", "quantity": 1, "amount_minor": 1_050, "staff_discount_minor": 20,
         "price_override": {"regular_minor": 1_100, "reason": "dented"},
         "tax": {"rate_bps": 500, "amount_minor": 50}},
        {**CARD, "amount_minor": 2_100},
    ]  # fmt: skip
    body = shop.sale_body(*lines, member={"pay_code": phone.pay_code(shop.clock.at)}, tenders=tenders)
    quote = shop.quote(body)
    assert [(t["type"], t["nature"], t["funder"], t["rule"]["name"]) for t in quote["tenders"]] == [
        ("points", "discount", gln_text(GROCER), "own-points"),
        ("points", "payment", gln_text(FUEL), "partner-points"),
        ("coupon", "discount", gln_text(GROCER), "own-coupon"),
        ("coupon", "payment", gln_text(FLORIST), "funded-coupon"),
        ("card", "payment", "member", "money"),
    ]
    food, card = quote["lines"]
    assert sum(x["tax_base_minor"] for x in quote["lines"]) == sum(
        x["tax_base_minor"] for x in quote["tenders"]
    )
    assert [x["tax_base_minor"] for x in quote["tenders"] if x["nature"] == "discount"] == [0, 0]
    assert [(r["rule"]["name"], r["amount_minor"]) for r in food["reductions"][:2]] == [
        ("price-override", 50), ("staff-discount", 20)]  # fmt: skip
    assert food["reductions"][2]["amount_minor"] + card["reductions"][0]["amount_minor"] == 310
    assert (card["payable_with_points_minor"], card["rules"][0]["earns"]) == (0, False)
    assert food["rules"] == [{"programme": "GROC", "rule_version": 1, "earns": True, "points_may_pay": True}]
    loads(shop.send_sale(body))


def test_a_quote_without_tenders_says_what_is_still_due(shop: Shop) -> None:
    quote = shop.quote(shop.sale_body(line("1", 700)))
    assert [(t["type"], t["amount_minor"], t["tax_base_minor"]) for t in quote["tenders"]] == [
        ("unstated", 700, 700)]  # fmt: skip
