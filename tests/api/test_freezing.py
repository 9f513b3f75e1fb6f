"""A freeze over HTTP: what a till is told of a hold whose member was frozen after it."""

from __future__ import annotations

from tests.api.service import FUEL_STORE, Shop, basket
from tests.api.test_checkout import digits, rich_member


def test_a_capture_of_a_frozen_member_is_refused_but_for_goods_that_had_left(shop: Shop) -> None:
    enrolled = rich_member(shop)
    body = basket(
        FUEL_STORE, 1_000, member={"pay_code": digits(shop, enrolled)}, spend={"max_value_minor": 10}
    )
    hold = shop.must("fuel-till", "/v1/authorisations", body)
    shop.must("operator", f"/v1/members/{enrolled['number']}/freeze", {"frozen": True})
    path = f"/v1/authorisations/{hold['hold_id']}/captures"
    capture = {"lines": body["lines"], "reference": "c"}
    refused = shop.post("fuel-till", path, capture)
    assert (refused.status_code, refused.json["code"]) == (422, "hold-frozen")
    late = shop.post("fuel-till", path, {**capture, "delivered_at": "2999-01-01T00:00:00Z"})
    assert late.json["code"] == "hold-frozen"
    assert shop.post("fuel-till", f"/v1/authorisations/{hold['hold_id']}/void").status_code == 200
