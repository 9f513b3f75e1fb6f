"""Stored-value cards: what was paid is owed, paid with once, put back, and adds up, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from ledger_service.checkout.answers import Answer
from ledger_service.checkout.couponing.wishing import CouponWish
from ledger_service.checkout.days.operations import booked_in
from ledger_service.coupons.stored import queries
from ledger_service.coupons.stored.errors import (
    ValueCardLimit,
    ValueCardNotPaidOut,
    ValueCardNotSold,
    ValueCardNotUsable,
    ValueCardShort,
    ValueCardUnknown,
)
from ledger_service.coupons.stored.models import value_entry
from ledger_service.coupons.stored.rules import Account
from ledger_service.coupons.terms.values import Limits, Window
from ledger_service.coupons.wallet.errors import CouponCodesLocked
from ledger_service.coupons.wallet.rules import MOST_WRONG_OF_MEMBER
from ledger_service.db.engine import Database
from ledger_service.members.errors import MemberUnknown
from ledger_service.merchants.errors import MerchantSuspended

from .shop import FUEL, GROCER, START, Shop, line, lots_equal_postings
from .test_races import at_once
from .valued import PIN, ValueShop, cash, value

WRONG = "4444-4444-4444-4444-4"


@pytest.fixture
def cards(shop: Shop) -> Iterator[ValueShop]:
    made = ValueShop(shop)
    yield made
    assert made.differences() == []


@pytest.fixture
def one(sqlite_database: Database) -> Iterator[ValueShop]:
    """What is decided before SQL is said on one database."""
    shop = Shop(sqlite_database)
    shop.found()
    made = ValueShop(shop)
    yield made
    shop.close()
    assert made.differences() == []


def test_a_card_is_sold_pays_and_takes_back_what_it_paid_in_any_split(cards: ValueShop) -> None:
    (code,) = cards.printed()
    sold = cards.sold(code, 1_000, pin=PIN)
    assert (sold["balance_minor"], sold["expires_at"], sold["merchant"]) == (1_000, None, str(GROCER))
    quoted = cards.shop.quote(cards.basket(900, value(code, 600, PIN), cash(300)))
    assert [(one["card"], one["left_minor"]) for one in quoted["cards"]] == [(sold["card"], 400)]
    sale = cards.bought(900, value(code.lower(), 600, PIN), cash(300))
    assert sale["tenders"][0] == {"type": "stored_value", "amount_minor": 600, "card": sold["card"]}
    assert cards.looked(code, PIN)["balance_minor"] == 400
    backs = [cards.shop.refund(sale["sale_id"], [("1", pieces)]) for pieces in (3, 1, 6)]
    assert [one["tenders"][0]["amount_minor"] for one in backs] == [180, 60, 360]
    assert all(one["tenders"][0]["card"] == sold["card"] for one in backs)
    assert cards.looked(code, PIN)["balance_minor"] == 1_000
    with cards.shop.database.snapshot() as conn:
        (accounts,) = queries.accounts_of(conn, GROCER)
        entries = queries.entries_of(conn, bytes.fromhex(sold["card"]), 0, 10)
    assert (accounts.through, accounts.cards_minor) == (
        {Account.LIABILITY: 1_000, Account.TENDER: 1_000, Account.REDEMPTION: 0, Account.PAYOUT: 0}, 1_000,
    )  # fmt: skip
    assert [(one["kind"], one["amount_minor"]) for one in entries] == [
        ("issue", 1_000), ("pay", 600), ("return", 180), ("return", 60), ("return", 360),
    ]  # fmt: skip


def test_a_code_is_sold_once_and_none_that_is_unknown_foreign_or_of_no_card(one: ValueShop) -> None:
    code, other = one.printed(2, limits=Limits(budget_count=1))
    one.sold(code, 500)
    with pytest.raises(ValueCardNotUsable, match="sold"):
        one.sold(code, 500)
    with pytest.raises(ValueCardLimit) as full:
        one.sold(other, 500)
    assert full.value.params == {"reason": "budget", "most_minor": 0}
    with pytest.raises(ValueCardUnknown):
        one.sold(WRONG, 500)
    with pytest.raises(MerchantSuspended):
        one.sold(other, 500, suspended=True)
    with pytest.raises(ValueCardUnknown):
        one.looked(code, merchant=FUEL)
    with pytest.raises(ValueCardUnknown):
        one.loaded(code, 1, merchant=FUEL)
    # The code is no coupon: shown as one it takes nothing off, and stays what it is.
    asked = one.sell(one.basket(100, cash(100)), CouponWish(codes=(code,)))
    assert (asked["total_minor"], asked["coupons"]["applied"]) == (100, [])


def test_wrong_pins_and_unknown_codes_answer_alike_and_lock(one: ValueShop) -> None:
    (code,) = one.printed()
    one.sold(code, 500, pin=PIN)
    answers = []
    for shown in (value(code, 100, "0815"), value(code, 100), value(WRONG, 100, PIN)):
        with pytest.raises(ValueCardUnknown) as wrong:
            one.bought(100, shown)
        answers.append(wrong.value.params)
    assert answers == [{}, {}, {}]
    for _ in range(MOST_WRONG_OF_MEMBER - 2):
        with pytest.raises(ValueCardUnknown):
            one.looked(code)
    # The card is locked at every till of the alliance, and nothing but time opens it.
    with pytest.raises(CouponCodesLocked):
        one.bought(100, value(code, 100, PIN))
    one.shop.clock.forward(minutes=16)
    assert one.bought(100, value(code, 100, PIN))["tenders"][0]["amount_minor"] == 100


def test_the_law_bounds_what_is_sold_loaded_and_how_long_it_lasts(one: ValueShop) -> None:
    named, bearer = one.printed(2, window=Window(days_after_claim=1_900))
    phone = one.shop.enrol()
    one.law(jurisdiction="none")
    with pytest.raises(ValueCardNotSold, match="no-profile"):
        one.sold(bearer, 500)
    one.law(jurisdiction="TW")
    with pytest.raises(ValueCardNotSold, match="guarantee"):
        one.sold(bearer, 500)
    one.law(jurisdiction="CN", guarantee="First Bank")
    with pytest.raises(MemberUnknown):
        one.sold(named, 500, member="952000000000000019")
    # A card whose holder is known has no end there, one of whoever has it may have one.
    assert one.sold(named, 500, member=phone.number)["expires_at"] is None
    told = one.sold(bearer, 500)
    assert (told["expires_at"], told["guarantee"]) == ("2031-05-24T00:00:00Z", "First Bank")
    with pytest.raises(ValueCardLimit) as over:
        one.loaded(bearer, 49_501)
    assert over.value.params == {"reason": "card-cap", "most_minor": 49_500}
    assert one.loaded(bearer, 49_500)["balance_minor"] == 50_000
    one.shop.clock.at = START + timedelta(days=1_901)
    with pytest.raises(ValueCardNotUsable, match="expired"):
        one.bought(100, value(bearer, 100))
    assert one.looked(bearer)["balance_minor"] == 50_000  # it is owed all the same


def test_a_rest_is_paid_out_by_the_law_of_the_day_and_all_once_the_terms_are_over(one: ValueShop) -> None:
    (code,) = one.printed(place="US-CA")
    one.sold(code, 1_400)
    with pytest.raises(ValueCardNotPaidOut) as kept:
        one.paid_out(code)
    assert kept.value.params == {"below_minor": 1_000}  # before 1 April 2026
    one.shop.clock.forward(days=30)
    assert one.paid_out(code)["amount_minor"] == 1_400
    one.loaded(code, 9_000)
    one.law(withdrawn_by="a", withdrawn_at=one.shop.clock.at)
    assert (one.paid_out(code)["amount_minor"], one.looked(code)["balance_minor"]) == (9_000, 0)
    day = one.shop.clock.at.date().toordinal() - date(1970, 1, 1).toordinal()
    with one.shop.database.snapshot() as conn:
        found = booked_in(conn, GROCER, day)
    booked = sorted((b.operation.value, b.amount_minor, dict(b.tenders)) for b in found)
    # A drawer that sold and paid out cards balances.
    assert [(what, minor) for what, minor, _ in booked] == [
        ("load", 9_000), ("pay-out", 1_400), ("pay-out", 9_000),
    ]  # fmt: skip
    assert {tuple(paid) for _, _, paid in booked} == {("cash",)}


def test_an_authorisation_holds_a_card_captures_use_it_and_its_end_frees_the_rest(one: ValueShop) -> None:
    (code,) = one.printed()
    card = one.sold(code, 1_000, pin=PIN)["card"]
    phone = one.shop.enrol()
    one.shop.stock(phone, 1, 300)
    spend = {"max_value_minor": 50}
    held = one.shop.authorise(phone, 900, spend, tenders=[value(code, 700, PIN)], several=True)
    assert held["cards"] == [{"card": card, "held_minor": 700}]
    assert one.looked(code, PIN)["available_minor"] == 300
    with pytest.raises(ValueCardShort):
        one.bought(400, value(code, 400, PIN))
    first = one.shop.capture(
        held["hold_id"], line("1", 520), tenders=[value(card, 500), points(20)], final=False
    )
    assert first["tenders"][0] == value(card, 500)
    with pytest.raises(ValueCardNotUsable, match="not-held"):
        one.shop.capture(held["hold_id"], line("1", 100), tenders=[value("0" * 32, 100)])
    with pytest.raises(ValueCardShort):
        one.shop.capture(held["hold_id"], line("1", 300), tenders=[value(card, 300)])
    one.shop.void(held["hold_id"])
    assert (one.looked(code, PIN)["available_minor"], one.row()["held_minor"]) == (500, 0)
    one.shop.refund(first["sale_id"])
    assert one.looked(code, PIN)["balance_minor"] == 1_000


def test_a_deadline_frees_a_card_and_an_exchange_pays_with_what_came_back_to_it(one: ValueShop) -> None:
    (code,) = one.printed()
    card = one.sold(code, 1_000)["card"]
    phone = one.shop.enrol()
    one.shop.stock(phone, 1, 300)
    held = one.shop.authorise(phone, 900, {"max_value_minor": 50}, tenders=[value(code, 700)])
    one.shop.clock.forward(hours=1)
    one.shop.service.expire_hold(bytes.fromhex(held["hold_id"]), one.shop.clock.at)
    assert one.row()["held_minor"] == 0
    sale = one.bought(1_000, value(code, 1_000))
    back = {"sale": sale["sale_id"], "returned": [{"line": "1", "quantity": 4}]}
    told = one.shop.exchange(one.basket(400, value(code, 400)) | back)
    assert (told["refund"]["tenders"], told["sale"]["tenders"]) == ([value(card, 400)], [value(card, 400)])
    assert one.looked(code)["balance_minor"] == 0


def test_an_exchange_says_what_changes_hands_beside_what_cards_paid_and_took_back(one: ValueShop) -> None:
    (code,) = one.printed(most=1_000)
    one.sold(code, 1_000)
    sale = one.bought(1_000, value(code, 1_000))["sale_id"]

    def told(pieces: int, minor: int, *tenders: dict[str, Any]) -> tuple[int, int]:
        back = {"sale": sale, "returned": [{"line": "1", "quantity": pieces}]}
        answer = one.shop.exchange(one.basket(minor, *tenders) | back)
        return answer["to_pay_minor"], answer["to_give_back_minor"]

    assert told(4, 100, value(code, 100)) == (0, 0)
    assert told(2, 200, cash(200)) == (200, 0)
    assert told(2, 300, value(code, 200), cash(100)) == (100, 0)
    one.loaded(code, 500)
    assert one.looked(code)["balance_minor"] == 1_000
    assert told(2, 50, cash(50)) == (0, 150)  # the card had no room


def points(worth: int) -> dict[str, Any]:
    return {"type": "points", "amount_minor": worth, "programme": "GROC", "points": worth}


def test_what_a_card_has_no_room_for_comes_back_beside_it(one: ValueShop) -> None:
    (code,) = one.printed(most=1_000)
    card = one.sold(code, 1_000)["card"]
    sale = one.bought(600, value(code, 600))
    one.loaded(code, 500)
    told = one.shop.refund(sale["sale_id"])["tenders"]
    assert told == [value(card, 100), {"type": "stored_value", "amount_minor": 500}]


@pytest.fixture
def tills(database: Database) -> Iterator[tuple[ValueShop, ValueShop]]:
    one = Shop(database)
    one.found()
    two = Shop(database, "w2", one.clock)
    two.catalogue.refresh()
    pair = ValueShop(one), ValueShop(two)
    yield pair
    assert pair[0].differences() == []
    one.close()
    two.close()
    lots_equal_postings(one)


def test_many_tills_want_the_last_of_a_card_and_none_gets_what_is_not_there(
    tills: tuple[ValueShop, ValueShop],
) -> None:
    one, two = tills
    code, fresh = one.printed(2)
    two.cache.refresh()
    one.sold(code, 1_000)
    body = one.basket(300, value(code, 300))
    sales = [partial(till.shop.send_sale, body, f"{i}") for i in range(6) for till in tills]
    sold = [partial(till.sold, fresh, 100) for till in tills]
    answers = at_once(*sales, *sold)
    won = [a for a in answers[:12] if isinstance(a, Answer)]
    assert len({a.body for a in won}) == 3 and one.looked(code)["balance_minor"] == 100
    assert sorted(type(a).__name__ for a in answers[12:]) == ["ValueCardNotUsable", "dict"]


def test_an_edited_card_and_a_removed_hold_are_named(shop: Shop) -> None:
    cards = ValueShop(shop)
    (code,) = cards.printed()
    card = cards.sold(code, 1_000)["card"]
    cards.bought(400, value(code, 400))
    with shop.database.begin() as conn:
        conn.execute(text("UPDATE value_card SET balance_minor = 900, held_minor = 1"))
    assert cards.differences() == [
        ("value-card", card), ("value-liability", f"{GROCER} USD"), ("value-held", card),
    ]  # fmt: skip
    with shop.database.begin() as conn:
        conn.execute(text("UPDATE value_card SET balance_minor = 600, held_minor = 0"))
        conn.execute(text("UPDATE sale SET tenders = NULL"))
    assert [check for check, _ in cards.differences()] == ["value-sale"]
    with pytest.raises(DBAPIError), shop.database.begin() as conn:
        conn.execute(value_entry.update().values(amount_minor=1))
