"""Tickets over HTTP: sold, shown, given, entered with, paid back, and what is refused in between."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from ledger_service.coupons.terms.values import GiftRule, Limits, Ticket
from tests.api.service import NOON, Shop
from tests.api.test_coupons import person
from tests.api.test_pages import all_pages
from tests.api.test_value_cards import TILL, WRONG, printed

TICKETS, PRICE = "/v1/tickets", 2_500


def sold(code: str, minor: int = PRICE, **more: Any) -> dict[str, Any]:
    return {"ticket": code, "reference": "t", "amount_minor": minor, "currency": "USD",
            "tenders": [{"type": "cash", "amount_minor": minor}]} | more  # fmt: skip


def shown(code: str) -> dict[str, Any]:
    return {"ticket": code, "reference": "d"}


def test_a_ticket_from_its_sale_to_the_door(shop: Shop) -> None:
    for name in ("anna", "ben"):
        person(shop, name)
    anna, ben = (f"/v1/members/{shop.keys[f'{name}-number']}/tickets" for name in ("anna", "ben"))
    ball = Ticket("舞會", NOON + timedelta(days=3), PRICE, refund_minutes=60)
    terms = {"gift": GiftRule.ONCE, "limits": Limits(budget_count=2)}
    code, other, third = printed(shop, 3, "HK", ball, **terms)
    first = shop.must(TILL, TICKETS, sold(code, member=shop.keys["anna-number"]), key="ticket-1")
    assert shop.must(TILL, TICKETS, sold(code, member=shop.keys["anna-number"]), key="ticket-1") == first
    shop.must(TILL, TICKETS, sold(other))
    full = shop.post(TILL, TICKETS, sold(third)).json
    assert (full["code"], full["params"]["reason"]) == ("ticket-not-sold", "budget")
    (mine,) = shop.get("anna", anna).json["tickets"]
    assert (mine["event"], mine["done"], "pass" in shop.get("operator", anna).json["tickets"][0]) == (
        "舞會", None, False,
    )  # fmt: skip
    gift = shop.post("anna", f"{anna}/{mine['ticket']}/gift", {"recipient": shop.keys["ben-number"]})
    assert (gift.status_code, gift.json["gifts"]) == (200, 1)
    assert shop.get("anna", anna).json["tickets"] == []
    for old in (mine["pass"], code, WRONG):
        assert shop.post(TILL, f"{TICKETS}/entries", shown(old)).json["code"] == "ticket-unknown"
    (his,) = shop.get("ben", ben).json["tickets"]
    assert shop.must(TILL, f"{TICKETS}/entries", shown(his["pass"]))["state"] == "entered"
    again = shop.post(TILL, f"{TICKETS}/entries", shown(his["pass"]))
    assert (again.status_code, again.json["code"], again.json["params"]["reason"]) == (
        409, "ticket-not-usable", "entered",
    )  # fmt: skip
    assert shop.must(TILL, f"{TICKETS}/refunds", shown(other))["state"] == "refunded"
    listed = all_pages(shop, "grocer", TICKETS, "tickets", 1)
    assert {one["done"] for one in listed} == {"entered", "refunded"} and "pass" not in str(listed)


def test_a_ticket_whose_terms_pay_nothing_back_is_kept(shop: Shop) -> None:
    (code,) = printed(shop, 1, "HK", Ticket("Ball", NOON + timedelta(days=3), PRICE))
    shop.must(TILL, TICKETS, sold(code))
    kept = shop.post(TILL, f"{TICKETS}/refunds", shown(code))
    assert (kept.json["code"], kept.json["params"]) == ("ticket-not-refunded", {"until": None})
