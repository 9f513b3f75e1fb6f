"""Tickets: no place is sold twice, a door opens once, what is given or called off ends, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from functools import partial

import pytest
from sqlalchemy import text, update
from sqlalchemy.exc import DBAPIError

from ledger_service.checkout.days.operations import booked_in
from ledger_service.coupons.terms.values import GiftRule, Window
from ledger_service.coupons.tickets.errors import (
    TicketNotRefunded,
    TicketNotSold,
    TicketNotUsable,
    TicketUnknown,
)
from ledger_service.coupons.tickets.merging import follow_merge
from ledger_service.coupons.tickets.models import ticket, ticket_entry
from ledger_service.coupons.wallet.errors import CouponCodesLocked, CouponGiftRefused
from ledger_service.coupons.wallet.rules import MOST_WRONG_AT_TILL
from ledger_service.db.engine import Database
from ledger_service.kernel.errors import DomainError
from ledger_service.members.merging import Merge
from ledger_service.merchants.errors import MerchantSuspended

from .shop import FUEL, GROCER, START, Shop
from .test_races import at_once
from .ticketed import PRICE, TicketShop


@pytest.fixture
def one(sqlite_database: Database) -> Iterator[TicketShop]:
    """What is decided before SQL is said on one database."""
    shop = Shop(sqlite_database)
    shop.found()
    made = TicketShop(shop)
    yield made
    shop.close()
    assert made.apart() == []


def test_a_ticket_opens_the_door_once_and_the_second_time_says_when(one: TicketShop) -> None:
    code, other = one.event(2, 2)
    sold = one.ticket(code)
    assert (sold["state"], sold["price_minor"], sold["over_at"]) == ("sold", PRICE, "2026-03-20T17:00:00Z")
    with pytest.raises(TicketUnknown):
        one.entered(code, FUEL)
    with pytest.raises(TicketUnknown):
        one.entered(other)  # printed, and not sold
    assert one.entered(code.lower())["state"] == "entered"
    used = one.shop.clock.at
    one.shop.clock.forward(minutes=5)
    with pytest.raises(TicketNotUsable) as twice:
        one.entered(code)
    assert twice.value.params == {"reason": "entered", "since": f"{used:%Y-%m-%dT%H:%M:%SZ}"}
    with pytest.raises(TicketNotUsable, match="entered"):
        one.paid_back(code)
    one.ticket(other)
    one.shop.clock.at = START + timedelta(days=10, minutes=300)
    with pytest.raises(TicketNotUsable, match="over"):
        one.entered(other)


def test_nothing_is_sold_beside_the_price_the_time_the_places_and_the_law(one: TicketShop) -> None:
    code, other = one.event(1, 2, window=Window(ends_at=START + timedelta(days=9)))

    def refused(**more: int | str) -> dict[str, object]:
        with pytest.raises(TicketNotSold) as told:
            one.ticket(other, **more)  # type: ignore[arg-type]
        return told.value.params

    assert refused(minor=PRICE - 1) == {"reason": "price", "price_minor": PRICE}
    one.law(jurisdiction="TW")
    assert refused()["reason"] == "guarantee"
    one.law(jurisdiction="none")
    assert refused()["reason"] == "no-profile"
    one.law(jurisdiction="TW", guarantee="First Bank")
    one.ticket(code)
    with pytest.raises(TicketNotSold, match="sold"):
        one.ticket(code)
    assert refused()["reason"] == "budget"
    assert one.paid_back(code)["tenders"] == [
        {"type": "card", "amount_minor": 1_500}, {"type": "cash", "amount_minor": 1_000},
    ]  # fmt: skip
    one.ticket(other)  # the place that came back
    day = one.shop.clock.at.date().toordinal() - date(1970, 1, 1).toordinal()
    with one.shop.database.snapshot() as conn:
        booked = sorted((b.operation.value, b.amount_minor) for b in booked_in(conn, GROCER, day))
    assert booked == [("load", PRICE), ("load", PRICE), ("pay-out", PRICE)]
    with pytest.raises(TicketNotUsable, match="refunded"):
        one.entered(code)
    one.shop.clock.at = START + timedelta(days=9)
    (late,) = one.list_of(1)
    with pytest.raises(TicketNotSold, match="not-on-sale"):
        one.ticket(late)
    with pytest.raises(TicketNotRefunded) as kept:
        one.paid_back(other)
    assert kept.value.params == {"until": "2026-03-19T12:00:00Z"}


def test_what_is_given_fails_for_its_old_holder_and_is_given_once(one: TicketShop) -> None:
    (code,) = one.event(5, gift=GiftRule.ONCE)
    anna, ben, cho = (one.shop.enrol() for _ in range(3))
    sold = one.ticket(code, member=anna.number)["ticket"]
    (old,) = one.screen(anna)
    with pytest.raises(CouponGiftRefused, match="to-self"):
        one.given(sold, anna, anna)
    one.given(sold, anna, ben)
    for shown in (old, code):
        with pytest.raises(TicketUnknown):
            one.entered(shown)
    with pytest.raises(TicketUnknown):
        one.given(sold, anna, cho)
    with pytest.raises(CouponGiftRefused, match="given-before"):
        one.given(sold, ben, cho)
    assert one.screen(anna) == []
    (new,) = one.screen(ben)
    assert one.entered(new)["gifts"] == 1
    with pytest.raises(TicketNotUsable, match="entered"):
        one.given(sold, ben, cho)


def test_places_that_a_later_version_bounds_count_what_was_sold_before_it(one: TicketShop) -> None:
    code, other, third = one.event(None, 3)
    one.ticket(code)
    one.limited(2)
    one.ticket(other)
    with pytest.raises(TicketNotSold, match="budget"):
        one.ticket(third)
    one.paid_back(code)
    one.ticket(third)
    assert one.counted() == [(2, 2 * PRICE)]


def test_who_merges_gets_its_own_limits_back_and_nobody_elses(one: TicketShop) -> None:
    code, other, third = one.event(5, 3, per_member=1)
    closes, stays = one.shop.enrol(), one.shop.enrol()
    one.ticket(code, member=closes.number)
    one.ticket(other, member=stays.number)
    with one.shop.database.begin() as conn:
        follow_merge(conn, Merge(closes.member_id, stays.member_id, one.shop.clock.at))
    assert len(one.screen(stays)) == 2
    one.paid_back(code)
    with one.shop.database.begin() as conn:
        counted = {tuple(row) for row in conn.execute(text("SELECT use_key, count FROM coupon_use"))}
    mine = {(f"1:member:{closes.member_id}", 0), (f"1:member:{stays.member_id}", 1)}
    assert counted == {("1:budget:", 1), *mine}
    with pytest.raises(TicketNotSold, match="member"):
        one.ticket(third, member=stays.number)


def test_an_event_that_is_called_off_pays_every_ticket_back_and_opens_no_door(one: TicketShop) -> None:
    code, other, third = one.event(3, 3)
    one.ticket(code)
    one.ticket(other)
    one.shop.clock.forward(days=9, minutes=1)
    one.called_off()
    with pytest.raises(TicketNotUsable, match="called-off"):
        one.entered(code)
    one.shop.clock.forward(days=400)
    assert {one.paid_back(c)["state"] for c in (code, other)} == {"refunded"}
    assert one.counted() == [(0, 0)]
    with pytest.raises(TicketNotUsable, match="refunded"):
        one.paid_back(code)
    with pytest.raises(TicketNotSold, match="no-terms"):
        one.ticket(third)


def test_wrong_codes_lock_the_door_and_a_stopped_merchant_sells_none(one: TicketShop) -> None:
    code, other = one.event(2, 2)
    one.ticket(code)
    for wrong in ["44444444444444444", "F" * 64] * (MOST_WRONG_AT_TILL // 2):
        with pytest.raises(TicketUnknown):
            one.entered(wrong)
    with pytest.raises(CouponCodesLocked):
        one.entered(code)
    one.shop.clock.forward(minutes=16)
    one.entered(code)
    with pytest.raises(MerchantSuspended):
        one.ticket(other, suspended=True)


def test_many_tills_want_the_last_place_and_many_doors_one_ticket(database: Database) -> None:
    shop = Shop(database)
    shop.found()
    two = Shop(database, "w2", shop.clock)
    two.catalogue.refresh()
    tills = TicketShop(shop), TicketShop(two)
    codes = tills[0].event(2, 6)
    tills[1].cache.refresh()
    answers = at_once(*(partial(tills[i % 2].ticket, code) for i, code in enumerate(codes)))
    won = [a["ticket"] for a in answers if isinstance(a, dict)]
    assert len(won) == 2 and {type(a) for a in answers} == {dict, TicketNotSold}
    code = next(c for c, a in zip(codes, answers, strict=True) if isinstance(a, dict))
    doors = at_once(*(partial(till.entered, code) for till in tills * 3), partial(tills[0].paid_back, code))
    assert sum(isinstance(a, dict) for a in doors) == 1
    assert all(isinstance(a, dict | DomainError) for a in doors) and tills[0].apart() == []
    with shop.database.begin() as conn:
        conn.execute(update(ticket).values(gifts=1))
        conn.execute(text("UPDATE coupon_use SET count = 9"))
    assert set(tills[0].apart()) == {"ticket", "ticket-places"}
    with pytest.raises(DBAPIError), shop.database.begin() as conn:
        conn.execute(ticket_entry.update().values(reference="x"))
    shop.close()
    two.close()
