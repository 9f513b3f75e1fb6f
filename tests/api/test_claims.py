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


def granted(shop: Shop, path: str, own: str, receipt: dict[str, Any]) -> None:
    filed = shop.must(own, path, receipt)
    assert (filed["state"], filed["reason"], filed["sale_id"]) == ("open", "not-found", None)
    answer = {"programme": "GROC", "points": 100}
    asked = shop.must("grocer", f"/v1/claims/{filed['claim']}/grant", answer)["adjustment"]
    shop.must("operator", f"/v1/adjustments/{asked}/decision", {"approve": True})


def brought_home(shop: Shop, key: str, **more: Any) -> dict[str, Any]:
    """A sale that a till made alone before the claim is uploaded."""
    item = {"key": key, "sold_at": shop.at, "sale": basket(**more)}
    return dict(shop.must("grocer-till", "/v1/offline-sales", {"sales": [item]})["results"][0]["result"])


def test_a_receipt_that_was_granted_before_its_sale_came_earns_once(any_shop: Shop) -> None:
    shop = any_shop
    number, own, path = member(shop)
    mate, mates, mates_path = member(shop, NEXT_PHONE)
    granted(shop, path, own, RECEIPT)
    granted(shop, mates_path, mates, RECEIPT | {"reference": "R-0002"})
    sale = brought_home(shop, "k1")["sale"]["sale_id"]
    for who in (number, mate):
        joins = {"member": {"number": who}, "cashier": "ann"}
        refused = shop.post("grocer-till", f"/v1/sales/{sale}/attach", joins)
        assert code_of(refused) == (409, "already-claimed")
    told = brought_home(shop, "k2", reference="r2", member={"number": number})
    assert (told["already_claimed"], told["sale"]["earned"]) == (True, [])
    for balance_of, key in ((number, own), (mate, mates)):
        balances = shop.get(key, f"/v1/members/{balance_of}/balance").json["balances"]
        assert [row["available"] for row in balances] == [100]
    # Who comes after the sale has earned, under whatever spelling, is granted nothing.
    third = brought_home(shop, "k3", reference="r3", member={"number": number})
    assert third["sale"]["earned"][0]["points"] == 100
    filed = shop.must(mates, mates_path, RECEIPT | {"reference": "R 3", "sold_on": "2017-02-28"})
    answer = {"programme": "GROC", "points": 100}
    refused = shop.post("grocer", f"/v1/claims/{filed['claim']}/grant", answer)
    assert code_of(refused) == (409, "receipt-claimed")
