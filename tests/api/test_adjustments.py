"""Adjustments over HTTP: their list, and limits that a merchant and the operator set for each other."""

from __future__ import annotations

from typing import Any

from tests.api.service import FUEL, GROCER, Shop
from tests.api.test_administration import with_phone

LIMITS = {"per_case": 60, "per_agent_day": 100, "per_member_month": 100, "per_funder_day": 100}


def ask(shop: Shop, number: str, points: int, funder: str = GROCER) -> Any:
    body = {"member": number, "programme": "GROC", "points": points, "reason": "goodwill", "note": "n"}
    return shop.post("operator", "/v1/adjustments", {**body, "funder": funder})


def test_a_merchant_proposes_its_limits_and_the_operator_puts_them_in_force(any_shop: Shop) -> None:
    shop = any_shop
    number = with_phone(shop)["number"]
    path = "/v1/adjustment-limits"
    assert shop.post("grocer", path, {"funder": FUEL, **LIMITS}).json["code"] == "not-yours"
    assert shop.post("grocer", path, {"funder": None, **LIMITS}).json["code"] == "not-yours"
    limit = shop.must("grocer", path, {"funder": GROCER, **LIMITS}, key="l")["limit"]
    assert shop.must("grocer", path, {"funder": GROCER, **LIMITS}, key="l")["limit"] == limit
    decision = f"{path}/{limit}/decision"
    own = shop.post("grocer", decision, {"approve": True})
    assert (own.status_code, own.json["code"]) == (403, "second-person-needed")
    assert shop.post("fuel", decision, {"approve": True}).json["code"] == "not-yours"
    assert ask(shop, number, 61).status_code == 201
    assert shop.must("operator", decision, {"approve": True}, key="d")["state"] == "in-force"
    assert shop.must("operator", decision, {"approve": True}, key="d")["state"] == "in-force"
    over = ask(shop, number, 61)
    assert (over.status_code, over.json["code"]) == (422, "adjustment-limit-reached")
    assert over.json["params"] == {"which": "case", "points": 61, "limit": 60}
    assert ask(shop, number, 39).status_code == 201
    assert ask(shop, number, 1, FUEL).status_code == 201
    assert ask(shop, number, 1).json["params"]["which"] == "funder-day"
    unknown = shop.post("operator", f"{path}/{'0' * 32}/decision", {"approve": True})
    assert unknown.json["code"] == "adjustment-unknown"
    assert [row["state"] for row in shop.get("grocer", path).json["limits"]] == ["in-force"]
    assert shop.get("fuel", path).json["limits"] == []


def test_a_merchant_sees_the_adjustments_that_it_funds_in_pages_and_by_state(any_shop: Shop) -> None:
    shop = any_shop
    number = with_phone(shop)["number"]
    asked = [ask(shop, number, points).json["adjustment"] for points in (1, 2, 3)]
    ask(shop, number, 4, FUEL)
    second = shop.further_operator("second").token
    shop.must(second, f"/v1/adjustments/{asked[1]}/decision", {"approve": False})
    page = shop.get("grocer", "/v1/adjustments?limit=2").json
    rest = shop.get("grocer", f"/v1/adjustments?limit=2&cursor={page['next_cursor']}").json
    seen = [row["adjustment"] for row in page["adjustments"] + rest["adjustments"]]
    assert (sorted(seen), rest["next_cursor"]) == (sorted(asked), None)
    declined = shop.get("auditor", "/v1/adjustments?state=declined").json["adjustments"]
    assert [(row["member"], row["points"], row["decided_by"]) for row in declined] == [
        (number, 2, "operator:second")
    ]
    assert len(shop.get("auditor", "/v1/adjustments").json["adjustments"]) == 4
