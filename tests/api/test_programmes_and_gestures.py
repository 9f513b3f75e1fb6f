"""Programmes and merchants on chain, gifts, adjustments, and what is told of the chain."""

from __future__ import annotations

import time
from typing import Any

import pytest

from ledger_service.chain.errors import AdminRefused, ChainUnavailable
from ledger_service.kernel.clock import parse_instant, seconds_floor
from ledger_service.kernel.gs1 import with_check_digit
from ledger_service.kernel.permits import GiftPermit, nonce_of
from ledger_service.kernel.points import Leg
from ledger_service.kernel.secp256k1 import address_text, sign_digest
from tests.api.service import (
    ALLIANCE,
    FORMER_HOUSE,
    FUEL,
    FUEL_STORE,
    GROCER,
    GROCER_STORE,
    TERMS,
    Shop,
    basket,
    programme_body,
)
from tests.api.test_administration import NEXT_PHONE, PHONE, with_phone


def test_what_the_chain_refuses_or_cannot_do_now_is_not_done_here_either(shop: Shop) -> None:
    gln = with_check_digit("952090000000")
    body = {"merchant": gln, "name": "Late"}
    shop.registry.refusal = ChainUnavailable("eth_call", "down")
    down = shop.post("operator", "/v1/merchants", body, key="late")
    assert (down.status_code, down.json["code"]) == (503, "chain-unavailable")
    assert "Retry-After" in down.headers
    shop.registry.refusal = AdminRefused("admit", "no")
    assert shop.post("operator", "/v1/merchants", body, key="late").json["code"] == "chain-admin-refused"
    assert gln not in {m["merchant"] for m in shop.get("operator", "/v1/merchants").json["merchants"]}
    assert shop.must("operator", "/v1/merchants", body, key="late")["merchant"] == gln
    assert shop.post("operator", "/v1/merchants", body).json["code"] == "merchant-known"
    assert shop.post("operator", f"/v1/merchants/{with_check_digit('952091000000')}/suspension",
                     {"suspended": True}).json["code"] == "merchant-unknown"  # fmt: skip


def test_a_merchant_that_the_chain_does_not_reinstate_stays_suspended_here(shop: Shop) -> None:
    path = f"/v1/merchants/{GROCER}/suspension"
    shop.registry.refusal = ChainUnavailable("eth_call", "down")
    assert shop.post("operator", path, {"suspended": True}).json["code"] == "chain-unavailable"
    assert status_of(shop, GROCER) == "suspended"  # it counts here at once, whatever the chain does
    shop.registry.refusal = AdminRefused("reinstate", "no")
    assert shop.post("operator", path, {"suspended": False}).json["code"] == "chain-admin-refused"
    assert status_of(shop, GROCER) == "suspended"
    shop.must("operator", path, {"suspended": False})
    assert status_of(shop, GROCER) == "active"


def status_of(shop: Shop, gln: str) -> str:
    listed = shop.get("operator", "/v1/merchants").json["merchants"]
    return str(next(m["status"] for m in listed if m["merchant"] == gln))


def test_a_rule_is_held_against_past_baskets_and_nothing_is_written(shop: Shop) -> None:
    path = "/v1/programmes/GROC/earn-rules/trial"
    number = str(shop.must("grocer", "/v1/members", {"custody": "custodial"})["number"])
    for amount in (10_000, 2_000):
        shop.must("grocer-till", "/v1/sales", basket(amount=amount, member={"number": number}))
    shop.must("grocer-till", "/v1/sales", basket(amount=5_000))
    rule = {"effective_from": "2017-06-01T00:00:00Z", "earn": {"points": 2, "per_minor": 100}}
    told = shop.post("grocer", path, rule).json
    gave = told["points"]
    assert (told["baskets"], told["members"], told["would_be"]) == (2, 1, 240)
    assert gave == sum(sum(one["points"] for one in sale["earned"]) for sale in sales_of(shop, number))
    assert (told["more"] + told["fewer"], told["point_value_micros"], told["capped"]) == (2, 10_000, 0)
    rule["earn"] |= {"daily_cap": 210}
    capped = shop.post("grocer", path, rule).json
    assert (capped["would_be"], capped["capped"]) == (210, 1)
    assert shop.post("fuel", path, rule).json["code"] == "not-yours"
    assert len(shop.get("grocer", "/v1/programmes").json["programmes"][0]["rules"]) == 1


def sales_of(shop: Shop, number: str) -> list[dict[str, Any]]:
    return list(shop.get("grocer", f"/v1/sales?member={number}").json["sales"])


def test_programmes_get_terms_epochs_and_rules_in_order(shop: Shop) -> None:
    later = "2017-06-01T00:00:00Z"
    terms = TERMS | {"point_value_micros": 5_000}
    published = shop.must("operator", "/v1/programmes/GROC/terms", {"effective_from": later, **terms})
    assert [t["point_value_micros"] for t in published["terms"]] == [10_000, 5_000]
    again = shop.post("operator", "/v1/programmes/GROC/terms", {"effective_from": later, **terms})
    assert again.json["code"] == "terms-out-of-order"
    soon = shop.post(
        "operator", "/v1/programmes/GROC/terms", {"effective_from": "2017-03-05T00:00:00Z", **terms}
    )
    assert soon.json["code"] == "notice-too-short"
    before = len(published["epochs"])
    assert len(shop.must("operator", "/v1/programmes/GROC/epochs", {"count": 3})["epochs"]) == before + 3
    rule = {"effective_from": later, "earn": {"points": 2, "per_minor": 100, "daily_cap": 50}}
    assert shop.must("grocer", "/v1/programmes/GROC/earn-rules", rule)["rules"][1]["points"] == 2
    assert shop.post("grocer", "/v1/programmes/GROC/earn-rules", rule).json["code"] == "terms-out-of-order"
    assert shop.post("fuel", "/v1/programmes/GROC/earn-rules", rule).json["code"] == "not-yours"
    assert (
        shop.post("operator", "/v1/programmes/NONE/epochs", {"count": 3}).json["code"] == "programme-unknown"
    )
    assert (
        shop.post("operator", "/v1/programmes", programme_body("GROC", GROCER)).json["code"]
        == "programme-known"
    )
    stranger = programme_body("NEW", with_check_digit("952091000000"))
    assert shop.post("operator", "/v1/programmes", stranger).json["code"] == "merchant-unknown"
    never = shop.must("operator", "/v1/programmes", programme_body("EVER", FUEL) | {"cycle": "never"})
    assert never["epochs"] == [{"epoch": 1, "ends_at": None}]
    assert (
        shop.post("operator", "/v1/programmes/EVER/epochs", {"count": 1}).json["code"]
        == "calendar-out-of-order"
    )
    assert [p["programme"] for p in shop.get("grocer-till", "/v1/programmes").json["programmes"]] == [
        "GROC",
        "FUEL",
        "EVER",
    ]


def gift(
    shop: Shop, giver: dict[str, Any], recipient: dict[str, Any], amount: int, counter: int = 1
) -> dict[str, Any]:
    until = seconds_floor(parse_instant(shop.at, "at")) + 600
    balance = shop.get("auditor", f"/v1/members/{giver['number']}/balance").json["balances"][0]
    leg = Leg(1, 1, balance["lots"][0]["epoch"], amount)
    accounts = [bytes.fromhex(m["account"][2:]) for m in (giver, recipient)]
    permit = GiftPermit(
        accounts[0], accounts[1], nonce_of(giver["devices"][0]["lane"], counter), until, (leg,)
    )
    signature = sign_digest(PHONE, ALLIANCE.domain.digest(permit.struct_hash()))
    leg_body = {"programme_id": 1, "terms_version": 1, "epoch": leg.epoch, "amount": amount}
    return {"giver": giver["account"], "recipient": recipient["account"], "legs": [leg_body],
            "nonce": str(permit.nonce), "valid_until": until,
            "signature": "0x" + signature.hex()}  # fmt: skip


def test_a_gift_moves_points_once_under_the_givers_signature(any_shop: Shop) -> None:
    shop = any_shop
    giver, recipient = with_phone(shop), with_phone(shop, NEXT_PHONE)
    shop.must("grocer-till", "/v1/sales", basket(member={"number": giver["number"]}))
    own = shop.key_for("member", giver["number"])
    body = gift(shop, giver, recipient, 40)
    done = shop.must(own, "/v1/gifts", body, key="g")
    assert shop.must(own, "/v1/gifts", body, key="g") == done
    assert shop.post(own, "/v1/gifts", body).json["code"] == "gift-permit-invalid"
    balance = shop.get("auditor", f"/v1/members/{recipient['number']}/balance").json["balances"]
    assert balance[0]["available"] == 40
    assert (
        shop.post(own, "/v1/gifts", gift(shop, giver, recipient, 61, 2)).json["code"] == "insufficient-points"
    )
    assert shop.post(own, "/v1/gifts", gift(shop, giver, giver, 1, 3)).json["code"] == "gift-to-self"
    assert (
        shop.post(
            own, "/v1/gifts", gift(shop, giver, recipient, 1, 4) | {"giver": recipient["account"]}
        ).json["code"]
        == "not-yours"
    )
    closed = gift(shop, giver, recipient, 1, 5)
    closed["legs"] = [closed["legs"][0]] * 2
    assert shop.post(own, "/v1/gifts", closed).json["code"] in ("gift-refused", "gift-permit-invalid")


def test_an_adjustment_needs_a_second_person_and_stays_within_limits(any_shop: Shop) -> None:
    shop = any_shop
    number = with_phone(shop)["number"]
    body = {
        "member": number,
        "programme": "GROC",
        "points": 50,
        "reason": "goodwill",
        "note": "sorry",
        "funder": GROCER,
    }
    asked = shop.must("operator", "/v1/adjustments", body, key="a")["adjustment"]
    assert shop.must("operator", "/v1/adjustments", body, key="a")["adjustment"] == asked
    path = f"/v1/adjustments/{asked}/decision"
    assert shop.post("operator", path, {"approve": True}).json["code"] == "second-person-needed"
    second = shop.further_operator("second").token
    assert shop.must(second, path, {"approve": True}, key="d")["state"] == "approved"
    assert shop.must(second, path, {"approve": True}, key="d")["state"] == "approved"
    assert shop.post(second, path, {"approve": False}).json["code"] == "adjustment-decided"
    assert shop.get("auditor", f"/v1/members/{number}/balance").json["balances"][0]["available"] == 50
    over = shop.post("operator", "/v1/adjustments", body | {"points": 10_001})
    assert over.json["code"] == "adjustment-limit-reached"
    missing = shop.post(second, f"/v1/adjustments/{'0' * 32}/decision", {"approve": True})
    assert missing.json["code"] == "adjustment-unknown"


def test_the_chains_state_is_told_to_auditors(shop: Shop) -> None:
    number = with_phone(shop)["number"]
    shop.must("grocer-till", "/v1/sales", basket(member={"number": number}))
    status = shop.get("auditor", "/v1/chain/status").json
    assert status["lag"]["queued"] == 2
    assert status["last_batch"] is None
    assert status["set_aside"] == status["alarms"] == []


def test_the_alliance_tells_what_a_phone_must_sign_for(shop: Shop) -> None:
    facts = shop.client.get("/v1/alliance").json
    assert facts["clearing_house"] == address_text(ALLIANCE.clearing_house)
    assert facts["former_clearing_houses"] == ["0x" + FORMER_HOUSE.hex()]
    assert facts["chain_id"] == ALLIANCE.chain_id
    assert facts["replay"] is True


@pytest.mark.parametrize("till", ["grocer-till"])
def test_a_disabled_till_sells_nothing(shop: Shop, till: str) -> None:
    shop.must("grocer", f"/v1/terminals/{shop.keys['grocer-terminal']}/disable")
    time.sleep(1.1)
    assert shop.post(till, "/v1/sales", basket()).json["code"] == "credentials-refused"
    assert shop.post("fuel-till", "/v1/sales", basket(FUEL_STORE)).status_code == 201
    assert GROCER_STORE != FUEL_STORE
