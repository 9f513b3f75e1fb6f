"""What funders owe for coupons: each use and return once, in one period, whatever cuts the work (INV-5)."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from random import Random

import pytest

from ledger_service.checkout.couponing.clearing import clear, coupons_of, debts_of, every_coupon, waits
from ledger_service.checkout.couponing.reconcile import differences
from ledger_service.checkout.couponing.service import CouponWish
from ledger_service.coupons.terms.values import AmountOff, Share
from ledger_service.db.errors import RowVanished
from ledger_service.kernel.coupon_clearing import ClearedCoupon

from .couponed import CouponShop
from .shop import FLORIST, FUEL, GROCER, Shop, line

FUNDERS = Share(GROCER, 6_000), Share(FUEL, 3_000), Share(FLORIST, 1_000)


@pytest.fixture
def coupons(shop: Shop) -> CouponShop:
    made = CouponShop(shop)
    made.publish(1, AmountOff(101), funders=FUNDERS)
    return made


def sold(coupons: CouponShop, count: int) -> list[str]:
    phone = coupons.shop.enrol()
    for _ in range(count):
        coupons.give(phone, 1)
    wish = CouponWish(wallet=True)
    body = coupons.body(phone, line("1", 400, 3))
    return [coupons.sell(body, wish, f"sale-{number}")["sale_id"] for number in range(count)]


def paged(coupons: CouponShop, period: int, merchant: int | None) -> list[ClearedCoupon]:
    found: list[ClearedCoupon] = []
    with coupons.shop.database.snapshot() as conn:
        some, behind = coupons_of(conn, period, None, 2, merchant)
        found += some
        while behind is not None:
            some, behind = coupons_of(conn, period, behind, 2, merchant)
            found += some
        assert found == list(every_coupon(conn, period, merchant))
    return found


def test_every_use_and_return_is_cleared_once_and_a_closed_period_stays(coupons: CouponShop) -> None:
    chance, database = Random(5), coupons.shop.database
    sales = sold(coupons, 3)
    with database.begin() as conn:
        assert clear(conn, 1, 2) == 2
    coupons.refund(sales[0], ("1", 1))
    with database.begin() as conn:
        assert clear(conn, 1) == 2 and not waits(conn)
    first, before = paged(coupons, 1, None), debts_of_period(coupons, 1)
    steps = [sales[0], sales[0], *[one for one in sales[1:] for _ in range(3)]]
    chance.shuffle(steps)
    for sale_id in steps:
        coupons.refund(sale_id, ("1", 1))
    with database.begin() as conn:
        assert clear(conn, 2) == len(steps)
    assert (paged(coupons, 1, None), debts_of_period(coupons, 1)) == (first, before)
    total = Counter(before)
    total.update(debts_of_period(coupons, 2))
    assert set(total) == {(FUEL, GROCER), (FLORIST, GROCER)} and set(total.values()) == {0}
    assert {tuple(one.paid) for one in paged(coupons, 2, FLORIST)} == {(FLORIST,)}
    assert paged(coupons, 2, GROCER) == paged(coupons, 2, None) and paged(coupons, 3, None) == []
    with database.snapshot() as conn:
        assert list(differences(conn)) == []


def test_of_two_that_clear_at_once_each_use_is_taken_by_one(coupons: CouponShop) -> None:
    sold(coupons, 4)

    def once(_: int) -> int:
        try:
            with coupons.shop.database.begin() as conn:
                return clear(conn, 1, 3)
        except RowVanished:
            return 0

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(once, range(8))) == 4
    debts = debts_of_period(coupons, 1)
    shares = Counter(dict.fromkeys(debts, 0))
    for one in paged(coupons, 1, None):
        shares.update(one.debts)
    assert shares == debts and sum(debts.values()) > 0


def debts_of_period(coupons: CouponShop, period: int) -> dict[tuple[int, int], int]:
    with coupons.shop.database.snapshot() as conn:
        return debts_of(conn, period)
