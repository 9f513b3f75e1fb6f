"""What the points room refuses of a suspended issuer, over HTTP."""

from __future__ import annotations

from tests.api.service import GROCER, Shop, basket
from tests.api.test_administration import NEXT_PHONE, with_phone
from tests.api.test_programmes_and_gestures import gift


def test_gifts_and_adjustments_of_a_suspended_issuer_wait_for_its_reinstatement(any_shop: Shop) -> None:
    shop = any_shop
    giver, recipient = with_phone(shop), with_phone(shop, NEXT_PHONE)
    shop.must("grocer-till", "/v1/sales", basket(member={"number": giver["number"]}))
    wish = {"member": giver["number"], "programme": "GROC", "points": 5, "reason": "goodwill", "note": "n"}
    asked = shop.must("operator", "/v1/adjustments", {**wish, "funder": GROCER})["adjustment"]
    shop.must("operator", f"/v1/merchants/{GROCER}/suspension", {"suspended": True})
    own, second = shop.key_for("member", giver["number"]), shop.further_operator("second").token
    body, decision = gift(shop, giver, recipient, 40), f"/v1/adjustments/{asked}/decision"
    for refused in (
        shop.post(own, "/v1/gifts", body, key="g"),
        shop.post(second, decision, {"approve": True}, key="d"),
    ):
        assert (refused.status_code, refused.json["code"]) == (422, "issuer-suspended")
        assert refused.json["params"]["programme"] == "GROC"
    shop.must("operator", f"/v1/merchants/{GROCER}/suspension", {"suspended": False})
    shop.must(own, "/v1/gifts", body, key="g")
    assert shop.must(second, decision, {"approve": True}, key="d")["state"] == "approved"
