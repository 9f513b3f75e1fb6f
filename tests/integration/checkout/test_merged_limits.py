"""Two accounts that become one have the limits of one: of a day, of a coupon, of custody."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import insert, select

from ledger_service.checkout import merging as checkout
from ledger_service.checkout.couponing.service import CouponWish
from ledger_service.checkout.taking.errors import PointsNotTaken
from ledger_service.checkout.taking.models import taking_sum
from ledger_service.coupons.definitions import merging as coupon_limits
from ledger_service.coupons.definitions.models import coupon_use
from ledger_service.coupons.terms.values import AmountOff, Limits
from ledger_service.coupons.wallet import merging as wallet
from ledger_service.db.engine import Database
from ledger_service.members.merging import Merge
from ledger_service.points import merging as points
from ledger_service.points.models import custodial_use

from .couponed import CouponShop
from .shop import START, Phone, Shop, line, lots_equal_postings
from .test_taking import groc, member, refused, rule

WALLET = CouponWish(wallet=True)


@pytest.fixture
def shop(database: Database) -> Iterator[Shop]:
    shop = Shop(database)
    shop.found()
    yield shop
    shop.close()
    lots_equal_postings(shop)


def merged(shop: Shop, closes: Phone, stays: Phone) -> None:
    """What the rooms concerned do when the members become one."""
    merge = Merge(closes.member_id, stays.member_id, shop.clock.at)
    for room in (points, wallet, coupon_limits, checkout):
        shop.writer.run(lambda conn, room=room: room.follow_merge(conn, merge))


@pytest.mark.parametrize("stays_paid", [0, 20])
def test_what_both_have_paid_with_points_today_counts_for_the_one_who_stays(
    shop: Shop, stays_paid: int
) -> None:
    rule(shop, member_day_minor=100)
    closes, stays = member(shop), member(shop)
    shop.sell(closes, line("1", 90), spend=groc(70))
    if stays_paid:
        shop.sell(stays, line("1", 90), spend=groc(stays_paid))
    merged(shop, closes, stays)
    refusal = refused(lambda: shop.sell(stays, line("1", 90), spend=groc(31 - stays_paid)))
    assert isinstance(refusal, PointsNotTaken)
    assert (refusal.rule, refusal.most_minor) == ("member-day-sum", 30 - stays_paid)
    shop.sell(stays, line("1", 90), spend=groc(30 - stays_paid))
    with shop.database.read() as conn:
        left = conn.execute(select(taking_sum.c.subject, taking_sum.c.taken_minor)).all()
    assert [tuple(row) for row in left] == [(stays.member_id, 100)]
    shop.clock.forward(days=1)
    assert shop.sell(stays, line("1", 90), spend=groc(90))["points_value_minor"] == 90


@pytest.mark.parametrize(
    "limits", [{"per_member": 1}, {"per_member_day": 1}, {"per_member_week": 1}, {"per_member_month": 1}]
)
def test_a_coupon_of_once_per_member_serves_two_accounts_of_one_person_once(
    shop: Shop, limits: dict[str, int]
) -> None:
    coupons = CouponShop(shop)
    closes, stays, other = shop.enrol(), shop.enrol(), shop.enrol()
    coupons.publish(1, AmountOff(100), limits=Limits(**limits))
    for phone in (closes, stays, other):
        coupons.give(phone, 1)
    first = coupons.sell(coupons.body(closes, line("1", 1_000)), WALLET)
    assert first["total_minor"] == 900
    merged(shop, closes, stays)
    assert coupons.sell(coupons.body(stays, line("1", 1_000)), WALLET)["total_minor"] == 1_000
    assert coupons.sell(coupons.body(other, line("1", 1_000)), WALLET)["total_minor"] == 900
    with shop.database.read() as conn:
        rows = conn.execute(
            select(coupon_use.c.use_key, coupon_use.c.subject, coupon_use.c.definition_id, coupon_use.c.scope)
        )
        for row in rows:
            assert row.use_key == f"{row.definition_id}:{row.scope}:{row.subject}"
            assert row.subject.split(":")[0] != str(closes.member_id)


def test_uses_of_both_are_added_up(shop: Shop) -> None:
    coupons = CouponShop(shop)
    closes, stays = shop.enrol(), shop.enrol()
    coupons.publish(1, AmountOff(100), limits=Limits(per_member=3))
    for phone in (closes, stays, stays, stays):
        coupons.give(phone, 1)
    for phone in (closes, stays):
        coupons.sell(coupons.body(phone, line("1", 1_000)), WALLET)
    merged(shop, closes, stays)
    totals = [coupons.sell(coupons.body(stays, line("1", 1_000)), WALLET)["total_minor"] for _ in range(2)]
    assert totals == [900, 1_000]


def test_what_custody_paid_for_both_counts_for_one(shop: Shop) -> None:
    closes, stays = shop.enrol(), shop.enrol()
    day = int(START.timestamp()) // 86_400
    with shop.database.begin() as conn:
        for phone, spent in ((closes, 7), (stays, 5)):
            conn.execute(insert(custodial_use).values(account=phone.account, day=day, spent_micros=spent))
        conn.execute(insert(custodial_use).values(account=closes.account, day=day - 2, spent_micros=9))
    merged(shop, closes, stays)
    with shop.database.read() as conn:
        mine = custodial_use.c.account == stays.account
        found = conn.execute(select(custodial_use.c.day, custodial_use.c.spent_micros).where(mine)).all()
    assert [tuple(row) for row in found] == [(day, 12)]
