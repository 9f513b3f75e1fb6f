"""A member confirms or declines on its phone, objects to what a rule did, and claims missing points."""

from __future__ import annotations

import re
from collections.abc import Callable

from ledger_service.claims.rules import STATES as CLAIM_STATES
from ledger_service.risk.review_rules import STATES as REVIEW_STATES
from ledger_service.web.wording import LANGUAGES, words
from tests.api.offices import refused
from tests.api.service import GROCER, GROCER_STORE, Shop, basket
from tests.web.conftest import Browser

Enter = Callable[..., Browser]
BIG = {"code": "big", "signal": "amount", "outcome": "step_up", "acts": ["spend"], "most": 50}


def test_a_payment_is_confirmed_on_the_phone_and_goes_through_at_the_till(
    enter: Enter, web_shop: Shop
) -> None:
    number = web_shop.keys["member-number"]
    rules = "/v1/risk/rules/alliance"
    body = {"effective_from": web_shop.at, "rules": [BIG]}
    version = web_shop.put("operator", rules, body).json["version"]
    second = web_shop.further_operator("second").token
    web_shop.must(second, f"{rules}/{version}/decision", {"publish": True})
    phone, till = enter("member"), enter("cashier")

    def sell(**more: str) -> str:
        digits = web_shop.get("member", f"/v1/members/{number}/code").json["digits"]
        return str(till.post("/till", act="sell", amount_1="5", member=digits, points="1", **more).text)

    till.get("/till")
    asked = sell()
    challenge = re.findall(r'name="step_up" value="([0-9a-f]{32})"', asked)[0]
    assert "confirm $1.00 in points" in asked
    assert 'href="/me/confirm"' in phone.get("/me").text.partition("A till asks you")[2]
    assert "A till asks you" in phone.get("/me/pay").text
    page = phone.get("/me/confirm").text
    known = web_shop.get("operator", "/v1/merchants").json["merchants"]
    assert (next(one["name"] for one in known if one["merchant"] == GROCER) in page, "$1.00" in page) == (
        True,
        True,
    )
    assert phone.post(f"/me/confirm/{challenge}").status_code == 400
    done = phone.post(f"/me/confirm/{challenge}", says="yes").headers["Location"]
    assert "Let the cashier scan" in phone.get(done).text
    till.get("/till")
    assert "<code" in sell(step_up=challenge) or "receipt" in sell(step_up=challenge)
    phone.get("/me/confirm")
    assert phone.post(f"/me/confirm/{challenge}", says="no").status_code == 404


def test_a_refusal_is_read_with_its_reason_and_objected_to_once(enter: Enter, web_shop: Shop) -> None:
    number = web_shop.keys["member-number"]
    refused(web_shop, number)
    phone, desk = enter("member", "zh-Hans"), enter("operator")
    page = phone.get("/me/checks").text
    assert all(said in page for said in ("已达到目前的上限", "这是我 it was me"))
    assert "<textarea" not in page
    decision = "0" * 31 + "1"
    again = phone.post(f"/me/checks/refusals/{decision}", reason="我")
    assert (again.status_code, 'role="alert"' in again.text) == (409, True)
    assert f"/operator/appeals/{decision}" in desk.get("/operator/appeals").text
    assert ">much<" in desk.get(f"/operator/appeals/{decision}").text
    told = desk.post(f"/operator/appeals/{decision}", deed="answer-appeal", answer="lifted", words="抱歉 <b>")
    assert told.status_code == 303
    assert "抱歉 &lt;b&gt;" in phone.get("/me/checks").text


def test_a_receipt_is_claimed_and_its_outcome_stands_there(enter: Enter, web_shop: Shop) -> None:
    sold = web_shop.must("grocer-till", "/v1/sales", basket(amount=4_200, reference="lost-one"))
    phone = enter("member")
    assert "claimed no receipt" in phone.get("/me/claims").text
    receipt = {"store": GROCER_STORE, "sold_on": "2017-03-01", "reference": "lost-one"}
    wrong = phone.post("/me/claims", **receipt, amount_minor="x")
    assert (wrong.status_code, 'value="lost-one"' in wrong.text) == (400, True)
    phone.get("/me/claims")
    receipt["code"] = sold["sale_id"]
    assert phone.post("/me/claims", **receipt, amount_minor="42.00").headers["Location"].endswith("=claimed")
    page = phone.get("/me/claims?done=claimed").text
    assert ("matched" in page, "$42.00" in page) == (True, True)


def test_every_state_of_a_claim_and_of_a_review_has_a_word() -> None:
    for language in LANGUAGES:
        known = words(language).keys()
        assert {f"word.{one}" for one in CLAIM_STATES} | {f"state.{one}" for one in REVIEW_STATES} <= known
