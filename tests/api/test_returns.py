"""Look-up, exchanges, returns without a receipt and the merchants' rules of returns over HTTP."""

from __future__ import annotations

import time
from typing import Any

import pytest

from ledger_service.kernel.gs1 import with_check_digit
from tests.api.service import FUEL, GROCER, Shop, basket
from tests.api.test_checkout import member

TW = {"scheme": "tw", "number": "AB12345678", "carrier": {"kind": "mobile_barcode", "id": "/ABC1234"}}


def publish(shop: Shop, who: str, gln: str, **rule: Any) -> None:
    shop.must(who, f"/v1/merchants/{gln}/return-policy", rule)
    time.sleep(1.1)  # a till looks for newer rules once a second


def sale_of(shop: Shop, **more: Any) -> str:
    return str(shop.must("grocer-till", "/v1/sales", basket(**more))["sale_id"])


def test_a_sale_is_found_by_invoice_member_and_reference(shop: Shop) -> None:
    number = member(shop)["number"]
    sale = sale_of(shop, invoice=TW, member={"number": number})
    for query in ("invoice=AB12345678", f"member={number}", "reference=r"):
        found = shop.get("grocer-till", f"/v1/sales?{query}").json
        assert [s["sale_id"] for s in found["sales"]] == [sale]
        assert found["next_cursor"] is None
        assert shop.get("fuel-till", f"/v1/sales?{query}").json["sales"] == []
    assert shop.get("grocer-till", f"/v1/sales/{sale}").json["invoice"] == TW


def test_an_erased_members_carriers_name_nobody_and_the_number_stays(shop: Shop) -> None:
    number = member(shop)["number"]
    sale = sale_of(shop, invoice=TW, member={"number": number})
    shop.must("operator", f"/v1/members/{number}/erase")
    found = shop.get("grocer-till", f"/v1/sales/{sale}").json["invoice"]
    assert found == {**TW, "carrier": {"kind": "mobile_barcode"}}
    tables = ("invoice", "idempotency", "sale")
    with shop.serving.foundations.database.read() as conn:
        kept = [str(row) for t in tables for row in conn.exec_driver_sql(f"SELECT * FROM {t}").all()]
    assert not [row for row in kept if "ABC1234" in row]


def test_a_look_up_is_paged_and_its_cursor_serves_no_other(shop: Shop) -> None:
    number = member(shop)["number"]
    sales = {sale_of(shop, member={"number": number}) for _ in range(3)}
    first = shop.get("grocer-till", f"/v1/sales?member={number}&limit=2").json
    rest = shop.get("grocer-till", f"/v1/sales?member={number}&limit=2&cursor={first['next_cursor']}").json
    assert {s["sale_id"] for s in first["sales"] + rest["sales"]} == sales
    other = shop.get("grocer-till", f"/v1/sales?reference=r&cursor={first['next_cursor']}")
    assert (other.status_code, other.json["code"]) == (400, "cursor-refused")


@pytest.mark.parametrize(
    "query",
    [
        "",
        "?invoice=A&reference=r",
        "?member=1",
        "?member=952000000000099991",
        "?invoice=A&since=2017-03-01T00:00:00Z",
        "?reference=r&since=2017-01-01T00:00:00Z",
        "?reference=r&since=2018-01-01T00:00:00Z",
        "?reference=r&until=yesterday",
    ],
)
def test_an_odd_look_up_is_refused(open_shop_once: Shop, query: str) -> None:
    answer = open_shop_once.get("grocer-till", f"/v1/sales{query}")
    assert (answer.status_code, answer.json["code"]) == (400, "malformed-field")


def test_a_key_of_no_merchant_finds_nothing(shop: Shop) -> None:
    assert shop.get("auditor", "/v1/sales?reference=r").json["code"] == "not-yours"


def test_a_number_is_used_once(shop: Shop) -> None:
    sale_of(shop, invoice=TW)
    answer = shop.post("grocer-till", "/v1/sales", basket(invoice=TW))
    assert (answer.status_code, answer.json["code"]) == (422, "invoice-number-used")


def test_an_exchange_is_one_answer_with_both_receipts(shop: Shop) -> None:
    sale = sale_of(shop, amount=4_000)
    line = {"line": "other", "category": "GROCERY", "quantity": 1, "amount_minor": 1_000, "price_of": "1"}
    body = basket(lines=[line], sale=sale, returned=[{"line": "1", "quantity": 1}])
    wrong = body | {"lines": [line | {"amount_minor": 1_200}]}
    answer = shop.post("grocer-till", "/v1/exchanges", wrong)
    assert (answer.status_code, answer.json["code"]) == (422, "exchange-price-differs")
    done = shop.post("grocer-till", "/v1/exchanges", body, key="x")
    assert done.status_code == 201
    assert done.json["sale"]["receipt"]["number"] == done.json["refund"]["receipt"]["number"] + 1
    again = shop.post("grocer-till", "/v1/exchanges", body, key="x")
    assert (again.data, again.headers["Idempotency-Replayed"]) == (done.data, "true")


def test_a_partner_takes_back_by_published_rules(shop: Shop) -> None:
    sale = sale_of(shop)
    path, body = f"/v1/sales/{sale}/refunds", {"reference": "x"}
    answer = shop.post("fuel-till", path, body)
    assert (answer.status_code, answer.json["code"]) == (403, "return-at-another-merchant")
    publish(shop, "grocer", GROCER, where="partners", partners=[FUEL])
    publish(shop, "operator", FUEL, takes_back_for=[GROCER])
    assert shop.must("fuel-till", path, body)["sold_by"] == GROCER
    rule = shop.get("fuel-till", f"/v1/merchants/{GROCER}/return-policy").json
    assert (rule["where"], rule["partners"], rule["order"]) == ("partners", [FUEL], "proportional")


def test_days_and_stores_are_kept_to(shop: Shop) -> None:
    sale = sale_of(shop)
    publish(shop, "grocer", GROCER, where="same_store", within_days=1)
    second = with_check_digit("952010000090")
    store = {"store": second, "merchant": GROCER, "name": "s", "timezone": "Europe/London"}
    shop.must("operator", "/v1/stores", store)
    terminal = shop.must("operator", "/v1/terminals", {"store": second, "label": "2"})["terminal"]
    shop.keys["second-till"] = shop.key_for("cashier", terminal)
    path = f"/v1/sales/{sale}/refunds"
    assert shop.post("second-till", path, {"reference": "x"}).json["code"] == "return-at-another-store"
    shop.at = "2017-03-05T12:00:00Z"
    assert shop.post("grocer-till", path, {"reference": "x"}).json["code"] == "return-too-late"


def test_goods_without_a_receipt_come_back_for_store_credit_where_the_rule_says_so(shop: Shop) -> None:
    body = {
        "reference": "x", "currency": "USD", "member": {"number": member(shop)["number"]},
        "lines": [{"line": "1", "category": "GROCERY", "quantity": 1, "amount_minor": 950}],
    }  # fmt: skip
    refused = shop.post("grocer-till", "/v1/returns", body)
    assert (refused.status_code, refused.json["code"]) == (403, "return-without-receipt-refused")
    publish(shop, "grocer", GROCER, without_receipt={"most_minor": 1_000, "most_per_day": 1})
    assert shop.must("grocer-till", "/v1/returns", body)["store_credit_minor"] == 941
    assert shop.post("grocer-till", "/v1/returns", body).json["code"] == "return-without-receipt-limited"


def test_a_rule_is_the_merchants_own_to_publish(shop: Shop) -> None:
    path = f"/v1/merchants/{FUEL}/return-policy"
    assert shop.post("grocer", path, {"where": "merchant"}).json["code"] == "not-yours"
    assert shop.post("operator", path, {"partners": ["123"]}).json["code"] == "malformed-field"
    nobody = "/v1/merchants/9524440000006/return-policy"
    assert shop.post("operator", nobody, {}).json["code"] == "merchant-unknown"
    assert shop.get("grocer-till", nobody).json["code"] == "merchant-unknown"
