"""Two operators are two people: however many keys one has, it never approves its own request (D18)."""

from __future__ import annotations

from tests.api.service import GROCER, Shop
from tests.api.test_administration import with_phone

OPERATOR = {"role": "operator", "subject": "op"}


def asked_by(shop: Shop, who: str, number: str) -> str:
    """The path on which the adjustment is decided that this caller has asked for."""
    wish = {"member": number, "programme": "GROC", "points": 50, "reason": "goodwill", "note": "sorry"}
    asked = shop.must(who, "/v1/adjustments", {**wish, "funder": GROCER})["adjustment"]
    return f"/v1/adjustments/{asked}/decision"


def points_of(shop: Shop, number: str) -> int:
    balances = shop.get("auditor", f"/v1/members/{number}/balance").json["balances"]
    return sum(balance["available"] for balance in balances)


def test_a_further_key_of_the_same_operator_is_no_second_person(any_shop: Shop) -> None:
    shop = any_shop
    number = with_phone(shop)["number"]
    path = asked_by(shop, "operator", number)
    further = shop.must("operator", "/v1/keys", OPERATOR)
    rotated = shop.must(further["token"], f"/v1/keys/{further['key_id']}/rotate", {"overlap_seconds": 60})
    for key in (further["token"], rotated["token"]):
        for approve in (True, False):
            refused = shop.post(key, path, {"approve": approve})
            assert (refused.status_code, refused.json["code"]) == (403, "second-person-needed")
    assert points_of(shop, number) == 0
    second = shop.further_operator("second").token
    assert shop.must(second, path, {"approve": True})["state"] == "approved"
    assert points_of(shop, number) == 50


def test_no_operator_makes_itself_a_second_operator(any_shop: Shop) -> None:
    shop = any_shop
    for more in ({}, {"scopes": ["member:write"]}, {"label": "op"}):
        body = {"role": "operator", "subject": "second", **more}
        refused = shop.post("operator", "/v1/keys", body)
        assert (refused.status_code, refused.json["code"]) == (403, "another-operator")
    assert shop.get("operator", "/v1/keys?role=operator&subject=second").json["keys"] == []
    spelled = shop.must("operator", "/v1/keys", {**OPERATOR, "subject": " op "})["token"]
    path = asked_by(shop, spelled, with_phone(shop)["number"])
    assert shop.post("operator", path, {"approve": True}).json["code"] == "second-person-needed"


def test_no_operator_rotates_its_way_to_the_key_of_another(any_shop: Shop) -> None:
    shop = any_shop
    second = shop.further_operator("second")
    refused = shop.post("operator", f"/v1/keys/{second.key_id}/rotate")
    assert (refused.status_code, refused.json["code"]) == (403, "another-operator")
    own = shop.must(second.token, f"/v1/keys/{second.key_id}/rotate", {"overlap_seconds": 60})["token"]
    path = asked_by(shop, own, with_phone(shop)["number"])
    assert shop.post(second.token, path, {"approve": True}).json["code"] == "second-person-needed"
    assert shop.must("operator", path, {"approve": True})["state"] == "approved"


def test_an_operator_still_ends_the_lost_key_of_another(shop: Shop) -> None:
    second = shop.further_operator("second")
    assert shop.must("operator", f"/v1/keys/{second.key_id}/revoke")["status"] == "revoked"
    assert shop.get(second.token, "/v1/stores").json["code"] == "credentials-refused"
