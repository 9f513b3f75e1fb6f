"""Codes at the till: who may use which, once; what is wrong or foreign answers alike and counts (INV-6)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import insert, select
from sqlalchemy.exc import DBAPIError

from ledger_service.checkout.answers import Answer
from ledger_service.checkout.couponing.service import CouponWish
from ledger_service.checkout.queries import merchants_of
from ledger_service.coupons.codes.models import coupon_code, coupon_code_list
from ledger_service.coupons.codes.rules import coupon_id_of
from ledger_service.coupons.definitions.changes import next_number
from ledger_service.coupons.telling.models import coupon_telling
from ledger_service.coupons.telling.service import Teller
from ledger_service.coupons.telling.types import register
from ledger_service.coupons.terms.values import AmountOff, Limits, OnReturn, PercentOff, Scope
from ledger_service.coupons.wallet.models import coupon_event, coupon_guess
from ledger_service.coupons.wallet.rules import MOST_WRONG_AT_TILL
from ledger_service.db.engine import Database
from ledger_service.db.errors import StorageUnavailable
from ledger_service.outbox.beside.models import beside_intent

from .couponed import GCN, CouponShop, on_chain
from .shop import Phone, Shop, StandingClock, line, loads
from .test_races import at_once

WRONG = "4444-4444-4444-4444-4"


@pytest.fixture
def coupons(shop: Shop) -> CouponShop:
    return CouponShop(shop)


def wrong_so_far(coupons: CouponShop) -> int:
    with coupons.shop.database.begin() as conn:
        return int(conn.execute(select(coupon_guess.c.wrong)).scalar() or 0)


def sold(coupons: CouponShop, phone: Phone | None, *codes: str, amount: int = 1_000) -> dict[str, Any]:
    """The answer of a sale with codes, which the quote before it foretold."""
    lines = [line("1", amount)]
    body = coupons.shop.sale_body(*lines) if phone is None else coupons.body(phone, *lines)
    quoted = coupons.quote(body, CouponWish(codes=codes))
    answer = coupons.sell(body, CouponWish(codes=codes))
    for told in (quoted, answer):
        for one in told["coupons"]["applied"]:
            one.pop("coupon")
        for touched in told["coupons"]["lines"]:
            touched.pop("coupons")
    assert quoted["coupons"] == answer["coupons"]
    return answer


def reasons(answer: dict[str, Any]) -> list[str]:
    return [one["reason"] for one in answer["coupons"]["refused"]]


def test_a_unique_code_serves_once_also_without_a_member_where_the_terms_allow(coupons: CouponShop) -> None:
    phone = coupons.shop.enrol()
    coupons.publish(1, AmountOff(100), on_return=OnReturn.GIVE_BACK)
    coupons.publish(2, AmountOff(30), limits=Limits(per_member=1))
    (code,), (for_members, second) = coupons.list_of(1), coupons.list_of(2, 2)
    first = sold(coupons, None, code, for_members)
    assert (first["total_minor"], reasons(first)) == (900, ["needs-a-member"])
    assert reasons(sold(coupons, phone, code)) == ["coupon-spent"]
    # What came back is again whoever's who shows it; and it counted for the member that was there.
    coupons.refund(first["sale_id"])
    both = sold(coupons, phone, code, for_members, code)
    assert (both["total_minor"], reasons(both)) == (870, [])
    assert reasons(sold(coupons, phone, second)) == ["member-limit-reached"]
    assert wrong_so_far(coupons) == 0


def test_a_generic_code_serves_as_often_as_its_list_says_each_time_as_a_coupon(coupons: CouponShop) -> None:
    phone = coupons.shop.enrol()
    coupons.publish(1, PercentOff(1_000))
    coupons.list_of(1, kind="generic", pattern="SPRING-26", most=3)
    for who in (phone, None, phone):
        assert sold(coupons, who, "spring 26")["total_minor"] == 900
    assert reasons(sold(coupons, phone, "SPRING26")) == ["coupon-spent"]
    assert len({coupon_id for coupon_id, _ in coupons.used()}) == 3


def test_a_foreign_code_answers_as_an_unknown_one_and_both_count(coupons: CouponShop) -> None:
    phone, friend = coupons.shop.enrol(), coupons.shop.enrol()
    coupons.publish(1, AmountOff(100))
    (mine,) = coupons.list_of(1)
    with coupons.shop.database.begin() as conn:
        tag = coupons.tagger.tag("PERSONAL1", closed=True)
        (list_id,) = conn.execute(select(coupon_code_list.c.list_id)).scalars()
        row = {"tag": tag, "list_id": list_id, "position": 7, "member_id": phone.member_id}
        conn.execute(insert(coupon_code).values(row))
    answers = [sold(coupons, friend, code)["coupons"]["refused"] for code in (WRONG, "PERSONAL1")]
    assert answers[0] == answers[1]
    assert [one["reason"] for one in answers[0]] == ["coupon-unknown"]
    # Each was asked twice: quoted, then sold.
    assert wrong_so_far(coupons) == 4
    assert sold(coupons, phone, "PERSONAL1", mine)["total_minor"] == 900


def test_a_serial_on_a_bar_code_serves_its_holder_alone(coupons: CouponShop) -> None:
    phone = coupons.shop.enrol()
    coupons.publish(1, AmountOff(100))
    coupons.list_of(1, 3)
    with coupons.shop.database.begin() as conn:
        listed = conn.execute(select(coupon_code_list)).one()
    coupons.give(phone, 1, coupon_id=coupon_id_of(listed.list_id, 2))
    scanned = [f"(255){GCN}{listed.first + place:012}" for place in (1, 2, 3)]
    for who in (None, coupons.shop.enrol()):
        assert reasons(sold(coupons, who, *scanned)) == ["coupon-unknown"] * 3
    mine = sold(coupons, phone, *scanned)
    assert (mine["total_minor"], reasons(mine)) == (900, ["coupon-unknown"] * 2)


def test_many_wrong_codes_lock_the_till_for_right_ones_too_and_wallets_go_on(coupons: CouponShop) -> None:
    phone = coupons.shop.enrol()
    coupons.publish(1, AmountOff(100), scope=Scope(least_minor=1))
    (code,) = coupons.list_of(1)
    body = coupons.body(phone, line("1", 500))
    for _ in range(MOST_WRONG_AT_TILL // 10):
        coupons.quote(body, CouponWish(codes=tuple(f"WRONG{n}" for n in range(10))))
    held = coupons.give(phone, 1)
    answer = coupons.sell(body, CouponWish((held,), (code, WRONG)))
    assert (reasons(answer), answer["total_minor"]) == (["codes-locked"] * 2, 400)
    assert wrong_so_far(coupons) == MOST_WRONG_AT_TILL
    coupons.shop.clock.forward(minutes=16)
    assert sold(coupons, phone, code, amount=500)["total_minor"] == 400


@pytest.fixture
def tills(database: Database) -> Iterator[list[CouponShop]]:
    """Six workers, each with its own writer and connection."""
    first = Shop(database)
    first.found()
    shops = [first]
    for number in range(2, 7):
        later = StandingClock(first.clock.at + timedelta(seconds=number))
        shops.append(Shop(database, f"w{number}", later))
    for shop in shops:
        shop.catalogue.refresh()
    yield [CouponShop(shop) for shop in shops]
    for shop in shops:
        shop.close()


def asking(till: CouponShop, code: str) -> Answer:
    return till.answer(till.shop.sale_body(line("1", 1_000)), CouponWish(codes=(code,)))


def test_of_many_tills_that_show_one_code_one_gets_it(tills: list[CouponShop]) -> None:
    first = tills[0]
    first.publish(1, AmountOff(100))
    codes = first.list_of(1, 3)
    for till in tills:
        till.cache.refresh()
    for code in codes:
        answers = at_once(*(partial(asking, till, code) for till in tills))
        assert all(isinstance(answer, Answer) for answer in answers), answers
        totals = sorted(loads(answer)["total_minor"] for answer in answers)
        assert totals == [900, *[1_000] * 5]
    assert [minor for _, minor in first.used()] == [100] * 3


def test_a_gift_of_a_coupon_that_a_generic_code_made_is_told(coupons: CouponShop) -> None:
    anna, ben = coupons.shop.enrol(), coupons.shop.enrol()
    coupons.publish(1, AmountOff(100), on_return=OnReturn.GIVE_BACK)
    coupons.list_of(1, kind="generic", pattern="SPRING-26")
    answer = coupons.sell(coupons.body(anna, line("1", 1_000)), CouponWish(codes=("SPRING-26",)))
    coupons.refund(answer["sale_id"])
    (coupon_id,) = [one for one, _ in coupons.used()]
    at, place = coupons.shop.clock.at, {"coupon_id": coupon_id, "position": 3}
    given = {"kind": "given", "member_id": ben.member_id, "by_whom": "a", "ref": None, "at": at}
    with coupons.shop.database.begin() as conn:
        on_chain(conn)
        conn.execute(insert(coupon_event).values({**place, **given}))
        conn.execute(insert(coupon_telling).values({**place, "waits": True, "op_id": None}))
    Teller(coupons.shop.database, merchants_of).step(at)
    with coupons.shop.database.read() as conn:
        kinds = conn.execute(select(beside_intent.c.kind).order_by(beside_intent.c.created_at)).scalars()
        assert list(kinds) == [1, 3, 4, 5]


def test_the_chain_is_told_of_types_and_lists_one_change_after_the_other(coupons: CouponShop) -> None:
    coupons.publish(1, AmountOff(100))
    database, at = coupons.shop.database, coupons.shop.clock.at
    with database.begin() as conn:
        on_chain(conn)
        register(conn, 1, at)

    def at_the_same_time() -> None:
        with database.begin() as second:  # on SQLite none begins beside the first
            second.exec_driver_sql("SET LOCAL lock_timeout = 50")
            register(second, 1, at)

    with database.begin() as first:
        next_number(first)
        with pytest.raises((DBAPIError, StorageUnavailable, RuntimeError)):
            at_the_same_time()
