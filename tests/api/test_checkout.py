"""The checkout over HTTP: earn at one merchant, redeem at another, hold, capture, refund; refusals."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from ledger_service.kernel import otp
from ledger_service.kernel.clock import parse_instant, seconds_floor
from tests.api.service import FUEL_STORE, GROCER_STORE, Shop, basket


def member(shop: Shop) -> dict[str, Any]:
    return shop.must("grocer", "/v1/members", {"custody": "custodial"})


def digits(shop: Shop, enrolled: dict[str, Any]) -> str:
    known = enrolled["devices"][0]["digits"]
    at = seconds_floor(parse_instant(shop.at, "at"))
    return otp.digits_at(bytes.fromhex(known["secret"]), known["number"], at)


def rich_member(shop: Shop, cents: int = 100_000) -> dict[str, Any]:
    enrolled = member(shop)
    body = basket(amount=cents, member={"number": enrolled["number"]})
    shop.must("grocer-till", "/v1/sales", body)
    return enrolled


def test_points_earned_at_one_merchant_pay_at_another(any_shop: Shop) -> None:
    shop = any_shop
    enrolled = rich_member(shop)
    sale = shop.must(
        "fuel-till",
        "/v1/sales",
        basket(
            FUEL_STORE, 2_000, member={"pay_code": digits(shop, enrolled)}, spend={"max_value_minor": 500}
        ),
    )
    assert sale["due_minor"] == 1_500
    assert [(s["programme"], s["points"]) for s in sale["spent"]] == [("GROC", 500)]
    assert [(e["programme"], e["points"]) for e in sale["earned"]] == [("FUEL", 15)]
    balance = shop.get("auditor", f"/v1/members/{enrolled['number']}/balance").json
    assert {b["programme"]: b["available"] for b in balance["balances"]} == {"GROC": 500, "FUEL": 15}


def test_a_retry_gets_the_first_answer_and_another_body_is_refused(shop: Shop) -> None:
    body = basket(member={"number": member(shop)["number"]})
    first = shop.post("grocer-till", "/v1/sales", body, key="k")
    again = shop.post("grocer-till", "/v1/sales", dict(reversed(body.items())), key="k")
    assert first.status_code == again.status_code == 201
    assert first.data == again.data
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    other = shop.post("grocer-till", "/v1/sales", body | {"reference": "other"}, key="k")
    assert (other.status_code, other.json["code"]) == (422, "idempotency-key-reused")
    elsewhere = shop.post("grocer-till", "/v1/pay-codes/revoke", {"pay_code": "1" * 18}, key="k")
    assert elsewhere.status_code >= 400
    stranger = shop.post("fuel-till", "/v1/sales", basket(FUEL_STORE), key="k")
    assert stranger.status_code == 201, "keys of different tills do not meet"


def test_two_tills_race_for_the_last_points_and_one_wins(any_shop: Shop) -> None:
    shop = any_shop
    enrolled = rich_member(shop, 10_000)
    number = enrolled["devices"][0]["digits"]
    answers: list[int] = []
    at = seconds_floor(parse_instant(shop.at, "at"))
    codes = [
        otp.digits_at(bytes.fromhex(number["secret"]), number["number"], at + shift) for shift in (-30, 0)
    ]

    def pay(till: str, store: str, code: str) -> None:
        spend = [{"programme": "GROC", "points": 100}]
        body = basket(store, 100, member={"pay_code": code}, spend=spend)
        answers.append(shop.post(till, "/v1/sales", body).status_code)

    threads = [
        threading.Thread(target=pay, args=args)
        for args in (("grocer-till", GROCER_STORE, codes[0]), ("fuel-till", FUEL_STORE, codes[1]))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [201, 422]


def test_a_hold_is_captured_in_part_extended_and_voided(shop: Shop) -> None:
    enrolled = rich_member(shop)
    body = basket(
        FUEL_STORE,
        1_000,
        member={"pay_code": digits(shop, enrolled)},
        spend={"max_value_minor": 1_000},
        several=True,
    )
    hold = shop.must("fuel-till", "/v1/authorisations", body)["hold_id"]
    assert (
        shop.post("fuel-till", f"/v1/authorisations/{hold}/extend", {"ttl_seconds": 1_800}).status_code == 200
    )
    line = {"line": "1", "category": "FUEL", "quantity": 1, "amount_minor": 400}
    capture = {
        "reference": "c",
        "lines": [line],
        "spend": [{"programme": "GROC", "points": 400}],
        "final": False,
    }
    captured = shop.must("fuel-till", f"/v1/authorisations/{hold}/captures", capture)
    assert captured["due_minor"] == 0
    assert shop.post("fuel-till", f"/v1/authorisations/{hold}/void").status_code == 200
    late = shop.post("fuel-till", f"/v1/authorisations/{hold}/void")
    assert (late.status_code, late.json["code"]) == (409, "hold-closed")
    again = shop.post("fuel-till", f"/v1/authorisations/{hold}/captures", capture)
    assert again.json["code"] == "hold-closed"
    balance = shop.get("auditor", f"/v1/members/{enrolled['number']}/balance").json["balances"][0]
    assert (balance["available"], balance["held"]) == (600, 0)


def test_another_merchants_till_can_neither_see_nor_touch_a_hold_or_a_sale(shop: Shop) -> None:
    enrolled = rich_member(shop)
    sale = shop.must("fuel-till", "/v1/sales", basket(FUEL_STORE))["sale_id"]
    assert shop.get("grocer-till", f"/v1/sales/{sale}").json["code"] == "unknown-sale"
    assert shop.get("fuel-till", f"/v1/sales/{sale}").json["sale_id"] == sale
    assert (
        shop.post("grocer-till", f"/v1/sales/{sale}/refunds", {"reference": "x"}).json["code"]
        == "return-at-another-merchant"
    )
    body = basket(
        FUEL_STORE, 1_000, member={"pay_code": digits(shop, enrolled)}, spend={"max_value_minor": 10}
    )
    hold = shop.must("fuel-till", "/v1/authorisations", body)["hold_id"]
    answer = shop.post("grocer-till", f"/v1/authorisations/{hold}/void")
    assert (answer.status_code, answer.json["code"]) == (404, "hold-unknown")


def test_an_expired_hold_is_refused(shop: Shop) -> None:
    enrolled = rich_member(shop)
    body = basket(
        FUEL_STORE, 500, member={"pay_code": digits(shop, enrolled)}, spend={"max_value_minor": 100}
    )
    hold = shop.must("fuel-till", "/v1/authorisations", body | {"ttl_seconds": 60})["hold_id"]
    shop.at = "2017-03-01T12:05:00Z"
    line = {"line": "1", "category": "FUEL", "quantity": 1, "amount_minor": 400}
    answer = shop.post(
        "fuel-till", f"/v1/authorisations/{hold}/captures", {"reference": "c", "lines": [line]}
    )
    assert (answer.status_code, answer.json["code"]) == (422, "hold-expired")


def test_refunds_in_pieces_come_to_the_whole_and_never_more(shop: Shop) -> None:
    enrolled = rich_member(shop)
    body = basket(
        FUEL_STORE, 999, member={"pay_code": digits(shop, enrolled)}, spend={"max_value_minor": 333}
    )
    sale = shop.must("fuel-till", "/v1/sales", body)["sale_id"]
    parts = [
        shop.must(
            "fuel-till",
            f"/v1/sales/{sale}/refunds",
            {"reference": "x", "lines": [{"line": "1", "quantity": 1}]},
        )
        for _ in range(4)
    ]
    assert sum(part["refunded_minor"] for part in parts) == 999
    assert sum(r["points"] for part in parts for r in part["restored"]) == 333
    over = shop.post(
        "fuel-till", f"/v1/sales/{sale}/refunds", {"reference": "x", "lines": [{"line": "1", "quantity": 1}]}
    )
    assert (over.status_code, over.json["code"]) == (422, "refund-exceeds-sale")
    assert len(shop.get("fuel-till", f"/v1/sales/{sale}").json["refunds"]) == 4


def test_a_quote_changes_nothing_and_uses_no_code_up(shop: Shop) -> None:
    enrolled = rich_member(shop)
    body = basket(
        FUEL_STORE, 500, member={"pay_code": digits(shop, enrolled)}, spend={"max_value_minor": 100}
    )
    quotes = [shop.post("fuel-till", "/v1/quotes", body) for _ in range(2)]
    assert [q.status_code for q in quotes] == [200, 200]
    assert quotes[0].json["due_minor"] == 400
    assert shop.post("fuel-till", "/v1/sales", body).status_code == 201


def test_a_digit_code_counts_once_and_a_wrong_one_never(shop: Shop) -> None:
    enrolled = rich_member(shop)
    body = basket(
        FUEL_STORE, 500, member={"pay_code": digits(shop, enrolled)}, spend={"max_value_minor": 100}
    )
    assert shop.post("fuel-till", "/v1/sales", body).status_code == 201
    assert shop.post("fuel-till", "/v1/sales", body).json["code"] == "pay-code-used"
    state = shop.post("fuel-till", "/v1/pay-codes/query", {"pay_code": body["member"]["pay_code"]})
    assert state.json["state"] == "accepted"
    shop.at = "2017-03-01T13:00:00Z"
    assert shop.post("fuel-till", "/v1/sales", body).json["code"] == "pay-code-wrong"
    malformed = body | {"member": {"pay_code": "123456789012345678"}}
    assert shop.post("fuel-till", "/v1/sales", malformed).json["code"] in (
        "pay-code-malformed",
        "pay-code-wrong",
    )


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"store": "9520100000999"}, 400, "malformed-field"),
        ({"store": FUEL_STORE}, 403, "store-of-another-merchant"),
        ({"store": "9524440000006"}, 404, "store-unknown"),
        ({"currency": "EUR"}, 422, "wrong-currency"),
        ({"currency": "XXX"}, 400, "malformed-field"),
        ({"currency": 5}, 400, "malformed-field"),
        ({"member": {"number": "952000000000099990"}}, 404, "member-unknown"),
        ({"member": {"number": "952000000000099991"}}, 400, "malformed-field"),
        ({"member": {"pay_code": "AL1:QQ!"}}, 400, "pay-code-malformed"),
        ({"member": {"pay_code": "x" * 401}}, 400, "malformed-field"),
        ({"spend": {"max_value_minor": 5}}, 400, "malformed-field"),
        ({"lines": []}, 400, "malformed-field"),
        (
            {"lines": [{"line": "1", "category": "G", "quantity": 0, "amount_minor": 1}]},
            400,
            "malformed-field",
        ),
        (
            {"lines": [{"line": "1", "category": "G", "quantity": 1, "amount_minor": -1}]},
            400,
            "malformed-field",
        ),
        (
            {"lines": [{"line": "1", "category": "G", "quantity": 1, "amount_minor": 1.5}]},
            400,
            "malformed-field",
        ),
        (
            {"lines": [{"line": "1", "category": "G", "quantity": 1, "amount_minor": 10**18}]},
            400,
            "malformed-field",
        ),
        (
            {"lines": [{"line": "1", "category": "G", "quantity": 1, "amount_minor": "1"}]},
            400,
            "malformed-field",
        ),
        (
            {"lines": [{"line": "1", "category": "G", "quantity": True, "amount_minor": 1}]},
            400,
            "malformed-field",
        ),
        ({"reference": "r" * 65}, 400, "malformed-field"),
        ({"points": 1_000}, 400, "malformed-field"),
        ({"reference": None}, 400, "malformed-field"),
    ],
)
def test_a_bad_basket_is_refused_whole(
    open_shop_once: Shop, change: dict[str, Any], status: int, code: str
) -> None:
    answer = open_shop_once.post("grocer-till", "/v1/sales", basket() | change)
    assert (answer.status_code, answer.json["code"]) == (status, code), answer.json


def test_a_merchants_own_key_has_no_till_to_sell_at(shop: Shop) -> None:
    answer = shop.post("grocer", "/v1/sales", basket())
    assert (answer.status_code, answer.json["code"]) == (403, "not-yours")


def test_a_suspended_merchant_sells_nothing_until_it_is_reinstated(shop: Shop) -> None:
    from tests.api.service import GROCER

    path = f"/v1/merchants/{GROCER}/suspension"
    assert shop.must("operator", path, {"suspended": True})["suspended"]
    shop.serving.keyring.refresh()

    time.sleep(1.1)
    assert shop.post("grocer-till", "/v1/sales", basket()).json["code"] == "merchant-suspended"
    shop.must("operator", path, {"suspended": False})
    time.sleep(1.1)
    assert shop.post("grocer-till", "/v1/sales", basket()).status_code == 201
