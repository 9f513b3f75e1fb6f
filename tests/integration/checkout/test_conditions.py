"""Coupons and points for some members alone, in a segment or at a first purchase; quote and sale agree."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select, update

from ledger_service.checkout.couponing.service import CouponWish
from ledger_service.checkout.models import imported_sale
from ledger_service.coupons.terms.values import AmountOff, OnReturn, Scope
from ledger_service.db.engine import Database
from ledger_service.kernel.clock import seconds_floor
from ledger_service.members.consents import service as consents
from ledger_service.members.consents.models import member_read
from ledger_service.members.consents.service import Said, Use
from ledger_service.members.segments.models import segment, segment_member
from ledger_service.members.segments.rules import segment_id_of
from ledger_service.points import programmes
from ledger_service.points.audiences import Audience
from ledger_service.points.rules import EarnRule, Multiplier

from .couponed import CouponShop
from .shop import FUEL, GROCER, START, Phone, Shop, StandingClock, line, lots_equal_postings
from .test_races import at_once

WALLET = CouponWish(wallet=True)
VIP = Scope(segments=frozenset({"VIP"}))
FIRST = Scope(first_purchase=True)


@pytest.fixture
def shop(sqlite_database: Database) -> Iterator[Shop]:
    """Plain cases need one database; the race is tried on both."""
    shop = Shop(sqlite_database)
    shop.found()
    yield shop
    shop.close()
    lots_equal_postings(shop)


@pytest.fixture
def coupons(shop: Shop) -> CouponShop:
    return CouponShop(shop)


def a_segment(shop: Shop, owner: int = GROCER) -> bytes:
    segment_id = segment_id_of(owner, "VIP")
    row = {"segment_id": segment_id, "merchant_id": owner, "code": "VIP", "name": "贵宾", "version": 1}
    with shop.database.begin() as conn:
        conn.execute(insert(segment).values(**row, created_at=START))
    return segment_id


def enter(shop: Shop, phone: Phone, owner: int = GROCER, **after: int) -> None:
    since = START + timedelta(**after)
    with shop.database.begin() as conn:
        conn.execute(insert(segment_member).values(
            segment_id=segment_id_of(owner, "VIP"), member_id=phone.member_id, since=since
        ))  # fmt: skip


def leave(shop: Shop, **after: int) -> None:
    with shop.database.begin() as conn:
        conn.execute(update(segment_member).values(until=START + timedelta(**after)))


def reasons(answer: dict[str, Any]) -> list[tuple[str, str]]:
    return [(one["rule"], one["reason"]) for one in answer["coupons"]["refused"]]


def bonuses(shop: Shop, *some: Multiplier) -> None:
    with shop.database.begin() as conn:
        programmes.add_rule(conn, "GROC", EarnRule(2, seconds_floor(START), 1, 100, multipliers=some))
    shop.catalogue.refresh()


def bonus(percent: int, **audience: Any) -> Multiplier:
    return Multiplier(0, 2**40, percent, audience=Audience(**audience))


def test_a_segment_counts_as_of_the_basket_in_quote_and_sale(coupons: CouponShop) -> None:
    shop = coupons.shop
    a_segment(shop)
    phone, other = shop.enrol(), shop.enrol()
    enter(shop, phone, minutes=1)
    coupons.publish(1, AmountOff(100), scope=VIP)
    kept = coupons.give(phone, 1)
    coupons.give(other, 1)
    for _ in range(2):
        body = coupons.body(phone, line("1", 1_000))
        quoted, sold = coupons.quote(body, WALLET), coupons.sell(body, WALLET)
        assert quoted["coupons"] == sold["coupons"]
        shop.clock.forward(minutes=1)
    assert coupons.used() == [(kept, 100)]
    refused = coupons.quote(coupons.body(other, line("1", 1_000)), WALLET)
    assert reasons(refused) == [("member", "not-for-this-member")]
    leave(shop, minutes=3)
    coupons.give(phone, 1)
    shop.clock.forward(minutes=1)
    assert reasons(coupons.sell(coupons.body(phone, line("1", 1_000)), WALLET)) == reasons(refused)


def test_a_hold_keeps_what_the_member_was_when_it_was_made(coupons: CouponShop) -> None:
    shop = coupons.shop
    a_segment(shop)
    phone = shop.enrol()
    shop.stock(phone, 2, 300)
    enter(shop, phone)
    bonuses(shop, bonus(500, segments=frozenset({"VIP"})), bonus(1_000, first_purchase=True))
    coupons.publish(1, AmountOff(100), scope=Scope(segments=frozenset({"VIP"}), first_purchase=True))
    coupon_id, second = coupons.give(phone, 1), coupons.give(phone, 1)
    held = coupons.authorise(phone, CouponWish((coupon_id,)), line("1", 1_000))
    assert len(held["coupons"]["applied"]) == 1
    # One first purchase is held: another hold gets no second one of the same coupon.
    again = coupons.authorise(phone, CouponWish((second,)), line("1", 1_000))
    assert reasons(again) == [("limits", "member-limit-reached")]
    leave(shop, seconds=1)
    shop.clock.forward(seconds=2)
    assert [one["points"] for one in shop.sell(phone, line("1", 1_000))["earned"]] == [100]
    sold = shop.capture(held["hold_id"], line("1", 1_000))
    assert sold["coupons"]["applied"] == held["coupons"]["applied"]
    # Five times for a member of then, not ten: meanwhile it bought.
    assert [one["points"] for one in sold["earned"]] == [850 * 5 // 100]


def test_a_first_purchase_is_the_first_that_anybody_knows_of(coupons: CouponShop) -> None:
    shop = coupons.shop
    phone, moved = shop.enrol(), shop.enrol()
    coupons.publish(1, AmountOff(100), scope=FIRST, on_return=OnReturn.GIVE_BACK)
    for one in (phone, moved):
        coupons.give(one, 1)
    old = {"sale_id": bytes(16), "merchant_id": GROCER, "member_id": moved.member_id, "reference": "o"}
    with shop.database.begin() as conn:
        conn.execute(insert(imported_sale).values(
            **old, total_minor=1, occurred_at=START, import_id=bytes(16)
        ))  # fmt: skip
    assert reasons(coupons.sell(coupons.body(moved, line("1", 1_000)), WALLET)) == [
        ("member", "first-purchase-only")
    ]
    # What was bought elsewhere is no purchase here.
    shop.sell(phone, line("1", 1_000), at=FUEL)
    body = coupons.body(phone, line("1", 1_000))
    quoted, sold = coupons.quote(body, WALLET), coupons.sell(body, WALLET)
    assert quoted["coupons"] == sold["coupons"]
    assert sold["total_minor"] == 900
    assert coupons.refund(sold["sale_id"])["coupons"][0]["given_back"]
    # It came back whole, and was a purchase all the same.
    assert reasons(coupons.sell(coupons.body(phone, line("1", 1_000)), WALLET)) == [
        ("member", "first-purchase-only")
    ]


def test_anothers_segment_is_read_on_a_consent_and_each_reading_stands_on_record(coupons: CouponShop) -> None:
    shop = coupons.shop
    a_segment(shop, FUEL)
    phone = shop.enrol()
    enter(shop, phone, FUEL)
    coupons.publish(1, AmountOff(100), scope=Scope(segments=frozenset({f"{FUEL}/VIP"})))
    coupons.give(phone, 1)
    body, use = coupons.body(phone, line("1", 1_000)), Use(FUEL, GROCER, "marketing")
    said = Said("member:1", START)
    assert reasons(coupons.quote(body, WALLET)) == [("member", "segment-needs-consent")]
    with shop.database.begin() as conn:
        assert conn.execute(select(member_read)).all() == []
        consent_id = consents.give(conn, phone.member_id, use, said)["consent_id"]
    assert coupons.quote(body, WALLET)["total_minor"] == 900
    with shop.database.begin() as conn:
        reads = conn.execute(select(member_read)).all()
        assert [(row.consent_id, row.what, row.by_whom) for row in reads] == [
            (consent_id, "coupon-segment", shop.caller().subject)
        ]
        consents.revoke(conn, phone.member_id, consent_id, said)
    assert reasons(coupons.sell(body, WALLET)) == [("member", "segment-needs-consent")]


def test_points_for_some_members_are_told_given_and_taken_back_alike(shop: Shop) -> None:
    a_segment(shop)
    bonuses(shop, bonus(300, segments=frozenset({"VIP"})), bonus(1_000, first_purchase=True))
    phone = shop.enrol()
    enter(shop, phone)

    def both() -> dict[str, Any]:
        body = shop.sale_body(line("1", 1_000, 2), member={"number": phone.number})
        quoted = shop.quote(body)["earned"][0]
        sold = shop.sell(phone, line("1", 1_000, 2))
        assert quoted["points"] == sold["earned"][0]["points"]
        return {"points": quoted["points"], "conditions": quoted["conditions"], "sale": sold["sale_id"]}

    segment_met = {"multiplier": 0, "percent": 300, "applied": True}
    first = both()
    assert first["points"] == 100
    assert first["conditions"] == [segment_met, {"multiplier": 1, "percent": 1_000, "applied": True}]
    second = both()
    assert second["points"] == 30
    assert second["conditions"] == [
        segment_met,
        {"multiplier": 1, "percent": 1_000, "applied": False, "rule": "member",
         "reason": "first-purchase-only"},
    ]  # fmt: skip
    leave(shop, seconds=1)
    shop.clock.forward(seconds=2)
    third = both()
    assert (third["points"], third["conditions"][0]["reason"]) == (10, "not-for-this-member")
    # Whatever the member is by then, a return takes back what that sale gave.
    for sold, left in ((second, 125), (first, 75), (third, 70), (second, 55), (third, 50), (first, 0)):
        shop.refund(sold["sale"], [("1", 1)])
        assert shop.balance(phone, 1) == left


@pytest.fixture
def tills(database: Database) -> Iterator[tuple[CouponShop, CouponShop]]:
    one = Shop(database)
    one.found()
    two = Shop(database, "w2", StandingClock(START + timedelta(seconds=1)))
    two.catalogue.refresh()
    yield CouponShop(one), CouponShop(two)
    one.close()
    two.close()
    lots_equal_postings(one)


def test_of_two_first_purchases_at_the_same_time_one_is_the_first(
    tills: tuple[CouponShop, CouponShop],
) -> None:
    for number in (1, 2):
        tills[0].publish(number, AmountOff(100), scope=FIRST)
    tills[1].cache.refresh()
    for turn in range(6):
        phone = tills[0].shop.enrol()
        wishes = [CouponWish((tills[0].give(phone, number),)) for number in (1, 2)]
        at_once(*(
            lambda till=till, wish=wish, phone=phone: till.answer(till.body(phone, line("1", 1_000)), wish)
            for till, wish in zip(tills, wishes, strict=True)
        ))  # fmt: skip
        assert len(tills[0].used()) == turn + 1
