"""Claims over HTTP: the member files, the merchant's care answers, the operator approves."""

from __future__ import annotations

from typing import Any

from tests.api.service import FUEL, GROCER, GROCER_STORE, Shop, basket
from tests.api.test_administration import NEXT_PHONE, with_phone
from tests.api.test_pages import all_pages

RECEIPT = {"store": GROCER_STORE, "sold_on": "2017-03-01", "reference": "r", "amount_minor": 10_000}


def member(shop: Shop, *phone: bytes) -> tuple[str, str, str]:
    """A member's number, its own key and the path of its claims."""
    number = with_phone(shop, *phone)["number"]
    return number, shop.key_for("member", number), f"/v1/members/{number}/claims"


def code_of(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json["code"]


def test_a_claim_goes_from_the_receipt_to_the_points(any_shop: Shop) -> None:
    shop = any_shop
    number, own, path = member(shop)
    shop.must("grocer-till", "/v1/sales", basket())
    filed = shop.must(own, path, RECEIPT, key="c")
    assert shop.must(own, path, RECEIPT, key="c") == filed
    assert (filed["state"], filed["programme"], filed["points"]) == ("matched", "GROC", 100)
    claim = f"/v1/claims/{filed['claim']}"
    waiting = shop.get("grocer", "/v1/claims?only=waiting").json["claims"]
    assert [row["claim"] for row in waiting] == [filed["claim"]]
    assert shop.get("fuel", "/v1/claims").json["claims"] == []
    grant = {"programme": "GROC", "points": 100}
    assert code_of(shop.post("fuel", f"{claim}/grant", grant)) == (404, "claim-unknown")
    answered = shop.must("grocer", f"{claim}/grant", grant, key="g")
    assert shop.must("grocer", f"{claim}/grant", grant, key="g") == answered
    assert code_of(shop.post("grocer", f"{claim}/grant", grant)) == (409, "claim-decided")
    decision = f"/v1/adjustments/{answered['adjustment']}/decision"
    assert shop.must("operator", decision, {"approve": True})["state"] == "approved"
    shown = shop.get(own, claim).json
    assert shown["state"] == "granted"
    assert [event["kind"] for event in shown["events"]] == ["filed", "matched", "asked"]
    assert shop.get(own, f"/v1/members/{number}/balance").json["balances"][0]["available"] == 100
    assert shop.get("grocer", "/v1/adjustments").json["adjustments"][0]["claim"] == filed["claim"]


def test_a_receipt_a_deadline_and_a_number_of_claims_are_kept(any_shop: Shop) -> None:
    shop = any_shop
    _, own, path = member(shop)
    _, other, others = member(shop, NEXT_PHONE)
    terms = {"claim_days": 5, "answer_days": 2, "per_member_month": 2}
    policy = f"/v1/merchants/{GROCER}/claim-policy"
    assert code_of(shop.post("fuel", policy, terms)) == (403, "not-yours")
    shop.must("grocer", policy, terms)
    assert shop.get(own, policy).json == {"merchant": GROCER, **terms}
    filed = shop.must(own, path, RECEIPT)
    assert filed["answer_due_at"] == "2017-03-03T12:00:00Z"
    assert code_of(shop.post(other, others, RECEIPT)) == (409, "receipt-claimed")
    assert code_of(shop.post(own, path, RECEIPT | {"sold_on": "2017-02-20"})) == (422, "claim-too-late")
    shop.must(own, path, RECEIPT | {"reference": "s"})
    assert code_of(shop.post(own, path, RECEIPT | {"reference": "t"})) == (422, "claim-limit-reached")
    assert code_of(shop.post(other, others, RECEIPT | {"sold_on": "2017-02-30"})) == (400, "malformed-field")
    assert code_of(shop.post(other, others, RECEIPT | {"store": FUEL})) == (404, "store-unknown")
    refused = shop.must("operator", f"/v1/claims/{filed['claim']}/refusal", {"reason": "not-eligible"})
    assert (refused["state"], refused["reason"]) == ("refused", "not-eligible")
    assert shop.must(other, others, RECEIPT)["state"] == "open"


def test_each_sees_its_own_claims_in_pages(any_shop: Shop) -> None:
    shop = any_shop
    _, own, path = member(shop)
    _, other, others = member(shop, NEXT_PHONE)
    filed = [shop.must(own, path, RECEIPT | {"reference": f"r{i}"})["claim"] for i in range(3)]
    shop.must(other, others, RECEIPT | {"reference": "x"})
    assert sorted(row["claim"] for row in all_pages(shop, own, path, "claims")) == sorted(filed)
    assert code_of(shop.get(other, path)) == (403, "not-yours")
    assert code_of(shop.get(other, f"/v1/claims/{filed[0]}")) == (404, "claim-unknown")
    assert len(all_pages(shop, "auditor", "/v1/claims", "claims")) == 4
    shop.must("operator", f"/v1/members/{path.split('/')[3]}/erase")
    waiting = shop.get("grocer", "/v1/claims?only=waiting").json["claims"]
    assert [row["reference"] for row in waiting] == ["x"]
