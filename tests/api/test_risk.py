"""Fraud rules over HTTP: two people publish them, tills are told politely, care and member have their say."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import orjson
import pytest

from ledger_service.api.endpoints.risk import decision_document
from ledger_service.kernel.gs1 import with_check_digit
from ledger_service.kernel.paycode import encode_pay_code, sign_pay_code
from ledger_service.kernel.permits import SpendPermit
from ledger_service.risk.defaults import DEFAULT_RULES
from ledger_service.risk.reasons import LANGUAGES
from tests.api.service import ALLIANCE, FUEL, GROCER, NOON, Shop, basket
from tests.api.test_administration import PHONE
from tests.api.test_pages import all_pages
from tests.api.test_pay_codes import Holder, holder

__all__ = ["holder"]
RULES = "/v1/risk/rules/alliance"
BIG = {"code": "big", "signal": "amount", "outcome": "step_up", "acts": ["spend"], "most": 50}
OWN = {"code": "own", "signal": "own_card", "outcome": "hold", "acts": ["sale"]}


def proposal(shop: Shop, *rules: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"effective_from": shop.at, "rules": list(rules), **more}


def publish(shop: Shop, *rules: dict[str, Any], path: str = RULES) -> None:
    version = put(shop, "operator", path, proposal(shop, *rules))["version"]
    if "second" not in shop.keys:
        shop.keys["second"] = shop.further_operator("second").token
    assert shop.must("second", f"{path}/{version}/decision", {"publish": True}) == {"state": "published"}


def put(shop: Shop, who: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
    answer = shop.put(who, path, body)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    return dict(answer.json)


def code_of(answer: Any) -> str:
    return str(answer.json["code"])


def held_sale(shop: Shop, number: str) -> dict[str, Any]:
    """A sale that the cashier rang up on her own card."""
    shop.must("grocer", "/v1/staff-links", {"merchant": GROCER, "cashier": "anna", "member": number})
    publish(shop, OWN)
    return shop.must("grocer-till", "/v1/sales", basket(member={"number": number}, cashier="anna"))


def test_rules_count_only_once_another_person_has_published_them(holder: Holder) -> None:
    shop = holder.shop
    version = put(shop, "operator", RULES, proposal(shop, BIG))["version"]
    path = f"{RULES}/{version}/decision"
    assert code_of(shop.post("operator", path, {"publish": True})) == "rules-need-second-person"
    assert holder.pay(holder.code()).status_code == 201
    second = shop.further_operator("second").token
    assert shop.must(second, path, {"publish": True}) == {"state": "published"}
    assert code_of(shop.post(second, path, {"publish": False})) == "rules-decided"
    assert code_of(holder.pay(holder.code())) == "step-up-required"
    assert code_of(shop.post(second, f"{RULES}/9/decision", {"publish": True})) == "rules-unknown"
    old = {**proposal(shop, BIG), "effective_from": "2016-01-01T00:00:00Z"}
    assert code_of(shop.put("operator", RULES, old)) == "rules-out-of-order"
    shown = shop.get("auditor", RULES).json["versions"]
    assert [(v["version"], v["state"], v["rules"]) for v in shown] == [(1, "published", [BIG])]


def test_a_merchant_proposes_for_itself_alone_and_an_operator_publishes(shop: Shop) -> None:
    path = f"/v1/risk/rules/{GROCER}"
    assert put(shop, "grocer", path, proposal(shop, BIG))["state"] == "asked"
    assert shop.post("grocer", f"{path}/1/decision", {"publish": True}).status_code == 403
    assert shop.must("operator", f"{path}/1/decision", {"publish": True}) == {"state": "published"}
    for other in (RULES, f"/v1/risk/rules/{FUEL}"):
        assert code_of(shop.put("grocer", other, proposal(shop, BIG))) == "not-yours"
        assert code_of(shop.get("grocer", other)) == "not-yours"
    assert code_of(shop.get("operator", RULES)) == "rules-unknown"
    nobody = f"/v1/risk/rules/{with_check_digit('952010000009')}"
    assert code_of(shop.put("operator", nobody, proposal(shop, BIG))) == "merchant-unknown"


@pytest.mark.parametrize(
    ("broken", "field"),
    [
        ({"signal": "mood"}, "body.rules[0].signal"),
        ({"most": None}, "most"),
        ({"acts": []}, "acts"),
        ({"outcome": "allow"}, "outcome"),
        ({"code": "BIG"}, "code"),
        ({"window_seconds": 1_000}, "window_seconds"),
    ],
)
def test_a_rule_that_means_nothing_is_refused_whole(shop: Shop, broken: dict[str, Any], field: str) -> None:
    rule = {name: value for name, value in {**BIG, **broken}.items() if value is not None}
    refused = shop.put("operator", RULES, proposal(shop, OWN, rule))
    assert (refused.status_code, code_of(refused)) == (400, "malformed-field")
    assert field.rsplit(".", 1)[-1] in refused.json["params"]["field"]
    assert code_of(shop.get("operator", RULES)) == "rules-unknown"


def test_the_default_rules_are_accepted_as_they_are(shop: Shop) -> None:
    publish(shop, *DEFAULT_RULES)
    assert shop.get("operator", RULES).json["versions"][0]["rules"] == DEFAULT_RULES


def test_the_phone_sees_what_it_is_asked_and_its_answer_pays(holder: Holder) -> None:
    shop = holder.shop
    publish(shop, BIG)
    asked = holder.pay(holder.code())
    assert (asked.status_code, code_of(asked)) == (422, "step-up-required")
    number = holder.member["number"]
    phone = shop.key_for("member", number)
    shown = shop.get(phone, f"/v1/members/{number}/challenges").json["challenges"][0]
    assert (shown["merchant"], shown["amount_minor"]) == (FUEL, 100)
    assert {name: asked.json["params"][name] for name in ("nonce", "challenge")}.items() <= shown.items()
    account = bytes.fromhex(holder.member["account"][2:])
    permit = SpendPermit(account, int(shown["nonce"]), 1_000_000, holder.now + 60)
    answer = encode_pay_code(sign_pay_code(PHONE, ALLIANCE.domain, permit))
    paid = holder.pay(answer, step_up=shown["challenge"])
    assert (paid.status_code, paid.json["due_minor"]) == (201, 900)
    assert shop.get(phone, f"/v1/members/{number}/challenges").json["challenges"] == []


@pytest.mark.parametrize(("outcome", "code"), [("hold", "held-for-review"), ("refuse", "refused-by-rules")])
def test_a_till_is_told_no_without_an_accusation(holder: Holder, outcome: str, code: str) -> None:
    shop = holder.shop
    publish(shop, {**BIG, "outcome": outcome})
    refused = holder.pay(holder.code())
    assert (refused.status_code, code_of(refused)) == (422, code)
    told = {r["reason"]: r for r in shop.get("fuel-till", "/v1/risk/reasons").json["reasons"]}
    words = told[refused.json["params"]["reason"]]
    assert set(words["member"]) == set(words["cashier"]) == set(LANGUAGES)
    whole = shop.get("auditor", "/v1/risk/decisions").json["decisions"][0]
    assert (whole["hits"][0]["rule"], whole["facts"]["spend"]) == ("big", 100)
    mine = shop.get("fuel", "/v1/risk/decisions").json["decisions"][0]
    assert (mine["hits"], "member" in mine["facts"]) == ([], False)
    assert shop.get("grocer", "/v1/risk/decisions").json["decisions"] == []


def test_a_merchant_does_not_learn_how_old_an_account_or_phone_is() -> None:
    hit = {"scope": int(FUEL), "version": 1, "rule": "r", "outcome": "hold", "actual": 7, "limit": 0}
    hits = [hit | {"signal": signal} for signal in ("new_device", "dormant", "amount")]
    row = SimpleNamespace(
        facts='{"acts": ["sale"], "member": 5, "member_since": 9, "device_since": 8, "cashier": "anna"}',
        hits=orjson.dumps([*hits, hit | {"scope": 0, "signal": "amount"}]),
        decision_id=bytes(16), merchant_id=int(FUEL), outcome="hold", decided_at=NOON,
    )  # fmt: skip
    shown: Any = decision_document(row, int(FUEL))  # type: ignore[arg-type]  # as a row reads
    assert shown["facts"] == {"acts": ["sale"], "cashier": "anna"}
    assert [one.get("actual") for one in shown["hits"]] == [None, None, 7]
    assert len(decision_document(row, None)["hits"]) == 4  # type: ignore[arg-type]  # as a row reads


def test_decisions_come_in_pages(holder: Holder) -> None:
    shop = holder.shop
    publish(shop, BIG)
    for _ in range(5):
        holder.pay(holder.code())
    rows = all_pages(shop, "auditor", "/v1/risk/decisions", "decisions")
    assert len({row["decision"] for row in rows}) == 5


def test_a_held_earn_is_reviewed_reversed_by_two_and_appealed_by_the_member(holder: Holder) -> None:
    shop, number = holder.shop, holder.member["number"]
    sold = held_sale(shop, number)
    assert sold["earned"][0]["awaits"] == "care:review"
    review = all_pages(shop, "operator", "/v1/risk/reviews", "reviews")[0]
    assert (review["sale"], review["reason"], review["state"]) == (
        sold["sale_id"], "served-by-colleague", "open",
    )  # fmt: skip
    path = f"/v1/risk/reviews/{review['review']}"
    step = {"step": "reverse", "reason": "own card"}
    assert shop.must("operator", f"{path}/steps", step) == {"state": "asked"}
    approve = {"step": "approve", "reason": "seen too"}
    assert code_of(shop.post("operator", f"{path}/steps", approve)) == "second-person-needed"
    assert shop.must("second", f"{path}/steps", approve) == {"state": "reversing"}
    phone = shop.key_for("member", number)
    mine = shop.get(phone, f"/v1/members/{number}/reviews").json["reviews"]
    assert [one["state"] for one in mine] == ["reversing"]
    appeal = f"/v1/members/{number}/reviews/{review['review']}/appeal"
    assert shop.must(phone, appeal, {"reason": "a colleague asked me"}) == {"state": "appealed"}
    assert code_of(shop.post(phone, appeal, {"reason": "again"})) == "review-step-refused"
    assert shop.must("operator", f"{path}/steps", {"step": "release", "reason": "true"}) == {
        "state": "released"
    }
    shown = shop.get("operator", path).json
    assert [e["kind"] for e in shown["events"]] == ["opened", "reverse", "approve", "appeal", "release"]
    assert shown["decision"]["hits"][0]["rule"] == "own"
    unknown = f"/v1/risk/reviews/{'0' * 32}"
    assert code_of(shop.get("operator", unknown)) == "review-unknown"
    assert code_of(shop.post("operator", f"{unknown}/steps", step)) == "review-unknown"


def test_a_step_is_done_once_for_its_key(holder: Holder) -> None:
    shop = holder.shop
    held_sale(shop, holder.member["number"])
    review = shop.get("operator", "/v1/risk/reviews").json["reviews"][0]["review"]
    path, step = f"/v1/risk/reviews/{review}/steps", {"step": "release", "reason": "fine"}
    first = shop.must("operator", path, step, key="same")
    assert shop.must("operator", path, step, key="same") == first
    assert code_of(shop.post("operator", path, step)) == "review-step-refused"


def test_rules_are_tried_on_the_past_before_they_are_proposed(holder: Holder) -> None:
    shop = holder.shop
    publish(shop, {**BIG, "most": 10**6})
    assert holder.pay(holder.code()).status_code == 201
    shop.at = "2017-03-01T12:05:00Z"
    tried = put(shop, "operator", RULES, proposal(shop, BIG, dry_run=True))["tried"]
    assert tried["changed"] == [{"was": "allow", "now": "step_up", "acts": 1}]
    assert tried["hits"] == [{"rule": "big", "acts": 1}]
    assert len(shop.get("operator", RULES).json["versions"]) == 1


def test_erasure_forgets_that_a_cashier_was_the_member(holder: Holder) -> None:
    shop, number = holder.shop, holder.member["number"]
    shop.must("grocer", "/v1/staff-links", {"merchant": GROCER, "cashier": "anna", "member": number})
    shop.must("operator", f"/v1/members/{number}/erase")
    with shop.serving.foundations.database.read() as conn:
        assert conn.exec_driver_sql("SELECT count(*) FROM staff_link").scalar_one() == 0
