"""Cashiers' PINs: set by the merchant, tried under a counter, one answer for unknown and wrong."""

from __future__ import annotations

from typing import Any

from tests.api.conftest import open_shop_once
from tests.api.service import FUEL, GROCER, GROCER_STORE, Shop
from tests.api.without_phone import later

__all__ = ["open_shop_once"]
REFUSED = (403, "cashier-refused")


def said(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json.get("code", "")


def check(shop: Shop, cashier: str, pin: str, till: str = "grocer-till") -> Any:
    return shop.post(till, "/v1/cashier-checks", {"cashier": cashier, "pin": pin})


def test_a_cashier_shows_its_pin_and_is_locked_for_a_while_by_wrong_ones(open_shop_once: Shop) -> None:
    shop = open_shop_once
    new = {"merchant": GROCER, "pin": "2580"}
    assert shop.put("grocer", "/v1/cashiers/ann/pin", new | {"pin": "1234"}).json["code"] == "pin-too-easy"
    assert shop.put("grocer", "/v1/cashiers/ann/pin", new | {"merchant": FUEL}).json["code"] == "not-yours"
    # No check could name these, and no column of PostgreSQL holds them.
    for odd in ("a" * 33, "a%00", "ann%20lee"):
        assert said(shop.put("grocer", f"/v1/cashiers/{odd}/pin", new)) == (400, "malformed-field")
        assert said(shop.get("grocer-till", f"/v1/cashiers/{odd}")) == (400, "malformed-field")
    assert shop.put("grocer", "/v1/cashiers/ann/pin", new).status_code == 200
    assert check(shop, "ann", "2580").json == {"cashier": "ann", "member": None}
    assert said(check(shop, "bob", "2580")) == said(check(shop, "ann", "2581")) == REFUSED
    assert said(check(shop, "ann", "2580", "fuel-till")) == REFUSED
    row = shop.get("grocer-till", "/v1/cashiers").json["cashiers"][0]
    assert (row["cashier"], row["tries_left"]) == ("ann", 8)
    assert [said(check(shop, "ann", "0000")) for _ in range(2)] == [REFUSED] * 2
    locked = check(shop, "ann", "2580")
    assert (said(locked), int(locked.headers["Retry-After"]) > 800) == ((429, "cashier-locked"), True)
    later(shop, minutes=16)
    number = shop.must("grocer", "/v1/members", {"custody": "custodial"})["number"]
    shop.must("grocer", "/v1/staff-links", {"merchant": GROCER, "cashier": "ann", "member": number})
    assert check(shop, "ann", "2580").json["member"] == number
    assert shop.get("grocer-till", "/v1/cashiers/ann").json["member"] == number
    shop.must("grocer", "/v1/cashiers/ann/end", {"merchant": GROCER})
    assert said(shop.get("grocer-till", "/v1/cashiers/ann")) == (404, "cashier-unknown")
    assert said(check(shop, "ann", "2580")) == REFUSED


def test_a_till_knows_the_business_date_of_its_store(open_shop_once: Shop) -> None:
    path = f"/v1/stores/{GROCER_STORE}/today"
    told = open_shop_once.get("grocer-till", path).json
    assert (told["business_date"], told["merchant"]) == (open_shop_once.at[:10], GROCER)
    assert said(open_shop_once.get("fuel-till", path)) == (403, "not-yours")
