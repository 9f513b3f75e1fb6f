"""PINs: a card and its PIN pay in custody, visibly; tries are counted and locked; a PIN stands nowhere."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import orjson
import pytest
from sqlalchemy import select

from ledger_service.checkout.models import idempotency
from ledger_service.members.cards.models import member_access
from tests.api.service import Shop, basket
from tests.api.test_cards import assert_nowhere
from tests.api.test_risk import publish
from tests.api.without_phone import PIN, SPEND, card_of, enrol, later, with_pin


def pay(shop: Shop, card: str, pin: str = PIN, **more: str) -> Any:
    body = basket(member={"card": card, "pin": pin}, spend=SPEND)
    return shop.post("grocer-till", "/v1/sales", body, **more)


def test_a_card_and_its_pin_pay_and_the_answer_says_that_custody_signed(any_shop: Shop) -> None:
    _, card = with_pin(any_shop)
    body = basket(member={"card": card, "pin": PIN}, spend=SPEND)
    quoted = any_shop.must("grocer-till", "/v1/quotes", body)
    assert (quoted["points_value_minor"], quoted["payable"][0]["points"]) == (100, 1_000)
    sold = any_shop.must("grocer-till", "/v1/sales", body, key="k")
    assert (sold["points_value_minor"], sold["custodial"]) == (100, "pin")
    assert sold["receipt"]["custodial"] == "pin"
    later(any_shop, minutes=10)
    assert any_shop.must("grocer-till", "/v1/sales", body, key="k") == sold
    assert any_shop.get("grocer-till", f"/v1/sales/{sold['sale_id']}").json["custodial"] == "pin"


def test_a_hold_under_a_pin_is_captured_as_custodial(any_shop: Shop) -> None:
    _, card = with_pin(any_shop)
    body = basket(member={"card": card, "pin": PIN}, spend=SPEND)
    held = any_shop.must("grocer-till", "/v1/authorisations", body)
    assert (held["custodial"], held["held_value_minor"]) == ("pin", 100)
    lines = {"lines": body["lines"], "reference": "c"}
    sold = any_shop.must("grocer-till", f"/v1/authorisations/{held['hold_id']}/captures", lines)
    assert (sold["custodial"], sold["points_value_minor"]) == ("pin", 100)
    assert sold["receipt"]["custodial"] == "pin"


def test_custody_pays_within_its_limits_of_a_payment_and_a_day(shop: Shop) -> None:
    # 50 USD a payment and 100 USD a day; a point is worth a cent.
    number, card = with_pin(shop)
    for _ in range(16):
        shop.must("grocer-till", "/v1/sales", basket(amount=100_000, member={"number": number}))
    body = basket(amount=10_000, member={"card": card, "pin": PIN})
    big = shop.post("grocer-till", "/v1/sales", {**body, "spend": [{"programme": "GROC", "points": 5_001}]})
    assert big.json["code"] == "permit-value-exceeded"
    spend = {**body, "spend": [{"programme": "GROC", "points": 5_000}]}
    codes = [shop.post("grocer-till", "/v1/sales", spend) for _ in range(3)]
    assert [answer.status_code for answer in codes[:2]] == [201, 201]
    assert codes[-1].json["code"] in ("custodial-limit-reached", "custodial-limit-exceeded")
    later(shop, days=1)
    shop.must("grocer-till", "/v1/sales", spend)


def test_custody_counts_what_the_points_are_worth_and_not_the_basket(shop: Shop) -> None:
    _, card = with_pin(shop)
    for _ in range(9):  # a hundred dollars each, of which points pay one
        assert pay(shop, card).status_code == 201


def test_wrong_pins_and_unknown_cards_answer_alike_and_lock_then_block(shop: Shop) -> None:
    _, card = with_pin(shop)
    unknown = pay(shop, "9000000000000018")
    wrong = pay(shop, card, "1357")
    keep = ("code", "status", "title", "detail", "why", "fix", "params")
    assert [unknown.json.get(k) for k in keep] == [wrong.json.get(k) for k in keep]
    assert (wrong.status_code, wrong.json["code"]) == (403, "pin-wrong")
    for _ in range(2):
        assert pay(shop, card, "1357").json["code"] == "pin-wrong"
    locked = pay(shop, card)
    assert (locked.status_code, locked.json["code"]) == (429, "pin-locked")
    assert locked.json["params"]["retry_after_seconds"] == 900
    for _ in range(2):
        later(shop, minutes=15)
        for _ in range(3):
            assert pay(shop, card, "1357").json["code"] == "pin-wrong"
    later(shop, days=1)
    blocked = pay(shop, card)
    assert (blocked.status_code, blocked.json["code"]) == (403, "pin-blocked")


def test_a_right_pin_wipes_the_wrong_ones_out(shop: Shop) -> None:
    _, card = with_pin(shop)
    for _ in range(4):
        for _ in range(2):
            assert pay(shop, card, "1357").json["code"] == "pin-wrong"
        assert pay(shop, card).status_code == 201


def test_a_lost_card_pays_nothing_even_with_its_pin(shop: Shop) -> None:
    number, card = with_pin(shop)
    shop.must("grocer", f"/v1/members/{number}/cards/lost", {})
    assert pay(shop, card).json["code"] == "card-ended"
    assert pay(shop, card_of(shop, number)).status_code == 201  # the PIN is the member's, not the card's


def test_no_pin_is_stored_logged_or_found_by_trying(
    any_shop: Shop, capfd: pytest.CaptureFixture[str]
) -> None:
    pin = "73829164"
    _, card = with_pin(any_shop, pin)
    body = basket(member={"card": card, "pin": pin}, spend=SPEND)
    any_shop.must("grocer-till", "/v1/sales", body, key="k")
    pay(any_shop, card, "1357")
    assert_nowhere(any_shop, [pin, card])
    assert pin not in capfd.readouterr().err
    with any_shop.serving.foundations.database.read() as conn:
        kept = conn.execute(select(idempotency.c.body_hash).where(idempotency.c.key == "k")).scalar_one()
        access = conn.execute(select(member_access)).one()
    plain = orjson.dumps(body, option=orjson.OPT_SORT_KEYS)
    assert kept != sha256(b"POST /v1/sales\n" + plain).digest()
    assert sha256(access.pin_salt + pin.encode()).digest() != access.pin_hash


@pytest.mark.parametrize("pin", ["1234", "0000", "98765432", "123", "12345678901", "12a4"])
def test_easy_and_odd_pins_are_refused(shop: Shop, pin: str) -> None:
    number = enrol(shop)
    answer = shop.put(shop.key_for("member", number), f"/v1/members/{number}/pin", {"pin": pin})
    assert answer.json["code"] in ("pin-too-easy", "malformed-field")
    assert pin not in answer.get_data(as_text=True).replace("1234 ", "")


def test_nobody_sets_the_pin_of_another(shop: Shop) -> None:
    one, two = enrol(shop), enrol(shop)
    key = shop.key_for("member", one)
    assert shop.put(key, f"/v1/members/{two}/pin", {"pin": PIN}).json["code"] == "not-yours"
    for who in ("operator", "grocer", "grocer-till"):
        assert shop.put(who, f"/v1/members/{one}/pin", {"pin": PIN}).json["code"] == "scope-missing"


def test_a_member_that_holds_its_own_key_alone_pays_with_no_pin(shop: Shop) -> None:
    number = enrol(shop, custody="device")
    card = card_of(shop, number)
    shop.put(shop.key_for("member", number), f"/v1/members/{number}/pin", {"pin": PIN})
    assert pay(shop, card).json["code"] == "custody-missing"


def test_at_the_service_desk_a_pin_takes_two_persons(any_shop: Shop) -> None:
    shop = any_shop
    number = enrol(shop)
    card = card_of(shop, number)
    asked = {"member": {"card": card}, "purpose": "pin", "channel": "desk"}
    waiting = shop.must("grocer-till", "/v1/member-codes", asked)
    assert (waiting["channel"], "code" in waiting) == ("desk", False)
    path = f"/v1/member-codes/{waiting['code_id']}/approval"
    assert shop.post("grocer-till", path).json["code"] == "scope-missing"
    assert shop.post("fuel", path).json["code"] == "desk-request-unknown"
    guess = {"member": {"card": card}, "code": "12345678", "pin": PIN}
    assert shop.post("grocer-till", "/v1/pins", guess).json["code"] == "code-wrong"
    shown = shop.must("grocer", path, key="second")
    assert shop.must("grocer", path, key="second") == shown
    assert shop.post("grocer", path).json["code"] == "desk-request-unknown"
    told = {"member": {"card": card}, "code": shown["code"], "pin": PIN}
    assert shop.post("grocer-till", "/v1/pins", {**told, "pin": "1111"}).json["code"] == "pin-too-easy"
    first = shop.must("grocer-till", "/v1/pins", told, key="pin")
    assert shop.must("grocer-till", "/v1/pins", told, key="pin") == first
    assert shop.post("grocer-till", "/v1/pins", told).json["code"] == "code-wrong"  # used up
    assert pay(shop, card).status_code == 201
    assert_nowhere(shop, [shown["code"], PIN + '"'])


def test_who_asked_at_the_desk_does_not_approve(shop: Shop) -> None:
    asked = {"member": {"number": enrol(shop)}, "purpose": "pin", "channel": "desk"}
    waiting = shop.must("grocer", "/v1/member-codes", asked)
    answer = shop.post("grocer", f"/v1/member-codes/{waiting['code_id']}/approval")
    assert (answer.status_code, answer.json["code"]) == (403, "second-person-missing")
    shop.must("operator", f"/v1/member-codes/{waiting['code_id']}/approval")


def test_a_request_at_the_desk_waits_for_half_an_hour(shop: Shop) -> None:
    asked = {"member": {"number": enrol(shop)}, "purpose": "pin", "channel": "desk"}
    waiting = shop.must("grocer-till", "/v1/member-codes", asked)
    later(shop, minutes=30)
    answer = shop.post("grocer", f"/v1/member-codes/{waiting['code_id']}/approval")
    assert answer.json["code"] == "desk-request-unknown"


def test_a_frozen_member_pays_nothing_and_an_erased_one_is_nobody(shop: Shop) -> None:
    number, card = with_pin(shop)
    shop.must("operator", f"/v1/members/{number}/freeze", {"frozen": True})
    assert pay(shop, card).json["code"] == "member-frozen"
    shop.must("operator", f"/v1/members/{number}/erase")
    assert pay(shop, card).json["code"] == "pin-wrong"
    with shop.serving.foundations.database.read() as conn:
        assert conn.execute(select(member_access)).all() == []


def test_a_till_that_guesses_at_many_cards_is_told_to_wait(shop: Shop) -> None:
    codes = [pay(shop, "9000000000000018", "1357").json["code"] for _ in range(32)]
    assert codes[0] == "pin-wrong"
    assert codes[-1] == "rate-limited"
    shop.must("grocer-till", "/v1/sales", basket())  # and sells to everybody else


def test_pins_do_not_go_where_they_do_not_belong(shop: Shop) -> None:
    number, card = with_pin(shop)
    both = {"card": card, "pin": PIN, "code": "1" * 8}
    for member in ({"number": number, "pin": PIN}, {"pay_code": "AL1:x", "pin": PIN}, both):
        answer = shop.post("grocer-till", "/v1/sales", basket(member=member))
        assert answer.json["code"] == "malformed-field"
        assert PIN not in answer.get_data(as_text=True)
    item = {"key": "k", "sold_at": shop.at, "sale": basket(member={"card": card, "pin": PIN})}
    merged = shop.client.post(
        "/v1/offline-sales", json={"sales": [item]},
        headers={"Authorization": f"Bearer {shop.keys['grocer-till']}", "Alliance-Time": shop.at},
    ).json["results"][0]  # fmt: skip
    assert (merged["state"], merged["problem"]["code"]) == ("refused", "malformed-field")
    assert_nowhere(shop, [card])


def test_where_too_many_pins_fail_no_more_are_tried_for_nobody_as_for_anybody(shop: Shop) -> None:
    guessed = {"code": "guessed", "signal": "velocity", "outcome": "refuse", "acts": ["pin"],
               "per": "terminal", "count": "pins", "window_seconds": 3_600, "most": 3}  # fmt: skip
    publish(shop, guessed)
    cards = [with_pin(shop)[1] for _ in range(2)]
    nobodys = "4000000000000002"
    shown = [cards[0], nobodys, cards[1], cards[0], nobodys, cards[1]]
    codes = [pay(shop, card, "9137").json["code"] for card in shown]
    assert codes == ["pin-wrong"] * 3 + ["refused-by-rules"] * 3
    # The right one is not looked at either, and at another till it pays.
    assert pay(shop, cards[1]).json["code"] == "refused-by-rules"
    later(shop, hours=2)
    assert pay(shop, cards[1]).status_code == 201
