"""Earn rules that make points wait, and the events that merchants tell of their sales."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.service import Shop, basket
from tests.api.test_administration import NEXT_PHONE, with_phone
from tests.api.test_pages import all_pages

LATER = "2017-03-02T00:00:00Z"


def rule(pending: dict[str, Any] | None, at: str = LATER) -> dict[str, Any]:
    return {"effective_from": at, "earn": {"points": 1, "per_minor": 100, "pending": pending}}


@pytest.mark.parametrize(
    "pending",
    [
        None,
        {"wait": "none"},
        {"wait": "days", "days": 14},
        {"wait": "until_date", "until": "2017-12-24T00:00:00Z"},
        {"wait": "return_window", "days": 30},
        {"wait": "event", "days": 20, "event": "delivered", "unless_seen": "vest"},
    ],
)
def test_a_rule_says_what_its_earn_waits_for(shop: Shop, pending: dict[str, Any] | None) -> None:
    told = shop.must("grocer", "/v1/programmes/GROC/earn-rules", rule(pending))
    assert told["rules"][-1]["pending"] == pending


@pytest.mark.parametrize(
    ("pending", "field"),
    [
        ({"wait": "days"}, "earn.pending.days"),
        ({"wait": "days", "days": 1, "until": LATER}, "earn.pending.until"),
        ({"wait": "event", "days": 1}, "earn.pending.event"),
        ({"wait": "none", "unless_seen": "vest"}, "earn.pending.unless_seen"),
        ({"wait": "until_date", "until": "soon"}, "earn.pending.until"),
        ({"wait": "until_date", "until": "2099-01-01T00:00:00Z"}, "earn.pending.until"),
        ({"wait": "never"}, "earn.pending.wait"),
    ],
)
def test_pending_terms_that_mean_nothing_are_refused(shop: Shop, pending: dict[str, Any], field: str) -> None:
    refused = shop.post("grocer", "/v1/programmes/GROC/earn-rules", rule(pending))
    assert (refused.status_code, refused.json["code"]) == (400, "malformed-field")
    assert refused.json["params"]["field"] == field


def test_an_event_is_told_once_by_the_merchant_of_the_sale_before_the_deadline(any_shop: Shop) -> None:
    shop = any_shop
    waits = {"wait": "event", "days": 20, "event": "delivered"}
    shop.must("grocer", "/v1/programmes/GROC/earn-rules", rule(waits))
    number = with_phone(shop)["number"]
    shop.at = "2017-03-02T12:00:00Z"
    sales = [
        shop.must("grocer-till", "/v1/sales", basket(member={"number": number}))["sale_id"] for _ in range(2)
    ]
    path = f"/v1/sales/{sales[0]}/events"
    body = {"event": "delivered"}
    assert shop.post("fuel", path, body).json["code"] == "unknown-sale"
    assert shop.post("operator", path, body).json["code"] == "not-yours"
    assert shop.post("grocer", path, {"event": "paid"}).json["code"] == "event-not-awaited"
    assert shop.post("grocer", path, {"event": "Paid!"}).json["code"] == "malformed-field"
    done = shop.must("grocer", path, body, key="e")
    assert done["due"] == [{"programme": "GROC", "points": 100}]
    assert shop.must("grocer", path, body, key="e") == done
    assert shop.post("grocer", path, {"event": "paid"}, key="e").json["code"] == "idempotency-key-reused"
    again = shop.post("grocer-till", path, body)
    assert (again.status_code, again.json["code"]) == (409, "event-recorded")
    shop.at = "2017-03-22T12:00:00Z"
    late = shop.post("grocer", f"/v1/sales/{sales[1]}/events", body)
    assert (late.status_code, late.json["code"], late.json["params"]["deadline"]) == (
        422, "event-too-late", "2017-03-22T12:00:00Z",
    )  # fmt: skip
    found = shop.get("grocer", f"/v1/sales/{sales[0]}").json
    assert found["events"] == [{"event": "delivered", "recorded_at": "2017-03-02T12:00:00Z"}]
    assert shop.get("grocer", f"/v1/sales/{sales[1]}").json["events"] == []


def test_a_member_sees_what_its_pending_points_wait_for(any_shop: Shop) -> None:
    shop = any_shop
    waits = {"wait": "event", "days": 20, "event": "delivered"}
    shop.must("grocer", "/v1/programmes/GROC/earn-rules", rule(waits))
    number, other = with_phone(shop)["number"], with_phone(shop, NEXT_PHONE)["number"]
    shop.at = "2017-03-02T12:00:00Z"
    till, basket_of = "grocer-till", basket(member={"number": number})
    sales = [shop.must(till, "/v1/sales", basket_of)["sale_id"] for _ in range(3)]
    shop.at = "2017-03-03T12:00:00Z"
    sales += [shop.must(till, "/v1/sales", basket_of)["sale_id"]]
    shop.must("grocer", f"/v1/sales/{sales[3]}/events", {"event": "delivered"})
    own = shop.key_for("member", number)
    rows = all_pages(shop, own, f"/v1/members/{number}/pending", "pending", 2)
    assert [row["vests_at"] for row in rows] == ["2017-03-03T12:00:00Z"] + ["2017-03-22T12:00:00Z"] * 3
    assert [(row["points"], row["awaits"], row["lapses"]) for row in rows] == [
        (100, "delivered", False), *[(100, "delivered", True)] * 3,
    ]  # fmt: skip
    assert (rows[0]["sale_id"], {row["sale_id"] for row in rows}) == (sales[3], set(sales))
    assert shop.get(own, f"/v1/members/{other}/pending").json["code"] == "not-yours"
