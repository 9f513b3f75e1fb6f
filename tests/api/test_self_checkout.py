"""Self-checkouts over HTTP: what nobody answers for there, and how much they may take in points."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.service import Shop, basket
from tests.api.test_checkout import member
from tests.api.test_offline import UPLOAD, enrol, equip, spend

LINE = basket()["lines"][0]


def unattended(shop: Shop, limit: int | None = 200) -> None:
    path = f"/v1/terminals/{shop.keys['grocer-terminal']}/mode"
    shop.must("grocer", path, {"kind": "self_checkout", "points_most_minor": limit})


@pytest.fixture
def lane(shop: Shop) -> Shop:
    """The grocer's till is a self-checkout that takes up to two dollars in points."""
    unattended(shop)
    return shop


@pytest.mark.parametrize(
    ("more", "act"),
    [
        ({"cashier": "7"}, "cashier"),
        (
            {"lines": [LINE | {"price_override": {"regular_minor": 11_000, "reason": "torn"}}]},
            "price_override",
        ),
        ({"lines": [LINE | {"staff_discount_minor": 10}]}, "staff_discount"),
    ],
)
def test_what_a_person_decides_is_refused_in_quote_and_sale(
    lane: Shop, more: dict[str, Any], act: str
) -> None:
    for path in ("/v1/quotes", "/v1/sales"):
        answer = lane.post("grocer-till", path, basket(**more))
        assert (answer.status_code, answer.json["code"]) == (403, "attendant-needed")
        assert answer.json["params"] == {"act": act}


def test_goods_come_back_at_a_till_with_a_cashier(lane: Shop) -> None:
    number = member(lane)["number"]
    sale = lane.must("grocer-till", "/v1/sales", basket())["sale_id"]
    body = {"reference": "u", "currency": "USD", "member": {"number": number}, "lines": [LINE]}
    tries = {
        f"/v1/sales/{sale}/refunds": ({"reference": "b"}, "refund"),
        "/v1/exchanges": (basket(sale=sale, returned=[{"line": "1", "quantity": 1}]), "exchange"),
        "/v1/returns": (body, "return"),
    }
    for path, (wish, act) in tries.items():
        answer = lane.post("grocer-till", path, wish)
        assert (answer.json["code"], answer.json["params"]) == ("attendant-needed", {"act": act})
    training = lane.must("grocer-till", "/v1/sales", basket(training=True))["sale_id"]
    answer = lane.post("grocer-till", f"/v1/sales/{training}/refunds", {"reference": "b", "training": True})
    assert answer.json["code"] == "attendant-needed"


def test_members_earn_and_pay_there_up_to_the_limit(lane: Shop) -> None:
    who = enrol(lane)
    body = spend(lane, "grocer", who, 1)["sale"]
    assert body["spend"] == {"max_value_minor": 300}
    assert lane.must("grocer-till", "/v1/quotes", body)["points_value_minor"] == 200
    sold = lane.must("grocer-till", "/v1/sales", body)
    assert sold["points_value_minor"] == 200
    assert sold["earned"][0]["points"] > 0


def test_more_points_than_the_limit_are_refused_and_the_code_still_serves(lane: Shop) -> None:
    who = enrol(lane)
    body = spend(lane, "grocer", who, 1)["sale"]
    for path, more in (("/v1/quotes", {}), ("/v1/sales", {}), ("/v1/authorisations", {})):
        wish = body | {"spend": [{"programme": "GROC", "points": 201}], **more}
        answer = lane.post("grocer-till", path, wish)
        assert (answer.status_code, answer.json["code"]) == (422, "self-checkout-limit")
        assert answer.json["params"] == {"value_minor": 201, "most_minor": 200}
    fits = body | {"spend": [{"programme": "GROC", "points": 200}]}
    assert lane.must("grocer-till", "/v1/sales", fits)["points_value_minor"] == 200


def test_without_a_limit_no_points_are_taken(shop: Shop) -> None:
    who = enrol(shop)
    unattended(shop, None)
    body = spend(shop, "grocer", who, 1)["sale"]
    assert shop.must("grocer-till", "/v1/sales", body)["points_value_minor"] == 0


def test_points_that_a_lane_took_alone_beyond_its_limit_are_the_merchants(shop: Shop) -> None:
    equip(shop, "grocer")
    who = enrol(shop)
    unattended(shop)
    item = spend(shop, "grocer", who, 1)
    told = shop.post("grocer-till", UPLOAD, {"sales": [item]}).json["results"][0]
    assert told["state"] == "certain"
    assert (told["result"]["loss"]["cause"], told["result"]["loss"]["value_minor"]) == (
        "self-checkout-limit",
        300,
    )


def test_a_till_takes_no_limit_and_a_kind_is_known(shop: Shop) -> None:
    path = f"/v1/terminals/{shop.keys['grocer-terminal']}/mode"
    for body in (
        {"points_most_minor": 100},
        {"kind": "kiosk"},
        {"kind": "self_checkout", "points_most_minor": -1},
    ):
        answer = shop.post("grocer", path, body)
        assert (answer.status_code, answer.json["code"]) == (400, "malformed-field")
    store = basket()["store"]
    lane = {"store": store, "label": "lane", "kind": "self_checkout", "points_most_minor": 500}
    made = shop.must("grocer", "/v1/terminals", lane)
    assert (made["kind"], made["points_most_minor"], made["training"]) == ("self_checkout", 500, False)
    unattended(shop)
    shop.must("grocer", path, {})
    shop.must("grocer-till", "/v1/sales", basket(cashier="7"))
