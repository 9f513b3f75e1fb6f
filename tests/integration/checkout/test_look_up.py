"""A sale is found again by invoice, allowance, member or the till's reference, by its own merchant alone."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest

from ledger_service.checkout.parsing import parse_capture, parse_refund
from ledger_service.checkout.queries import SaleSearch
from ledger_service.checkout.return_errors import InvoiceNumberUsed

from .shop import FUEL, GROCER, Shop, line, loads

BARCODE = {"kind": "mobile_barcode", "id": "/ABC1234"}
INVOICE = {"scheme": "tw", "number": "AB12345678", "carrier": BARCODE}


def sell(shop: Shop, at: int = GROCER, **more: Any) -> dict[str, Any]:
    return loads(shop.send_sale(shop.sale_body(line("1", 900, 3), at=at, **more), merchant_id=at))


def find(shop: Shop, at: int = GROCER, **search: Any) -> list[str]:
    found = shop.service.find_sales(shop.caller(at), SaleSearch(**search))
    return [document["sale_id"] for _, document in found]


def refund(shop: Shop, sale: str, number: str) -> dict[str, Any]:
    body = {"reference": "b", "lines": [{"line": "1", "quantity": 1}]}
    body["allowance"] = {"scheme": "tw", "number": number}
    return loads(shop.service.refund(shop.write("refund", [sale, body]), parse_refund(sale, body)))


def test_a_sale_keeps_its_number_and_carrier_and_is_found_by_it_and_by_its_allowance(shop: Shop) -> None:
    sale = sell(shop, invoice=INVOICE)
    assert sale["invoice"] == {**INVOICE, "carrier": {"kind": "mobile_barcode"}}, "answers are kept for ever"
    assert refund(shop, sale["sale_id"], "R1")["allowance"] == {"scheme": "tw", "number": "R1"}
    for number in ("AB12345678", "R1"):
        assert find(shop, invoice=number) == [sale["sale_id"]]
        assert find(shop, at=FUEL, invoice=number) == []
    ((_, document),) = shop.service.find_sales(shop.caller(), SaleSearch(invoice="R1"))
    assert document["invoice"] == INVOICE
    assert document["refunds"][0]["allowance"]["number"] == "R1"
    assert document["lines"][0]["left"] == {"quantity": 2}


def test_a_number_stands_for_one_sale_of_a_merchant_within_its_period(shop: Shop) -> None:
    sale = sell(shop, invoice=INVOICE)["sale_id"]
    with pytest.raises(InvoiceNumberUsed):
        sell(shop, invoice=INVOICE)
    assert shop.count("sale") == 1
    sell(shop, at=FUEL, invoice=INVOICE)
    refund(shop, sale, "R1")
    with pytest.raises(InvoiceNumberUsed):
        refund(shop, sale, "R1")
    shop.clock.forward(days=62)
    again = sell(shop, invoice=INVOICE)["sale_id"]
    assert find(shop, invoice=INVOICE["number"]) == [again, sale]


def test_of_tills_that_use_a_number_at_once_one_has_it(shop: Shop) -> None:
    other = Shop(shop.database, "w2", shop.clock)
    refused = []

    def one(till: Shop) -> None:
        try:
            sell(till, invoice=INVOICE)
        except InvoiceNumberUsed as refusal:
            refused.append(refusal)

    threads = [threading.Thread(target=one, args=(till,)) for till in (shop, other) * 3]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    other.close()
    assert (len(refused), shop.count("sale"), shop.count("invoice")) == (5, 1, 1)


def test_a_capture_has_a_number_too(shop: Shop) -> None:
    phone = shop.enrol()
    shop.stock(phone, 1, 50)
    hold = shop.authorise(phone, 500, {"max_value_minor": 50})["hold_id"]
    body = {"lines": [line("1", 500)], "reference": "c", "invoice": INVOICE}
    sale = loads(shop.service.capture(shop.write("capture", body), parse_capture(hold, body)))
    assert find(shop, invoice=INVOICE["number"]) == [sale["sale_id"]]


def test_sales_of_a_member_are_paged_newest_first_and_only_the_merchants_own(shop: Shop) -> None:
    phone, other = shop.enrol(), shop.enrol()
    made = []
    for _ in range(5):
        made.append(shop.sell(phone, line("1", 100))["sale_id"])
        shop.sell(other, line("1", 100))
        shop.sell(phone, line("1", 100), at=FUEL)
        shop.clock.forward(seconds=1)
    seen: list[str] = []
    after = None
    while True:
        page = shop.service.find_sales(shop.caller(), SaleSearch(member=phone.number, after=after, most=2))
        if not page:
            break
        seen += [document["sale_id"] for _, document in page]
        after = page[-1][0]
    assert seen == made[::-1]
    assert find(shop, member="0" * 18) == []


def test_a_reference_is_looked_for_within_a_time(shop: Shop) -> None:
    sale = sell(shop, reference="till 3 / 77")["sale_id"]
    sell(shop, reference="till 3 / 78")
    until = shop.clock.at
    since = until - timedelta(days=1)
    assert find(shop, reference="till 3 / 77", since=since, until=until) == [sale]
    assert find(shop, reference="till 3 / 77", since=since, until=until - timedelta(seconds=1)) == []
    assert find(shop, at=FUEL, reference="till 3 / 77", since=since, until=until) == []
