"""The rules of the main run's coupons, and the place where a redemption is shown."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

from ledger_service.demo.coupon_data import place_of
from ledger_service.demo.coupon_rules import OF_TYPE_A, issued_to, taken_alone
from ledger_service.demo.coupons_screen import show_coupons
from ledger_service.demo.dataset import Basket, Line
from ledger_service.demo.screen import Screen

UPCS = list(range(100, 140))
AT = datetime(2017, 3, 4, 15, tzinfo=UTC)
PRODUCTS = {1: "GROC", 2: "GROC", 3: "DRUG"}


def basket(number: int, **checkouts: list[tuple[int, int]]) -> Basket:
    lines = {
        key: tuple(Line(product, "X", 1, paid) for product, paid in some) for key, some in checkouts.items()
    }
    return Basket(number, number, 7, 1, AT, lines)


def test_a_household_of_a_campaign_by_post_gets_every_coupon_once_and_what_it_redeemed_twice_twice() -> None:
    got = issued_to("s", (1, "Type B"), 7, UPCS, [101, 101])
    assert got == Counter(dict.fromkeys(UPCS, 1)) | Counter({101: 2})


def test_sixteen_kinds_of_type_a_hold_those_that_were_redeemed_and_follow_from_the_seed() -> None:
    got = issued_to("s", (8, "Type A"), 7, UPCS, [139, 139, 100])
    assert len(got) == OF_TYPE_A
    assert (got[139], got[100]) == (2, 1)
    assert got == issued_to("s", (8, "Type A"), 7, UPCS, [139, 139, 100])
    assert got != issued_to("other", (8, "Type A"), 7, UPCS, [139, 139, 100])


def test_a_coupon_is_shown_where_its_goods_cost_something_else_where_they_lie_else_at_its_giver() -> None:
    other, free = basket(1, DRUG=[(3, 90)]), basket(2, GROC=[(1, 0)])
    plain, paid = basket(3, GROC=[(9, 50)]), basket(4, DRUG=[(3, 5)], GROC=[(2, 80)])
    assert place_of([other, free, plain, paid], PRODUCTS) == (4, "GROC")
    assert place_of([other, plain, free], PRODUCTS) == (2, "GROC")
    assert place_of([other, plain], PRODUCTS) == (3, "GROC")
    assert place_of([other], PRODUCTS) == (1, "DRUG")


def test_a_cut_off_till_takes_each_coupon_off_its_goods_and_no_more_than_points_leave() -> None:
    lines = basket(1, GROC=[(1, 900), (2, 30), (3, 500)]).checkouts["GROC"]
    assert taken_alone([("Type B", {2})], lines, 1_430) == 30
    assert taken_alone([("Type A", {1, 2})], lines, 1_430) == 186
    assert taken_alone([("Type A", {1, 2, 3}), ("Type C", {3})], lines, 1_430) == 300
    assert taken_alone([("Type C", {3}), ("Type A", {3})], lines, 1_430) == 180
    assert taken_alone([("Type C", {1})], lines, 70) == 70
    assert taken_alone([("Type C", {9})], lines, 1_430) == 0


def test_a_redemption_that_is_neither_accepted_nor_refused_fails_the_run() -> None:
    counts = Counter({"coupons shown": 3, "coupons accepted": 1, "coupon refused: no-goods": 2})
    assert show_coupons(Screen(), counts)
    counts["coupons shown"] += 1
    assert not show_coupons(Screen(), counts)
