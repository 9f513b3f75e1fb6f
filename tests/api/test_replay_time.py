"""How far the header Alliance-Time may be from where the replay stands (D16)."""

from __future__ import annotations

from tests.api.service import FUEL_STORE, GROCER, Shop, basket
from tests.api.test_administration import with_phone
from tests.api.test_programmes_and_gestures import gift

FAR = "replay-time-out-of-range"


def test_a_wrong_year_moves_no_clock_and_the_next_request_goes_on(shop: Shop) -> None:
    body = basket()
    shop.at = "2071-03-01T12:00:00Z"
    for refused in (shop.post("grocer-till", "/v1/sales", body), shop.get("auditor", "/v1/programmes")):
        assert (refused.status_code, refused.json["code"]) == (422, FAR)
    assert refused.json["params"]["said"] == shop.at
    shop.at = "2017-03-02T12:00:00Z"
    shop.must("grocer-till", "/v1/sales", body)
    assert shop.serving.pipeline.clock.now().year == 2017


def test_a_write_from_long_before_the_clock_is_refused_unless_it_was_answered_already(shop: Shop) -> None:
    giver, recipient = with_phone(shop), shop.must("grocer", "/v1/members", {"custody": "custodial"})
    own = shop.key_for("member", giver["number"])
    shop.must("grocer-till", "/v1/sales", basket(member={"number": giver["number"]}), key="early")
    given = gift(shop, giver, recipient, 4)
    shop.must(own, "/v1/gifts", given, key="given")
    store = {"store": GROCER, "merchant": GROCER, "name": "n", "timezone": "UTC"}
    before, shop.at = shop.at, "2017-03-06T12:00:00Z"
    shop.must("fuel-till", "/v1/sales", basket(FUEL_STORE, 100))
    shop.at = before
    again = shop.must("grocer-till", "/v1/sales", basket(member={"number": giver["number"]}), key="early")
    assert again["occurred_at"] == before
    assert shop.post(own, "/v1/gifts", given, key="given").status_code == 201
    for refused in (
        shop.post("grocer-till", "/v1/sales", basket(member={"number": giver["number"]})),
        shop.post(own, "/v1/gifts", gift(shop, giver, recipient, 5)),
        shop.post("operator", "/v1/stores", store),
        shop.post("operator", f"/v1/merchants/{GROCER}/suspension", {"suspended": True}),
    ):
        assert (refused.status_code, refused.json["code"]) == (422, FAR)
    assert shop.get("auditor", "/v1/programmes").status_code == 200
    assert ("suspend", int(GROCER), True) not in shop.registry.acts
