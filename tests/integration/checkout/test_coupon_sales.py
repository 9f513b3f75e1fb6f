"""A sale uses coupons once, at what the quote said, and all behind it works on what is left (INV-6)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from random import Random

import pytest

from ledger_service.checkout.answers import Answer
from ledger_service.checkout.basket_errors import TendersDoNotAddUp
from ledger_service.checkout.couponing.service import CouponWish
from ledger_service.coupons.terms.values import (
    AmountOff,
    BuyGet,
    FreeItem,
    Limits,
    PercentOff,
    Scope,
    Stacking,
)
from ledger_service.db.engine import Database
from ledger_service.kernel.errors import DomainError

from .couponed import CouponShop
from .shop import START, Shop, StandingClock, line, lots_equal_postings
from .test_races import at_once

WALLET = CouponWish(wallet=True)


@pytest.fixture
def coupons(shop: Shop) -> CouponShop:
    return CouponShop(shop)


def test_the_wallet_pays_first_then_points_and_the_rest_earns(coupons: CouponShop) -> None:
    phone = coupons.shop.enrol()
    coupons.shop.stock(phone, 1, 300)
    coupons.publish(1, PercentOff(1_000))
    coupon_id = coupons.give(phone, 1)
    body = coupons.body(phone, line("1", 2_000), line("2", 500), spend={"max_value_minor": 250})
    sold = coupons.sell(body, WALLET)
    assert sold["before_coupons_minor"] == 2_500
    assert (sold["total_minor"], sold["points_value_minor"], sold["due_minor"]) == (2_250, 250, 2_000)
    assert [earned["points"] for earned in sold["earned"]] == [20]
    assert [one["discount_minor"] for one in sold["coupons"]["applied"]] == [250]
    assert coupons.state(coupon_id) == "consumed"
    assert coupons.used() == [(coupon_id, 250)]


def test_a_retry_gets_the_first_answer_and_uses_nothing_more(coupons: CouponShop) -> None:
    phone = coupons.shop.enrol()
    coupons.publish(1, AmountOff(100))
    for _ in range(2):
        coupons.give(phone, 1)
    body = coupons.body(phone, line("1", 1_000))
    first, again = (coupons.answer(body, WALLET, "same") for _ in range(2))
    assert (first.status, first.body, again.replayed) == (again.status, again.body, True)
    assert len(coupons.used()) == 1


def test_each_coupon_that_is_not_used_says_why_and_the_sale_goes_on(coupons: CouponShop) -> None:
    phone, other = coupons.shop.enrol(), coupons.shop.enrol()
    coupons.publish(1, AmountOff(100))
    over = coupons.give(phone, 1, expires_at=coupons.shop.clock.at)
    away = coupons.give(other, 1)
    wish = CouponWish((over, away, b"\x77" * 16))
    sold = coupons.sell(coupons.body(phone, line("1", 1_000)), wish)
    reasons = {one["coupon"]: one["reason"] for one in sold["coupons"]["refused"]}
    assert reasons == {
        over.hex(): "coupon-expired",
        away.hex(): "coupon-unknown",
        "77" * 16: "coupon-unknown",
    }
    assert sold["total_minor"] == 1_000
    assert coupons.state(away) == "available"


def test_a_refused_sale_leaves_its_coupons(coupons: CouponShop) -> None:
    phone = coupons.shop.enrol()
    coupons.publish(1, AmountOff(100), limits=Limits(budget_count=1))
    coupon_id = coupons.give(phone, 1)
    body = coupons.body(phone, line("1", 1_000)) | {"tenders": [{"type": "cash", "amount_minor": 1_000}]}
    with pytest.raises(TendersDoNotAddUp):
        coupons.answer(body, WALLET)
    assert (coupons.state(coupon_id), coupons.used(), coupons.counted()) == ("available", [], [])
    body["tenders"][0]["amount_minor"] = 900
    assert coupons.sell(body, WALLET)["total_minor"] == 900
    assert coupons.counted() == [(1, 100)]


def test_the_dry_run_says_what_the_sale_does(coupons: CouponShop) -> None:
    chance = Random(6)
    gives = (PercentOff(1_500), AmountOff(130), FreeItem(1), BuyGet(1, 1, 5_000), PercentOff(500, 40))
    stacks = (Stacking(), Stacking("g", most_per_group=1), Stacking("h", excludes=frozenset({"g"})))
    for number, benefit in enumerate(gives, 1):
        scope = Scope(least_minor=chance.choice((0, 700)))
        limits = Limits(per_basket=2, budget_value_minor=900)
        coupons.publish(number, benefit, scope=scope, stacking=chance.choice(stacks), limits=limits)
    phone = coupons.shop.enrol()
    coupons.shop.stock(phone, 1, 5_000)
    for _ in range(12):
        for number in range(1, 6):
            if chance.random() < 0.7:
                coupons.give(phone, number)
        names = range(1, chance.randrange(2, 5))
        lines = [line(str(n), chance.randrange(1, 900), chance.randrange(1, 5)) for n in names]
        body = coupons.body(phone, *lines, spend={"max_value_minor": chance.randrange(1, 300)})
        quoted, sold = coupons.quote(body, WALLET), coupons.sell(body, WALLET)
        same = ("coupons", "before_coupons_minor", "total_minor", "points_value_minor", "due_minor")
        assert {name: quoted[name] for name in same} == {name: sold[name] for name in same}
        assert [e["points"] for e in quoted["earned"] if e["points"]] == [e["points"] for e in sold["earned"]]
    assert all(value <= 900 for _, value in coupons.counted())


@pytest.fixture
def tills(database: Database) -> Iterator[tuple[CouponShop, CouponShop]]:
    """Two workers, each with its own writer and connection."""
    one = Shop(database)
    one.found()
    two = Shop(database, "w2", StandingClock(START + timedelta(seconds=1)))
    two.catalogue.refresh()
    yield CouponShop(one), CouponShop(two)
    one.close()
    two.close()
    lots_equal_postings(one)


def test_two_tills_want_one_coupon_and_the_last_of_a_budget_and_one_gets_it(
    tills: tuple[CouponShop, CouponShop],
) -> None:
    one, two = tills
    phone, friend = one.shop.enrol(), one.shop.enrol()
    one.publish(1, AmountOff(100))
    one.publish(2, AmountOff(70), limits=Limits(budget_count=10))
    two.cache.refresh()
    for turn in range(10):
        coupon_id = one.give(phone, 1)
        bodies = [till.body(phone, line("1", 1_000)) for till in tills]
        wish = CouponWish((coupon_id,))
        raced(tills, bodies, (wish, wish))
        assert [used for used in one.used() if used[0] == coupon_id] == [(coupon_id, 100)]
        assert one.state(coupon_id) == "consumed", turn
    bodies = [one.body(phone, line("1", 1_000)), two.body(friend, line("1", 1_000))]
    for _ in range(8):
        wishes = (CouponWish((one.give(phone, 2),)), CouponWish((one.give(friend, 2),)))
        raced(tills, bodies, wishes)
    assert one.counted() == [(10, 700)]
    assert len([used for used in one.used() if used[1] == 70]) == 10


def raced(tills, bodies, wishes) -> None:
    answers = at_once(*(
        lambda till=till, body=body, wish=wish: till.answer(body, wish)
        for till, body, wish in zip(tills, bodies, wishes, strict=True)
    ))  # fmt: skip
    assert all(isinstance(answer, Answer) for answer in answers), [
        a for a in answers if isinstance(a, DomainError)
    ]
