"""Signed pay codes at the till: each way in which one is no good has its own refusal."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pytest

from ledger_service.kernel import otp
from ledger_service.kernel.base45 import encode
from ledger_service.kernel.clock import parse_instant, seconds_floor
from ledger_service.kernel.eip712 import Domain
from ledger_service.kernel.paycode import PayCode, encode_pay_code, sign_pay_code
from ledger_service.kernel.permits import SpendPermit, nonce_of
from tests.api.service import (
    ALLIANCE,
    FORMER_HOUSE,
    FUEL_STORE,
    GROCER,
    GROCER_STORE,
    Shop,
    basket,
    programme_body,
)
from tests.api.test_administration import NEXT_PHONE, PHONE, new_device, with_phone


@dataclass
class Holder:
    """A member with points and a phone that signs."""

    shop: Shop
    member: dict[str, Any]
    counter: int = 0

    @property
    def now(self) -> int:
        return seconds_floor(parse_instant(self.shop.at, "at"))

    def permit(self, most_micros: int = 10**9, until: int = 60) -> SpendPermit:
        self.counter += 1
        nonce = nonce_of(self.member["devices"][0]["lane"], self.counter)
        return SpendPermit(bytes.fromhex(self.member["account"][2:]), nonce, most_micros, self.now + until)

    def code(self, key: bytes = PHONE, domain: Domain = ALLIANCE.domain, **permit: int) -> str:
        return encode_pay_code(sign_pay_code(key, domain, self.permit(**permit)))

    def pay(self, code: str, points: int = 100, **more: Any) -> Any:
        spend = [{"programme": "GROC", "points": points}]
        return self.shop.post(
            "fuel-till",
            "/v1/sales",
            basket(FUEL_STORE, 1_000, member={"pay_code": code}, **{"spend": spend} | more),
        )


@pytest.fixture
def holder(shop: Shop) -> Holder:
    member = with_phone(shop)
    shop.must("grocer-till", "/v1/sales", basket(amount=100_000, member={"number": member["number"]}))
    return Holder(shop, member)


def refusal(answer: Any) -> str:
    assert answer.status_code >= 400, answer.json
    return str(answer.json["code"])


def test_a_signed_code_pays_once(holder: Holder) -> None:
    code = holder.code()
    assert holder.pay(code).status_code == 201
    assert refusal(holder.pay(code)) == "pay-code-used"


def test_a_code_that_is_not_what_was_signed_is_refused_for_its_own_reason(holder: Holder) -> None:
    assert refusal(holder.pay(holder.code(key=NEXT_PHONE))) == "pay-code-altered"
    other = Domain(1, ALLIANCE.clearing_house)
    assert refusal(holder.pay(holder.code(domain=other))) == "pay-code-foreign"
    former = Domain(ALLIANCE.chain_id, FORMER_HOUSE)
    assert refusal(holder.pay(holder.code(domain=former))) == "pay-code-of-former-house"
    assert refusal(holder.pay(holder.code(until=3_600))) == "pay-code-too-long-lived"
    late = holder.code()
    holder.shop.at = "2017-03-01T12:02:00Z"
    assert refusal(holder.pay(late)) == "pay-code-expired"
    signed = sign_pay_code(PHONE, ALLIANCE.domain, holder.permit())
    richer = PayCode(signed.alliance_tag, replace(signed.permit, max_value_micros=10**12), signed.signature)
    assert refusal(holder.pay(encode_pay_code(richer))) == "pay-code-altered"
    assert refusal(holder.pay("AL1:" + encode(b"\x09" + bytes(110)))) == "pay-code-version-unknown"
    assert refusal(holder.pay("AL1:" + encode(b"\x01" + bytes(9)))) == "pay-code-malformed"


def test_a_code_is_revoked_no_sooner_than_fifteen_seconds_and_a_late_original_is_refused(
    holder: Holder,
) -> None:
    code = holder.code()
    state = holder.shop.post("fuel-till", "/v1/pay-codes/query", {"pay_code": code}).json
    assert state["state"] == "unknown"
    early = holder.shop.post("fuel-till", "/v1/pay-codes/revoke", {"pay_code": code})
    assert (early.status_code, early.json["code"]) == (409, "revoke-too-early")
    holder.shop.at = "2017-03-01T12:00:20Z"
    assert (
        holder.shop.post("fuel-till", "/v1/pay-codes/revoke", {"pay_code": code}, key="rv").status_code == 200
    )
    assert refusal(holder.pay(code)) == "pay-code-revoked"
    assert holder.shop.post("fuel-till", "/v1/pay-codes/query", {"pay_code": code}).json["state"] == "revoked"


def test_a_spend_beyond_basket_balance_or_permit_is_refused(holder: Holder) -> None:
    assert refusal(holder.pay(holder.code(), 1_001)) == "not-enough-points"
    assert refusal(holder.pay(holder.code(), 1_000, lines=[line(500)])) == "spend-exceeds-total"
    assert refusal(holder.pay(holder.code(most_micros=10_000), 2)) == "permit-value-exceeded"
    unknown = [{"programme": "NONE", "points": 1}]
    assert refusal(holder.pay(holder.code(), spend=unknown)) == "unknown-programme"
    assert (
        holder.shop.get("auditor", f"/v1/members/{holder.member['number']}/balance").json["balances"][0][
            "available"
        ]
        == 1_000
    )


def test_points_worth_less_than_a_cent_pay_nothing(holder: Holder) -> None:
    shop = holder.shop
    shop.must("operator", "/v1/programmes", programme_body("TINY", GROCER) | {"point_value_micros": 1_000})
    shop.must("grocer-till", "/v1/sales", basket(member={"number": holder.member["number"]}))
    spend = [{"programme": "TINY", "points": 5}]
    assert refusal(holder.pay(holder.code(), spend=spend)) == "spend-worth-nothing"


def test_a_hold_needs_points_and_gives_out_no_more_than_it_holds(holder: Holder) -> None:
    shop, poor = holder.shop, with_phone(holder.shop, NEXT_PHONE)
    empty = Holder(shop, poor)
    body = basket(FUEL_STORE, 1_000, spend={"max_value_minor": 100})
    nothing = shop.post(
        "fuel-till", "/v1/authorisations", body | {"member": {"pay_code": empty.code(key=NEXT_PHONE)}}
    )
    assert refusal(nothing) == "nothing-to-hold"
    hold = shop.must("fuel-till", "/v1/authorisations", body | {"member": {"pay_code": holder.code()}})[
        "hold_id"
    ]
    capture = {"reference": "c", "lines": [line(900)], "spend": [{"programme": "GROC", "points": 101}]}
    assert refusal(shop.post("fuel-till", f"/v1/authorisations/{hold}/captures", capture)) in (
        "not-enough-points",
        "capture-too-large",
    )
    too_long = shop.post("fuel-till", f"/v1/authorisations/{hold}/extend", {"ttl_seconds": 30})
    assert refusal(too_long) == "extension-refused"


def test_the_till_says_when_it_took_the_code_and_signs_it(holder: Holder) -> None:
    off = {"accepted_at": "2017-03-01T13:00:00Z"}
    assert refusal(holder.pay(holder.code(), acceptance=off)) == "clock-skew"
    path = f"/v1/terminals/{holder.shop.keys['fuel-terminal']}/till-key"
    holder.shop.must("fuel", path, {"till_key": "0x" + "11" * 20})
    forged = {"accepted_at": holder.shop.at, "signature": "0x" + "11" * 64 + "1b"}
    assert refusal(holder.pay(holder.code(), acceptance=forged)) == "acceptance-forged"


def test_custodial_members_spend_a_low_amount_per_code_and_day(shop: Shop) -> None:
    member = shop.must("grocer", "/v1/members", {"custody": "custodial"})
    shop.must("grocer-till", "/v1/sales", basket(amount=2_000_000, member={"number": member["number"]}))
    known = member["devices"][0]["digits"]

    def pay(points: int, at: str) -> Any:
        shop.at = at
        code = otp.digits_at(
            bytes.fromhex(known["secret"]), known["number"], seconds_floor(parse_instant(at, "at"))
        )
        spend = [{"programme": "GROC", "points": points}]
        return shop.post(
            "fuel-till", "/v1/sales", basket(FUEL_STORE, 10_000, member={"pay_code": code}, spend=spend)
        )

    over = ("custodial-limit-exceeded", "custodial-limit-reached", "permit-value-exceeded")
    assert [pay(4_900, f"2017-03-01T12:0{m}:00Z").status_code for m in (2, 3)] == [201, 201]
    assert refusal(pay(4_900, "2017-03-01T12:04:00Z")) in over[:2]
    assert refusal(pay(5_001, "2017-03-02T12:01:00Z")) in over


def test_five_wrong_codes_lock_the_device_for_minutes(shop: Shop) -> None:
    member = shop.must("grocer", "/v1/members", {"custody": "custodial"})
    known = member["devices"][0]["digits"]
    at = seconds_floor(parse_instant(shop.at, "at"))
    stale = [
        otp.digits_at(bytes.fromhex(known["secret"]), known["number"], at - 3_600 - 30 * i) for i in range(6)
    ]
    body = basket(FUEL_STORE, 100, spend={"max_value_minor": 10})
    codes = [
        refusal(shop.post("fuel-till", "/v1/sales", body | {"member": {"pay_code": code}})) for code in stale
    ]
    assert codes == ["pay-code-wrong"] * 5 + ["pay-code-locked"]


def test_a_member_has_sixteen_devices_at_most(shop: Shop) -> None:
    member = with_phone(shop)
    account = bytes.fromhex(member["account"][2:])
    path = f"/v1/members/{member['number']}/devices"
    answers = [
        shop.post("operator", path, new_device(shop, bytes([40 + i]) * 32, account, PHONE)) for i in range(16)
    ]
    assert [a.status_code for a in answers[:15]] == [201] * 15
    assert refusal(answers[15]) == "device-limit-reached"


def test_a_refund_names_lines_that_were_sold(shop: Shop) -> None:
    sale = shop.must("fuel-till", "/v1/sales", basket(FUEL_STORE))["sale_id"]
    body = {"reference": "x", "lines": [{"line": "9", "quantity": 1}]}
    assert refusal(shop.post("fuel-till", f"/v1/sales/{sale}/refunds", body)) == "unknown-line"


def test_a_writer_that_closes_sends_its_callers_away_until_it_is_back(shop: Shop) -> None:
    shop.serving.writer.close()
    answer = shop.post("grocer-till", "/v1/sales", basket(GROCER_STORE))
    assert (answer.status_code, refusal(answer)) == (503, "writer-busy")
    assert answer.headers["Retry-After"] == "1"
    ready = shop.client.get("/readyz")
    assert (ready.json["code"], ready.json["params"]["part"]) == ("service-not-ready", "writer")


def line(amount: int) -> dict[str, Any]:
    return {"line": "1", "category": "FUEL", "quantity": 1, "amount_minor": amount}


def test_a_stranger_cannot_spoil_codes_that_a_phone_has_not_shown_yet(holder: Holder) -> None:
    unseen = holder.permit()
    for guessed in (
        PayCode(ALLIANCE.domain.tag, unseen, bytes(65)),
        sign_pay_code(NEXT_PHONE, ALLIANCE.domain, unseen),
    ):
        holder.shop.at = "2017-03-01T12:00:20Z"
        revoked = holder.shop.post(
            "fuel-till", "/v1/pay-codes/revoke", {"pay_code": encode_pay_code(guessed)}
        )
        assert refusal(revoked) == "pay-code-altered"
    assert holder.pay(encode_pay_code(sign_pay_code(PHONE, ALLIANCE.domain, unseen))).status_code == 201


def test_nobody_learns_what_became_of_a_code_that_was_not_shown_to_it(holder: Holder) -> None:
    paid, unseen = holder.permit(), holder.permit()
    assert holder.pay(encode_pay_code(sign_pay_code(PHONE, ALLIANCE.domain, paid))).status_code == 201

    def asked(pay_code: PayCode) -> tuple[int, Any, Any]:
        answer = holder.shop.post("fuel-till", "/v1/pay-codes/query", {"pay_code": encode_pay_code(pay_code)})
        return answer.status_code, answer.json["code"], answer.json["params"]

    strangers = replace(paid, account=b"\x05" * 20)
    guesses = [PayCode(ALLIANCE.domain.tag, permit, bytes(65)) for permit in (paid, unseen, strangers)]
    guesses += [sign_pay_code(NEXT_PHONE, ALLIANCE.domain, permit) for permit in (paid, unseen, strangers)]
    assert {repr(asked(guess)) for guess in guesses} == {repr((422, "pay-code-altered", {}))}


def test_a_till_may_ask_about_a_code_whose_phone_was_lost_meanwhile(holder: Holder) -> None:
    code = holder.code()
    sale = holder.pay(code).json["sale_id"]
    holder.shop.must("operator", f"/v1/members/{holder.member['number']}/devices/1/revoke")
    answer = holder.shop.post("fuel-till", "/v1/pay-codes/query", {"pay_code": code}).json
    assert (answer["state"], answer["used_by"]) == ("accepted", sale)


def test_a_revocation_of_digits_is_answered_again_after_the_digits_are_over(shop: Shop) -> None:
    known = shop.must("grocer", "/v1/members", {"custody": "custodial"})["devices"][0]["digits"]
    at = seconds_floor(parse_instant(shop.at, "at"))
    body = {"pay_code": otp.digits_at(bytes.fromhex(known["secret"]), known["number"], at)}
    shop.at = "2017-03-01T12:00:59Z"
    first = shop.post("fuel-till", "/v1/pay-codes/revoke", body, key="rv")
    assert first.status_code == 200, first.json
    shop.at = "2017-03-01T12:03:00Z"
    again = shop.post("fuel-till", "/v1/pay-codes/revoke", body, key="rv")
    assert (again.status_code, again.data) == (200, first.data)
