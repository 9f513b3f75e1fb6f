"""Rules of taking points over HTTP: tried, published with notice, read by tills, refused at the till."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.service import FUEL, FUEL_STORE, GROCER, Shop, basket
from tests.api.test_checkout import digits, rich_member
from tests.api.without_phone import later

PATH = f"/v1/merchants/{GROCER}/acceptance-rules"


def body(rules: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"rules": rules, "reason": "Till drawers run short at noon", **more}


def test_rules_are_tried_then_published_with_a_days_notice_and_stay(shop: Shop) -> None:
    assert shop.get("grocer-till", PATH).json == {"versions": [], "next_cursor": None}
    wanted = body({"ticket_bps": 5_000, "only_programmes": ["GROC"]})
    tried = shop.must("grocer", PATH, {**wanted, "dry_run": True})
    assert (tried["published"], tried["version"]) == (False, 1)
    assert tried["tighter"] == ["programmes", "ticket_bps"]
    assert shop.get("grocer-till", PATH).json["versions"] == []
    soon = "2017-03-02T11:00:00Z"
    refused = shop.post("grocer", PATH, {**wanted, "effective_from": soon})
    assert (refused.status_code, refused.json["code"]) == (422, "acceptance-notice-too-short")
    published = shop.must("grocer", PATH, wanted)
    assert published["effective_from"] == tried["effective_from"]
    refused = shop.post("grocer", PATH, body({}, effective_from=soon))
    assert (refused.status_code, refused.json["code"]) == (409, "acceptance-rules-out-of-order")
    shop.must("grocer", PATH, body({}))
    first = shop.get("fuel-till", f"{PATH}?limit=1").json
    assert first["versions"][0]["rules"]["only_programmes"] == ["GROC"]
    assert first["versions"][0]["reason"] == wanted["reason"]
    second = shop.get("fuel-till", f"{PATH}?limit=1&cursor={first['next_cursor']}").json
    assert [one["version"] for one in second["versions"]] == [2]


@pytest.mark.parametrize(("rules", "status", "code"), [
    ({"ticket_bps": 10_001}, 400, "malformed-field"),
    ({"weekdays": [0]}, 400, "malformed-field"),
    ({"hours": [1]}, 400, "malformed-field"),
    ({"not_dates": ["2026-02-30"]}, 400, "malformed-field"),
    ({"not_stores": ["1234567890123"]}, 400, "malformed-field"),
    ({"category_bps": [{"category": "A", "bps": 1}, {"category": "A", "bps": 2}]}, 400, "malformed-field"),
    ({"colour": "red"}, 400, "malformed-field"),
    ({"not_programmes": ["NONE"]}, 404, "programme-unknown"),
    ({"not_stores": [FUEL]}, 404, "store-unknown"),
    ({"not_stores": [FUEL_STORE]}, 403, "store-of-another-merchant"),
])  # fmt: skip
def test_rules_that_make_no_sense_are_refused(shop: Shop, rules: Any, status: int, code: str) -> None:
    refused = shop.post("grocer", PATH, body(rules))
    assert (refused.status_code, refused.json["code"]) == (status, code)
    assert shop.get("grocer-till", PATH).json["versions"] == []


def test_a_merchant_sets_its_own_rules_only(shop: Shop) -> None:
    assert shop.post("fuel", PATH, body({})).json["code"] == "not-yours"
    assert shop.post("grocer-till", PATH, body({})).json["code"] == "scope-missing"
    nobody = "/v1/merchants/4006381999998/acceptance-rules"
    assert shop.get("grocer-till", nobody).json["code"] in ("merchant-unknown", "malformed-field")


def test_the_same_key_publishes_once(shop: Shop) -> None:
    answers = [shop.post("grocer", PATH, body({}), key="once") for _ in range(2)]
    assert answers[0].json == answers[1].json
    assert len(shop.get("grocer-till", PATH).json["versions"]) == 1


def test_a_till_is_told_why_points_are_not_taken_and_refused_when_it_insists(shop: Shop) -> None:
    enrolled = rich_member(shop)
    shop.must("fuel", f"/v1/merchants/{FUEL}/acceptance-rules", body({"not_programmes": ["GROC"]}))
    later(shop, days=1, seconds=1)
    shop.serving.checkout._admission._sources.directory.refresh()
    paid = {"member": {"pay_code": digits(shop, enrolled)}, "spend": {"max_value_minor": 500}}
    quote = shop.post("fuel-till", "/v1/quotes", basket(FUEL_STORE, 2_000, **paid)).json
    told = quote["payable"][0]["acceptance"]
    assert (quote["points_value_minor"], told["taken"], told["rule"]) == (0, False, "programme-not-taken")
    assert told["said"]["en"] == "This shop does not take points of this programme."
    paid["spend"] = [{"programme": "GROC", "points": 500}]
    refused = shop.post("fuel-till", "/v1/sales", basket(FUEL_STORE, 2_000, **paid))
    assert (refused.status_code, refused.json["code"]) == (422, "points-not-taken")
    assert refused.json["params"]["rule"] == "programme-not-taken"
