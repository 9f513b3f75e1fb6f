"""Fields that look right after trimming, numbers past 64 bits, text in another normal form: no 500s."""

from __future__ import annotations

from typing import Any

import pytest

from ledger_service.kernel import otp
from ledger_service.kernel.clock import parse_instant, seconds_floor
from tests.api.service import FUEL, FUEL_STORE, GROCER, GROCER_STORE, Shop, basket, programme_body
from tests.api.test_administration import with_phone

ZERO = "0x" + "00" * 20


def gift(nonce: str) -> dict[str, Any]:
    leg = {"programme_id": 1, "terms_version": 1, "epoch": 1, "amount": 1}
    return {"giver": ZERO, "recipient": "0x" + "11" * 20, "legs": [leg], "nonce": nonce,
            "valid_until": 2**31, "signature": "0x" + "00" * 65}  # fmt: skip


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/gifts", gift(str(2**64))),
        ("/v1/gifts", gift(" 12 ")),
        ("/v1/keys", {"role": " cashier ", "subject": "t1"}),
        ("/v1/programmes", programme_body("PADDED", GROCER) | {"cycle": " month "}),
        ("/v1/programmes", programme_body(" PADDED", GROCER)),
        ("/v1/members", {"custody": "device\n"}),
    ],
)
def test_a_field_past_its_form_is_malformed_and_never_an_internal_error(
    shop: Shop, path: str, body: dict[str, Any]
) -> None:
    answer = shop.post("operator", path, body)
    assert (answer.status_code, answer.json["code"]) == (400, "malformed-field"), answer.json


def test_a_padded_reason_of_an_adjustment_is_malformed(shop: Shop) -> None:
    number = with_phone(shop)["number"]
    body = {"member": number, "programme": "GROC", "points": 1, "reason": " goodwill ", "note": "n",
            "funder": GROCER}  # fmt: skip
    answer = shop.post("operator", "/v1/adjustments", body)
    assert (answer.status_code, answer.json["code"]) == (400, "malformed-field")


def test_an_exclusion_counts_in_whichever_normal_form_it_was_written(shop: Shop) -> None:
    number = with_phone(shop)["number"]
    decomposed, composed = "CAFE\u0301", "CAF\u00c9"
    rule = {"effective_from": "2017-03-01T12:00:01Z",
            "earn": {"points": 1, "per_minor": 100, "excluded": [f" {decomposed}"]}}  # fmt: skip
    shop.must("grocer", "/v1/programmes/GROC/earn-rules", rule)
    shop.at = "2017-03-02T12:00:00Z"
    line = {"line": "1", "category": composed, "quantity": 1, "amount_minor": 10_000}
    sale = shop.must("grocer-till", "/v1/sales", basket(lines=[line], member={"number": number}))
    assert sale["earned"] == []


def test_an_empty_list_of_lines_refunds_nothing(shop: Shop) -> None:
    sale = shop.must("grocer-till", "/v1/sales", basket())
    empty = shop.post("grocer-till", f"/v1/sales/{sale['sale_id']}/refunds", {"reference": "r", "lines": []})
    assert (empty.status_code, empty.json["code"]) == (400, "malformed-field")


def test_a_member_with_a_phone_pays_with_digits_once_they_are_allowed(shop: Shop) -> None:
    member = with_phone(shop)
    number = member["number"]
    shop.must("grocer-till", "/v1/sales", basket(amount=100_000, member={"number": number}))
    known = shop.must(shop.key_for("member", number), f"/v1/members/{number}/digits")["digits"]
    shop.at = "2017-03-12T12:00:00Z"
    at = seconds_floor(parse_instant(shop.at, "at"))
    shown = otp.digits_at(bytes.fromhex(known["secret"]), known["number"], at)
    body = basket(FUEL_STORE, 2_000, member={"pay_code": shown}, spend={"max_value_minor": 500})
    paid = shop.post("fuel-till", "/v1/sales", body)
    assert (paid.status_code, paid.json.get("points_value_minor")) == (201, 500), paid.json


def test_a_hold_of_a_suspended_merchant_cannot_be_captured_but_is_freed(shop: Shop) -> None:
    member = shop.must("grocer", "/v1/members", {"custody": "custodial"})
    shop.must("grocer-till", "/v1/sales", basket(amount=100_000, member={"number": member["number"]}))
    known = member["devices"][0]["digits"]
    at = seconds_floor(parse_instant(shop.at, "at"))
    shown = otp.digits_at(bytes.fromhex(known["secret"]), known["number"], at)
    body = basket(FUEL_STORE, 2_000, member={"pay_code": shown}, spend={"max_value_minor": 500})
    hold = shop.must("fuel-till", "/v1/authorisations", body)["hold_id"]
    shop.must("operator", f"/v1/merchants/{FUEL}/suspension", {"suspended": True})
    lines = basket(FUEL_STORE, 2_000)["lines"]
    capture = shop.post(
        "fuel-till", f"/v1/authorisations/{hold}/captures", {"lines": lines, "reference": "r"}
    )
    assert (capture.status_code, capture.json["code"]) == (422, "merchant-suspended"), capture.json
    assert shop.must("fuel-till", f"/v1/authorisations/{hold}/void")["state"] == "closed"


def test_a_till_that_holds_a_receipt_learns_who_sold_it_and_nothing_else(shop: Shop) -> None:
    sale = shop.must("grocer-till", "/v1/sales", basket(GROCER_STORE))["sale_id"]
    refused = shop.post("fuel-till", f"/v1/sales/{sale}/refunds", {"reference": "r"})
    assert (refused.status_code, refused.json["code"]) == (403, "return-at-another-merchant")
    assert refused.json["params"] == {"sold_by": GROCER}
    assert shop.get("fuel-till", f"/v1/sales/{sale}").json["code"] == "unknown-sale"


def test_a_refund_by_a_clock_that_runs_behind_is_stamped_with_its_sale(shop: Shop) -> None:
    number = with_phone(shop)["number"]
    sale = shop.must("grocer-till", "/v1/sales", basket(member={"number": number}))
    assert sale["earned"]
    sold_at, shop.at = shop.at, "2017-02-26T12:00:00Z"
    refund = shop.must("grocer-till", f"/v1/sales/{sale['sale_id']}/refunds", {"reference": "r"})
    assert refund["occurred_at"] == sold_at
    assert refund["clawed"] == [{"programme": "GROC", "points": 100, "from": "available"}]
