"""The till online, cut off, and joined again: every acknowledged sale ends in the books once."""

from __future__ import annotations

from typing import Any

import pytest

from ledger_service.till.book import State
from ledger_service.till.refusals import NoAnswer
from tests.api.service import basket
from tests.api.without_phone import PIN, card_of, with_pin

from .stand import Stand


def test_online_first_the_service_answers_and_nothing_is_queued(stand: Stand) -> None:
    member = stand.member()
    sold = stand.pay(stand.code(member, 1))
    assert (sold["state"], sold["answer"]["points_value_minor"]) == ("certain", 300)
    assert stand.till.book.counts()["queued"] == 0
    refused = stand.pay(stand.code(member, 1))
    assert (refused["state"], refused["code"]) == ("refused", "pay-code-used")


def test_cut_off_it_sells_alone_and_after_a_sync_everything_is_certain(stand: Stand) -> None:
    member = stand.member()
    stand.line.state = "down"
    earned = stand.earn(member)
    stand.later(30)
    paid = stand.pay(stand.code(member, 1))
    assert (earned["state"], paid["state"]) == ("waiting", "waiting")
    stand.line.state = "up"
    stand.later(8 * 3_600)
    assert stand.sync() == {"certain": 2, "waiting": 0, "refused": 0}
    assert stand.answer(paid["key"])["sale"]["points_value_minor"] == 300
    assert stand.balance(member) == 1_000 + 100 - 300 + 7
    assert stand.sync() == {"certain": 0, "waiting": 0, "refused": 0}


def test_a_card_a_phone_and_an_invoice_serve_online_and_alone(stand: Stand) -> None:
    shop, phone = stand.shop, "+14155550166"
    ways = [{"kind": "phone", "value": phone}]
    member = shop.must("grocer", "/v1/members", {"custody": "custodial", "identities": ways})
    card = card_of(shop, member["number"])
    papers = [{"scheme": "tw", "number": f"AB1234567{n}"} for n in range(3)]
    online = stand.sell({"card": card}, papers[0])
    assert online["state"] == "certain"
    stand.line.state = "down"
    alone = [stand.sell({"card": card}, papers[1]), stand.sell({"phone": phone}, papers[2])]
    assert [one["state"] for one in alone] == ["waiting", "waiting"]
    stand.line.state = "up"
    stand.later(3_600)
    assert stand.sync() == {"certain": 2, "waiting": 0, "refused": 0}
    assert stand.balance(member) == 300
    for paper in papers:
        assert len(shop.get("grocer-till", f"/v1/sales?invoice={paper['number']}").json["sales"]) == 1


def test_after_a_silence_it_does_not_let_every_cashier_wait(stand: Stand) -> None:
    member = stand.member()
    stand.line.state = "deaf"
    for _ in range(5):
        stand.earn(member)
    assert stand.line.asked.count("POST /v1/sales") == 1
    stand.later(16)
    stand.earn(member)
    assert stand.line.asked.count("POST /v1/sales") == 2


def test_after_a_restart_it_asks_at_once(stand: Stand) -> None:
    member = stand.member()
    stand.line.state = "deaf"
    stand.earn(member)
    stand.reboot()
    stand.line.state = "up"
    assert stand.earn(member)["state"] == "certain"


def test_an_answer_that_was_lost_is_asked_for_before_anything_else(stand: Stand) -> None:
    member = stand.member()
    stand.line.state = "mute"
    paid = stand.pay(stand.code(member, 1))
    assert paid["state"] == "waiting"
    stand.line.state = "up"
    stand.line.asked.clear()
    stand.later(3_600)
    assert stand.sync() == {"certain": 0, "waiting": 0, "refused": 0}
    assert not [a for a in stand.line.asked if a.startswith("POST")]
    assert stand.state(paid["key"]) == "certain"
    assert stand.balance(member) == 707


def test_a_request_that_never_arrived_is_uploaded_under_its_key(stand: Stand) -> None:
    member = stand.member()
    stand.line.state = "deaf"
    paid = stand.pay(stand.code(member, 1))
    stand.line.state = "up"
    stand.later(3_600)
    assert stand.sync()["certain"] == 1
    assert stand.state(paid["key"]) == "certain"
    assert stand.balance(member) == 707


@pytest.mark.parametrize("lost", ["mute", "deaf"])
def test_what_the_cashier_was_told_is_refused_is_booked_nowhere_in_the_end(stand: Stand, lost: str) -> None:
    member = stand.member()
    stand.line.state = lost
    code = stand.code(member, 1)
    refused = stand.pay(code, 600)
    assert (refused["state"], refused["code"]) == ("refused", "allowance-exceeded")
    stand.line.state = "up"
    stand.later(60)
    stand.sync()
    assert stand.state(refused["key"]) == "cancelled"
    assert stand.balance(member) == 1_000
    again = stand.pay(code, 100)
    assert again["state"] == "refused"


def test_what_the_service_lets_wait_stays_queued_until_it_is_decided(stand: Stand) -> None:
    member = stand.member()
    stand.alone()
    earned = stand.earn(member)
    path = f"/v1/members/{member['number']}/freeze"
    stand.shop.must("operator", path, {"frozen": True})
    assert stand.sync() == {"certain": 0, "waiting": 1, "refused": 0}
    assert stand.answer(earned["key"])["code"] == "member-frozen"
    stand.shop.must("operator", path, {"frozen": False})
    assert stand.sync()["certain"] == 1


def test_a_sale_older_than_a_week_is_refused_and_kept_with_its_code(stand: Stand) -> None:
    member = stand.member()
    stand.alone()
    earned = stand.earn(member)
    stand.later(7 * 86_400 + 1)
    assert stand.sync()["refused"] == 1
    assert stand.answer(earned["key"])["code"] == "offline-sale-too-late"


def test_a_process_that_died_while_it_asked_goes_on_under_the_same_key(stand: Stand) -> None:
    member = stand.member()
    settle = type(stand.till.book).settle
    stand.till.book.settle = None  # type: ignore[method-assign,assignment]  # dies once the service has answered
    with pytest.raises(TypeError):
        stand.earn(member, key="k")
    stand.till.book.close()
    stand.open()
    assert stand.state("k") == "asking"
    assert stand.earn(member, key="k")["state"] == "certain"
    assert stand.balance(member) == 1_100
    assert settle is type(stand.till.book).settle


def test_what_died_while_it_asked_and_goes_on_alone_is_still_asked_for_first(stand: Stand) -> None:
    member = stand.member()
    code = stand.code(member, 1)
    stand.till.book.settle = None  # type: ignore[method-assign,assignment]
    with pytest.raises(TypeError):
        stand.pay(code, key="k")
    stand.till.book.close()
    stand.open()
    stand.line.state = "down"
    assert stand.pay(code, key="k")["state"] == "waiting"
    stand.line.state = "up"
    stand.sync()
    assert stand.state("k") == "certain"
    assert stand.balance(member) == 707


def test_a_sale_that_died_unanswered_and_is_never_repeated_is_taken_back(stand: Stand) -> None:
    member = stand.member()
    stand.till.book.settle = None  # type: ignore[method-assign,assignment]
    with pytest.raises(TypeError):
        stand.pay(stand.code(member, 1), key="k")
    stand.till.book.close()
    stand.open()
    stand.sync()
    assert stand.state("k") == "cancelled"
    assert stand.balance(member) == 1_000


def test_a_sync_without_a_service_changes_nothing(stand: Stand) -> None:
    member = stand.member()
    stand.alone()
    stand.earn(member)
    stand.line.state = "down"
    with pytest.raises(NoAnswer):
        stand.sync()
    assert stand.till.book.counts()["queued"] == 1


def test_what_was_booked_is_forgotten_after_eight_days_and_what_was_refused_is_kept(stand: Stand) -> None:
    member = stand.member()
    stand.alone()
    stand.earn(member)
    stand.sync()
    stand.earn(member)
    stand.later(8 * 86_400 + 1)
    stand.sync()
    assert stand.till.book.counts()["certain"] == 0
    assert stand.till.book.counts()["refused"] == 1


def by_pin(stand: Stand, card: str, key: str, pin: str = PIN) -> dict[str, Any]:
    return stand.sell({"card": card, "pin": pin}, None, key=key, spend={"max_value_minor": 300})


def test_a_pin_pays_online_and_stands_nowhere_at_the_till(stand: Stand) -> None:
    number, card = with_pin(stand.shop)
    sold = by_pin(stand, card, "a")
    assert (sold["state"], sold["answer"]["points_value_minor"]) == ("certain", 300)
    assert by_pin(stand, card, "a") == sold
    assert by_pin(stand, card, "b", "1357")["code"] == "pin-wrong"
    row = stand.till.book.find("a")
    assert row is not None
    assert (PIN in row["body"], "typed" in row["body"]) == (False, True)
    # Rung up again after kill -9 with another PIN, it is given back: nobody was told that it was sold.
    stand.till.book.settle("a", State.ASKING, {})
    assert by_pin(stand, card, "a", "1357")["state"] == "refused"
    stand.sync()
    assert (stand.state("a"), stand.balance({"number": number})) == ("cancelled", 1_000)
    assert by_pin(stand, card, "c")["state"] == "certain"
    stand.till.book.settle("c", State.ASKING, {})
    assert by_pin(stand, card, "c")["state"] == "certain"
    assert stand.balance({"number": number}) == 1_000 - 300 + 97


def test_a_payment_by_pin_without_an_answer_is_booked_nowhere_in_the_end(stand: Stand) -> None:
    number, card = with_pin(stand.shop)
    for lost in ("down", "mute", "deaf"):
        stand.line.state = lost
        assert by_pin(stand, card, lost)["code"] == "needs-the-service"
        stand.line.state = "up"
        stand.later(60)
        stand.sync()
        assert stand.balance({"number": number}) == 1_000
    assert [stand.state(lost) for lost in ("down", "mute", "deaf")] == ["refused", "cancelled", "cancelled"]
    place = {"store": stand.enrolment.store, "currency": "USD", "reference": "deaf"}
    late = place | {"lines": basket()["lines"], "member": {"card": card, "pin": PIN}}
    arrived = stand.shop.post("grocer-till", "/v1/sales", late, key="deaf")
    assert arrived.json["code"] == "idempotency-key-reused"
