"""Returns by the merchants' published rules: stores, partners, orders, and goods without a receipt."""

from __future__ import annotations

import threading
from typing import Any

import orjson
import pytest

from ledger_service.checkout.errors import WrongCurrency
from ledger_service.checkout.parsing import parse_refund
from ledger_service.checkout.requests import Caller
from ledger_service.checkout.return_errors import (
    ReturnAtAnotherMerchant,
    ReturnAtAnotherStore,
    ReturnTooLate,
    ReturnWithoutReceiptLimited,
    ReturnWithoutReceiptRefused,
)
from ledger_service.checkout.return_requests import parse_unreceipted
from ledger_service.kernel.gs1 import gln_text

from .shop import FUEL, GROCER, Phone, Shop, line, loads, lots_equal_postings


def take_back(shop: Shop, phone: Phone, amount: int, currency: str = "USD") -> dict[str, Any]:
    body = {"reference": "b", "currency": currency, "member": {"number": phone.number}}
    body["lines"] = [line("1", amount)]
    return loads(shop.service.take_back(shop.write("return", body), parse_unreceipted(body)))


def test_a_partner_takes_back_where_both_say_so_and_the_points_come_home(shop: Shop) -> None:
    phone = shop.enrol()
    shop.stock(phone, 1, 300)
    sale = shop.sell(phone, line("1", 1_000, 2), spend=[{"programme": "GROC", "points": 300}])["sale_id"]
    with pytest.raises(ReturnAtAnotherMerchant):
        shop.refund(sale, at=FUEL)
    shop.publish(GROCER, where="partners", partners=[gln_text(FUEL)])
    with pytest.raises(ReturnAtAnotherMerchant):
        shop.refund(sale, at=FUEL)
    shop.publish(FUEL, takes_back_for=[gln_text(GROCER)])
    seen = orjson.loads(shop.service.find_sale(shop.caller(FUEL), bytes.fromhex(sale)))
    assert seen["lines"][0]["left"] == {"quantity": 2}, "who takes back sees what it is"
    half = shop.refund(sale, [("1", 1)], at=FUEL)
    assert (half["merchant"], half["sold_by"]) == (gln_text(FUEL), gln_text(GROCER))
    rest = shop.refund(sale)
    assert half["refunded_minor"] + rest["refunded_minor"] == 1_000
    assert "sold_by" not in rest
    assert shop.balance(phone, 1) == 300
    lots_equal_postings(shop)


def test_the_same_store_rule_goes_by_where_the_till_stands(shop: Shop) -> None:
    sale = shop.sell(None, line("1", 100))["sale_id"]
    shop.publish(GROCER, where="same_store")
    body = {"reference": "b"}
    write = shop.write("refund", [sale, body])
    elsewhere = Caller("terminal:x", GROCER, "x", store_gln=FUEL)
    with pytest.raises(ReturnAtAnotherStore):
        shop.service.refund(type(write)(elsewhere, "k", write.body_hash, write.at), parse_refund(sale, body))
    assert shop.refund(sale)["refunded_minor"] == 100


def test_a_return_after_its_days_is_refused_and_years_later_is_not_where_there_is_no_limit(
    shop: Shop,
) -> None:
    phone = shop.enrol()
    shop.stock(phone, 1, 50)
    sale = shop.sell(phone, line("1", 500), spend=[{"programme": "GROC", "points": 50}])["sale_id"]
    shop.publish(GROCER, within_days=14)
    shop.clock.forward(days=15)
    with pytest.raises(ReturnTooLate):
        shop.refund(sale)
    shop.publish(GROCER)
    shop.clock.forward(days=500)
    back = shop.refund(sale)
    assert (back["refunded_minor"], back["restored"][0]["points"]) == (500, 50)
    assert back["restored"][0]["epoch"] > 0, "expired points come back into a later epoch (D10)"


def test_points_go_back_first_where_the_rule_says_so_and_the_first_refund_fixes_the_order(
    shop: Shop,
) -> None:
    phone = shop.enrol()
    shop.stock(phone, 1, 300)
    shop.publish(GROCER, order="points_first")
    sale = shop.sell(phone, line("1", 1_000, 4), spend=[{"programme": "GROC", "points": 300}])["sale_id"]
    first = shop.refund(sale, [("1", 1)])
    assert (first["points_value_minor"], first["cash_minor"], first["clawed"]) == (250, 0, [])
    shop.publish(GROCER, order="proportional")
    second = shop.refund(sale, [("1", 1)])
    assert (second["points_value_minor"], second["cash_minor"]) == (50, 200)
    rest = shop.refund(sale)
    assert (rest["points_value_minor"], rest["cash_minor"]) == (0, 500)
    assert shop.balance(phone, 1) == 300


def test_without_a_receipt_the_rule_bounds_amount_and_times_a_day(shop: Shop) -> None:
    phone, other = shop.enrol(), shop.enrol()
    with pytest.raises(ReturnWithoutReceiptRefused):
        take_back(shop, phone, 100)
    shop.publish(GROCER, without_receipt={"most_minor": 2_000, "most_per_day": 2})
    with pytest.raises(ReturnWithoutReceiptLimited):
        take_back(shop, phone, 2_001)
    with pytest.raises(WrongCurrency):
        take_back(shop, phone, 100, "EUR")
    first = take_back(shop, phone, 1_950)
    assert (first["earn_withheld_minor"], first["store_credit_minor"]) == (19, 1_931)
    take_back(shop, phone, 5)
    with pytest.raises(ReturnWithoutReceiptLimited):
        take_back(shop, phone, 5)
    take_back(shop, other, 5)
    shop.clock.forward(days=1)
    take_back(shop, phone, 5)
    assert shop.count("unreceipted_return") == 4


def test_returns_without_a_receipt_at_once_count_one_another(shop: Shop) -> None:
    phone = shop.enrol()
    shop.publish(GROCER, without_receipt={"most_minor": 2_000, "most_per_day": 3})
    refused = []

    def one() -> None:
        try:
            take_back(shop, phone, 10)
        except ReturnWithoutReceiptLimited as refusal:
            refused.append(refusal)

    threads = [threading.Thread(target=one) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(refused), shop.count("unreceipted_return")) == (5, 3)


def test_many_tills_sell_and_take_back_the_same_second(shop: Shop) -> None:
    """A refund before anything of its sale is on a chain, beside others of the same member."""
    phone = shop.enrol()
    shop.stock(phone, 1, 5_000)
    before = shop.balance(phone, 1)

    def buy_and_return(number: int) -> None:
        spend = [{"programme": "GROC", "points": 100}]
        sale = shop.sell(phone, line("1", 1_000 + number, 3), spend=spend)
        for quantity in (1, 2):
            shop.refund(sale["sale_id"], [("1", quantity)])

    threads = [threading.Thread(target=buy_and_return, args=(n,)) for n in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (shop.count("refund"), shop.balance(phone, 1)) == (24, before)
