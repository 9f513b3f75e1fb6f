"""Cards, PINs and codes under races with real connections: one use each, and no burst outruns the count."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from ledger_service.members.cards.desk import Approved, CardDesk, Known
from ledger_service.members.cards.models import member_access, till_code
from tests.api.service import GROCER, Shop, basket
from tests.api.test_member_codes import MEMBER, ask, told, with_phone
from tests.api.without_phone import PIN, SPEND, card_of, code_in, delivered, enrol, with_pin
from tests.integration.checkout.test_races import at_once

__all__ = ["told"]


def sales_at_once(shop: Shop, member: dict[str, str], count: int) -> list[Any]:
    """The answers of so many sales at the same moment, each with a key of its own."""
    headers = {"Authorization": f"Bearer {shop.keys['grocer-till']}", "Alliance-Time": shop.at}
    client = shop.client.application.test_client

    def pay(number: int) -> Any:
        body = basket(amount=1_000, member=member, spend=SPEND)
        given = headers | {"Idempotency-Key": f"at-once-{number}"}
        return client().post("/v1/sales", json=body, headers=given)

    return at_once(*[lambda n=number: pay(n) for number in range(count)])


def test_one_code_at_many_tills_pays_once(told: Shop, tmp_path: Path) -> None:
    with_phone(told)
    ask(told)
    code = code_in(delivered(told, tmp_path / "sent")[0])
    answers = sales_at_once(told, {**MEMBER, "code": code}, 8)
    assert Counter(a.status_code for a in answers) == {201: 1, 403: 7}
    assert {a.json["code"] for a in answers if a.status_code == 403} == {"code-wrong"}
    with told.serving.foundations.database.read() as conn:
        assert conn.execute(select(till_code.c.tries)).scalar_one() <= 3


def test_a_burst_of_wrong_pins_is_judged_three_times_and_no_more(any_shop: Shop) -> None:
    _, card = with_pin(any_shop)
    answers = sales_at_once(any_shop, {"card": card, "pin": "1357"}, 16)
    assert Counter(a.json["code"] for a in answers) == {"pin-wrong": 3, "pin-locked": 13}


def test_two_payments_under_a_pin_at_once_have_two_permits(any_shop: Shop) -> None:
    _, card = with_pin(any_shop)
    assert [a.status_code for a in sales_at_once(any_shop, {"card": card, "pin": PIN}, 2)] == [201, 201]
    with any_shop.serving.foundations.database.read() as conn:
        row = conn.execute(select(member_access.c.tries, member_access.c.last_nonce)).one()
    assert tuple(row) == (0, 2)


def after(monkeypatch: pytest.MonkeyPatch, name: str, act: Callable[[], object]) -> None:
    """Something happens between what the desk found and the sale's own unit of work."""
    found = getattr(CardDesk, name)

    def then(*args: Any) -> Known | Approved:
        known: Known | Approved = found(*args)
        monkeypatch.undo()
        act()
        return known

    monkeypatch.setattr(CardDesk, name, then)


def test_a_card_lost_between_its_showing_and_the_sale_serves_nobody(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = enrol(shop)
    card = card_of(shop, number)
    after(monkeypatch, "find", lambda: shop.must("grocer", f"/v1/members/{number}/cards/lost", {}))
    answer = shop.post("grocer-till", "/v1/sales", basket(member={"card": card}))
    assert answer.json["code"] == "card-ended"


def test_a_pin_set_anew_between_its_typing_and_the_sale_pays_nothing(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    number, card = with_pin(shop)
    key = shop.key_for("member", number)
    shop.at = "2017-03-01T12:00:01Z"
    after(monkeypatch, "approve_pin", lambda: shop.put(key, f"/v1/members/{number}/pin", {"pin": "8642"}))
    answer = shop.post("grocer-till", "/v1/sales", basket(member={"card": card, "pin": PIN}, spend=SPEND))
    assert answer.json["code"] == "pin-wrong"
    with shop.serving.foundations.database.read() as conn:
        assert conn.execute(select(member_access.c.tries)).scalar_one() == 0


def test_a_card_is_bound_to_one_of_two_at_once(any_shop: Shop) -> None:
    shop = any_shop
    numbers = [enrol(shop), enrol(shop)]
    card = shop.must("grocer", "/v1/card-batches", {"merchant": GROCER, "count": 1})["numbers"][0]
    headers = {"Authorization": f"Bearer {shop.keys['grocer']}", "Alliance-Time": shop.at}
    client = shop.client.application.test_client

    def bind(number: str) -> Any:
        given = headers | {"Idempotency-Key": f"bind-{number}"}
        return client().post(f"/v1/members/{number}/cards", json={"card": card}, headers=given)

    answers = at_once(*[lambda n=number: bind(n) for number in numbers])
    assert sorted(a.status_code for a in answers) == [201, 409]
