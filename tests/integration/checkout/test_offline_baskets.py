"""Weights, taxes, tenders, kinds of goods and invoice numbers of sales that a till made alone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from ledger_service.checkout.queries import SaleSearch
from ledger_service.db.engine import Database
from ledger_service.kernel.errors import MalformedField

from .alone import OfflineShop
from .shop import lots_equal_postings

INVOICE = {"scheme": "tw", "number": "AB12345678"}


@pytest.fixture
def shop(sqlite_database: Database) -> Iterator[OfflineShop]:
    shop = OfflineShop(sqlite_database)
    shop.found()
    yield shop
    shop.close()
    lots_equal_postings(shop)


def weighed(amount: int, **more: Any) -> dict[str, Any]:
    return {"line": "1", "category": "FOOD", "weight_grams": 500, "amount_minor": amount, **more}


def test_a_weighed_line_with_its_tenders_and_number_arrives_as_it_was_sold(shop: OfflineShop) -> None:
    phone, till = shop.enrol(), shop.till()
    tenders = [{"type": "coupon", "amount_minor": 200}, {"type": "card", "amount_minor": 800}]
    item = till.sell(
        shop.clock.at, 1, lines=[weighed(1_000)], member={"number": phone.number}, tenders=tenders,
        invoice=INVOICE,
    )  # fmt: skip
    sale = shop.one(till, item).content["sale"]
    assert (sale["tenders"], sale["invoice"]) == (tenders, INVOICE)
    assert sale["earned"][0]["base_minor"] == 800
    ((_, found),) = shop.service.find_sales(shop.caller(), SaleSearch(invoice="AB12345678"))
    assert (found["sale_id"], found["lines"][0]["left"]) == (sale["sale_id"], {"weight_grams": 500})


def test_tenders_that_do_not_add_up_are_refused_for_good_and_those_in_points_at_once(
    shop: OfflineShop,
) -> None:
    phone, till = shop.enrol(), shop.till()
    wrong = till.sell(shop.clock.at, 1_000, tenders=[{"type": "cash", "amount_minor": 999}])
    assert shop.one(till, wrong).content["code"] == "tenders-do-not-add-up"
    both = till.spend(shop.clock.at, phone.pay_code(shop.clock.at), 1_000, 100)
    points = {"type": "points", "programme": "GROC", "points": 100, "amount_minor": 100}
    both["sale"]["tenders"] = [points, {"type": "cash", "amount_minor": 900}]
    assert isinstance(shop.one(till, both).error, MalformedField)
    short = till.spend(shop.clock.at, phone.pay_code(shop.clock.at), 1_000, 100)
    short["sale"]["tenders"] = [{"type": "cash", "amount_minor": 899}]
    assert shop.one(till, short).content["code"] == "tenders-do-not-add-up"


def test_a_taxed_and_weighed_line_is_paid_by_points_and_named_tenders(shop: OfflineShop) -> None:
    phone, till = shop.enrol(), shop.till()
    shop.stock(phone, 1, 400)
    shop.stock(phone, 2, 400)
    item = till.spend(shop.clock.at, phone.pay_code(shop.clock.at), 1, 500)
    item["sale"]["lines"] = [weighed(1_000, tax={"rate_bps": 500, "amount_minor": 50, "included": False})]
    money = [{"type": "coupon", "amount_minor": 50}, {"type": "card", "amount_minor": 500, "reference": "a"}]
    item["sale"] |= {"tenders": money, "cashier": "7"}
    sale = shop.one(till, item).content["sale"]
    paid = [(t["type"], t.get("programme"), t.get("points"), t["amount_minor"]) for t in sale["tenders"]]
    assert paid == [
        ("points", "GROC", 400, 400), ("points", "FUEL", 200, 100), ("coupon", None, None, 50),
        ("card", None, None, 500),
    ]  # fmt: skip
    assert (sale["total_minor"], sale["due_minor"], sale["cashier"]) == (1_050, 550, "7")
    back = shop.refund(sale["sale_id"])
    assert sum(t["amount_minor"] for t in back["tenders"]) == 1_050 - back["cash_withheld_minor"]


def test_what_points_could_not_pay_is_written_off_and_the_money_stays_as_it_was(shop: OfflineShop) -> None:
    phone, till = shop.enrol(), shop.till()
    shop.stock(phone, 1, 100)
    item = till.spend(shop.clock.at, phone.pay_code(shop.clock.at), 1_000, 300)
    item["sale"]["tenders"] = [{"type": "cash", "amount_minor": 700}]
    told = shop.one(till, item).content
    assert told["loss"]["value_minor"] == 200
    assert [(t["type"], t["amount_minor"]) for t in told["sale"]["tenders"]] == [
        ("points", 100),
        ("cash", 700),
    ]
    assert told["sale"]["total_minor"] == 800
    empty = shop.enrol()
    item = till.spend(shop.clock.at, empty.pay_code(shop.clock.at), 1_000, 300)
    item["sale"]["tenders"] = [{"type": "cash", "amount_minor": 700}]
    assert shop.one(till, item).content["sale"]["tenders"] == [{"type": "cash", "amount_minor": 700}]


def test_points_that_a_till_took_for_a_gift_card_come_back_with_it(shop: OfflineShop) -> None:
    phone, till = shop.enrol(), shop.till()
    shop.stock(phone, 1, 400)
    item = till.spend(shop.clock.at, phone.pay_code(shop.clock.at), 1_000, 400)
    item["sale"]["lines"][0]["goods_kind"] = "gift_card"
    sale = shop.one(till, item).content["sale"]
    assert (sale["points_value_minor"], shop.balance(phone, 1)) == (400, 0)
    back = shop.refund(sale["sale_id"])
    assert (back["points_value_minor"], back["cash_minor"], shop.balance(phone, 1)) == (400, 600, 400)


def test_the_tax_of_what_the_merchant_bears_is_written_off_with_it(shop: OfflineShop) -> None:
    phone, till = shop.enrol(), shop.till()
    item = till.spend(shop.clock.at, phone.pay_code(shop.clock.at), 1, 1_050)
    item["sale"]["lines"] = [weighed(1_050, tax={"rate_bps": 500, "amount_minor": 50})]
    told = shop.one(till, item).content
    assert told["loss"]["value_minor"] == 1_050, "the member had no points"
    shop.clock.forward(seconds=1)
    back = shop.refund(told["sale"]["sale_id"])
    assert (back["refunded_minor"], back["lines"][0]["tax_minor"]) == (0, 0)


def test_an_invoice_has_the_date_on_which_it_was_printed(shop: OfflineShop) -> None:
    """Sold alone before midnight of Taipei, uploaded after it: the number belongs to the old two months."""
    till = shop.till()
    shop.clock.at = shop.clock.at.replace(month=4, day=30, hour=15, minute=30)
    first = till.sell(shop.clock.at, 500, invoice=INVOICE)
    shop.clock.at += timedelta(hours=2)
    assert shop.one(till, first).content["sale"]["invoice"] == INVOICE
    again = till.sell(shop.clock.at, 500, invoice=INVOICE)
    assert shop.one(till, again).content["state"] == "certain", "the new two months have the number anew"
