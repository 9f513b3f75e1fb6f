"""A hold reserves coupons on the terms of its hour; a capture uses them, and its end frees the rest."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import insert, update

from ledger_service.checkout.couponing.service import CouponWish
from ledger_service.coupons.definitions.changes import next_number
from ledger_service.coupons.definitions.models import coupon_definition, coupon_version
from ledger_service.coupons.terms.text import terms_hash, terms_json
from ledger_service.coupons.terms.values import AmountOff, Limits, OnReturn, PercentOff, Terms, Window
from ledger_service.kernel.ids import parse_id

from .couponed import CouponShop
from .shop import START, Phone, Shop, line

WALLET = CouponWish(wallet=True)
_BOUNDED = Limits(budget_count=5, budget_value_minor=1_000)


@pytest.fixture
def coupons(shop: Shop) -> CouponShop:
    return CouponShop(shop)


def stocked(coupons: CouponShop) -> Phone:
    phone = coupons.shop.enrol()
    coupons.shop.stock(phone, 1, 300)
    return phone


def another_version(coupons: CouponShop, terms: Terms) -> None:
    """Version 2 is live, and then the whole definition withdrawn."""
    publish(coupons, replace(terms, version=2, benefit=AmountOff(1)))
    gone = update(coupon_definition).values(withdrawn_by="a", withdrawn_at=coupons.shop.clock.at)
    with coupons.shop.database.begin() as conn:
        conn.execute(gone.where(coupon_definition.c.definition_id == 1))


def publish(coupons: CouponShop, terms: Terms) -> None:
    at = coupons.shop.clock.at
    body = {"body": terms_json(terms), "terms_hash": terms_hash(terms), "effective_from": at}
    by = {"written_by": "a", "written_at": at, "approved_by": "b", "approved_at": at, "live_from": at}
    with coupons.shop.database.begin() as conn:
        conn.execute(insert(coupon_version).values(definition_id=1, version=terms.version, **body, **by))
        next_number(conn)
    coupons.cache.refresh()


def test_the_held_terms_stay_and_the_capture_uses_them_once(coupons: CouponShop) -> None:
    phone = stocked(coupons)
    window = Window(ends_at=START + timedelta(seconds=30))
    terms = coupons.publish(
        1, PercentOff(1_000), limits=_BOUNDED, window=window, on_return=OnReturn.GIVE_BACK
    )
    coupon_id = coupons.give(phone, 1)
    held = coupons.authorise(phone, WALLET, line("1", 2_000))
    assert [one["discount_minor"] for one in held["coupons"]["applied"]] == [200]
    assert (coupons.state(coupon_id), coupons.counted()) == ("reserved", [(1, 200)])
    spent = coupons.sell(coupons.body(phone, line("1", 500)), CouponWish((coupon_id,)))
    assert [one["reason"] for one in spent["coupons"]["refused"]] == ["coupon-reserved"]
    coupons.shop.clock.forward(seconds=60)
    another_version(coupons, terms)
    sold = coupons.shop.capture(held["hold_id"], line("1", 2_000))
    assert (sold["total_minor"], sold["points_value_minor"], sold["before_coupons_minor"]) == (
        1_800,
        50,
        2_000,
    )
    assert sold["coupons"]["applied"] == held["coupons"]["applied"]
    assert (coupons.state(coupon_id), coupons.used()) == ("consumed", [(coupon_id, 200)])
    back = coupons.refund(sold["sale_id"])
    assert (back["refunded_minor"], back["coupons"][0]["given_back"]) == (1_800, True)
    assert coupons.counted() == [(0, 0)]


@pytest.mark.parametrize("end", ["void", "expire"])
def test_the_end_of_a_hold_frees_what_it_reserved(coupons: CouponShop, end: str) -> None:
    phone = stocked(coupons)
    coupons.publish(1, AmountOff(100), limits=_BOUNDED)
    (code,) = coupons.list_of(1)
    wish = CouponWish(codes=(code,))
    held = coupons.authorise(phone, wish, line("1", 2_000))
    other = coupons.sell(coupons.shop.sale_body(line("1", 500)), wish)
    assert (other["total_minor"], other["coupons"]["refused"][0]["reason"]) == (500, "coupon-reserved")
    if end == "void":
        coupons.shop.void(held["hold_id"])
    else:
        coupons.shop.clock.forward(minutes=20)
        coupons.shop.service.expire_hold(parse_id(held["hold_id"], "hold"), coupons.shop.clock.at)
    assert coupons.counted() == [(0, 0)]
    assert coupons.sell(coupons.shop.sale_body(line("1", 500)), wish)["total_minor"] == 400
    assert coupons.counted() == [(1, 100)]


def test_of_several_captures_one_uses_the_coupon_and_the_last_frees_what_none_used(
    coupons: CouponShop,
) -> None:
    phone = stocked(coupons)
    coupons.publish(1, PercentOff(1_000), limits=_BOUNDED)
    coupons.publish(2, AmountOff(300), limits=_BOUNDED)
    percent, amount = coupons.give(phone, 1), coupons.give(phone, 2)
    lines = (line("1", 1_000), line("2", 3_000))
    held = coupons.authorise(phone, WALLET, *lines, several=True)
    assert held["coupons"]["discount_minor"] == 700
    some = {"spend": {"max_value_minor": 20}, "final": False}
    first = coupons.shop.capture(held["hold_id"], line("1", 1_000), **some)
    assert (first["total_minor"], first["hold_state"]) == (600, "open")
    assert sorted(coupons.counted()) == [(1, 100), (1, 300)]
    last = coupons.shop.capture(held["hold_id"], line("2", 3_000))
    assert (last["total_minor"], last["coupons"]["applied"], last["hold_state"]) == (3_000, [], "closed")
    assert [coupons.state(one) for one in (percent, amount)] == ["consumed", "consumed"]
    again = coupons.give(phone, 1)
    held = coupons.authorise(phone, CouponWish((again,)), line("1", 2_000))
    free = coupons.shop.capture(held["hold_id"], line("1", 0))
    assert (free["coupons"]["refused"][0]["reason"], coupons.state(again)) == (
        "gives-nothing-here",
        "available",
    )
    assert sorted(coupons.counted()) == [(1, 100), (1, 300)]


def test_a_larger_basket_than_was_held_takes_no_more_than_the_budget_leaves(coupons: CouponShop) -> None:
    phone = stocked(coupons)
    coupons.publish(1, PercentOff(1_000), limits=Limits(budget_value_minor=250))
    coupon_id = coupons.give(phone, 1)
    for amount, total in ((2_600, 2_600), (2_500, 2_250)):
        held = coupons.authorise(phone, CouponWish((coupon_id,)), line("1", 2_000))
        assert coupons.shop.capture(held["hold_id"], line("1", amount))["total_minor"] == total
    assert (coupons.state(coupon_id), coupons.counted()) == ("consumed", [(1, 250)])


def test_fewer_coupons_than_were_held_take_no_more_than_these_held(coupons: CouponShop) -> None:
    phone = stocked(coupons)
    limits = Limits(per_basket=2, budget_value_minor=400)
    coupons.publish(1, PercentOff(1_000), limits=limits)
    given = [coupons.give(phone, 1) for _ in range(2)]
    held = coupons.authorise(phone, WALLET, line("1", 2_000))
    (before,) = {value for _, value in coupons.counted()}
    sold = coupons.shop.capture(held["hold_id"], line("1", 3_000))
    assert sold["coupons"]["discount_minor"] <= 400
    assert before <= 400 and coupons.counted()[0][1] == sold["coupons"]["discount_minor"]
    assert {coupons.state(one) for one in given} <= {"consumed", "available"}


def test_coupons_of_two_versions_are_sold_where_one_is_used_up(coupons: CouponShop) -> None:
    phone = stocked(coupons)
    terms = coupons.publish(1, AmountOff(100), limits=Limits(budget_count=1, per_basket=2))
    wider = replace(terms, version=2, limits=Limits(budget_count=5, per_basket=2))
    publish(coupons, wider)
    first = [coupons.give(phone, 1) for _ in range(2)]
    coupons.sell(coupons.body(phone, line("1", 1_000)), CouponWish(first[:1]))
    coupons.give(phone, 1, version=2)
    sold = coupons.sell(coupons.body(phone, line("1", 1_000)), WALLET)
    assert [one["reason"] for one in sold["coupons"]["refused"]] == ["budget-exhausted"]
    assert (sold["total_minor"], coupons.counted(), coupons.state(first[1])) == (900, [(2, 200)], "available")
