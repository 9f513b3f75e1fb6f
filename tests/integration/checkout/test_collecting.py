"""Receipts add up to a coupon once, whoever counts; goods that come back take it away or leave a debt."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Update, select, update

from ledger_service.checkout.collecting.models import spend_mark, spend_receipt, spend_reward
from ledger_service.checkout.collecting.reconcile import differences
from ledger_service.checkout.collecting.service import CollectingDesk
from ledger_service.checkout.couponing.service import CouponWish
from ledger_service.checkout.merging import follow_merge
from ledger_service.coupons.terms.values import Goods, Reward, Scope
from ledger_service.coupons.wallet.models import coupon
from ledger_service.db.engine import Database
from ledger_service.members.consents import service as consents
from ledger_service.members.consents.service import Said, Use
from ledger_service.members.merging import Merge
from ledger_service.points.models import member_programme

from .couponed import CouponShop
from .shop import FUEL, GROCER, START, Phone, Shop, StandingClock, line, lots_equal_postings
from .test_races import at_once

WALLET = CouponWish(wallet=True)
REWARD = Reward(10_000, 30, 500)


class Collecting(CouponShop):
    """A shop whose receipts add up; the job runs when a test says so."""

    def add_up(self) -> None:
        shop = self.shop
        while CollectingDesk(shop.writer, shop.database, self.cache, shop.catalogue, 2).step(shop.clock.at):
            pass

    def buy(self, phone: Phone, *amounts: int, at: int = GROCER) -> list[str]:
        sold = [self.shop.sell(phone, line("1", amount, 10), at=at)["sale_id"] for amount in amounts]
        self.add_up()
        return sold

    def back(self, sale_id: str, pieces: int) -> None:
        self.refund(sale_id, ("1", pieces))
        self.add_up()

    def rewards(self, phone: Phone) -> list[tuple[str, int, int]]:
        return [(row.state, row.minor, row.points) for row in self._rows(phone)]

    def coupon_of(self, phone: Phone) -> bytes:
        return bytes(self._rows(phone)[-1].reward_id)

    def rows(self, table: Any) -> list[Any]:
        with self.shop.database.read() as conn:
            return list(conn.execute(select(table)).all())

    def _rows(self, phone: Phone) -> list[Any]:
        rows = [row for row in self.rows(spend_reward) if row.member_id == phone.member_id]
        return sorted(rows, key=lambda row: (row.granted_at, row.definition_id))


@pytest.fixture
def shop(sqlite_database: Database) -> Iterator[Shop]:
    """Plain cases need one database; the race is tried on both."""
    shop = Shop(sqlite_database)
    shop.found()
    yield shop
    shop.close()
    lots_equal_postings(shop)


@pytest.fixture
def shop_of(shop: Shop) -> Iterator[Collecting]:
    """Whatever a test did, rewards are what receipts say in the end."""
    one = Collecting(shop)
    yield one
    assert found(one) == []


def found(one: Collecting) -> list[str]:
    with one.shop.database.snapshot() as conn:
        return [difference.check for difference in differences(conn)]


def changed(one: Collecting, statement: Update) -> list[str]:
    """What the audit finds where somebody has changed rows, which are as before afterwards."""
    with one.shop.database.begin() as conn:
        conn.execute(statement)
        told = [difference.check for difference in differences(conn)]
        conn.rollback()
    return told


def live(one: Collecting, *definitions: int, **scope: Any) -> None:
    for number in definitions or (1,):
        one.publish(number, REWARD, scope=Scope(**scope))
    one.shop.clock.forward(seconds=10)


def test_receipts_add_up_once_and_serve_one_reward(shop_of: Collecting) -> None:
    one, phone, other = shop_of, shop_of.shop.enrol(), shop_of.shop.enrol()
    one.shop.sell(phone, line("1", 9_000))
    live(one, 1, 2)
    # What was bought before counts for nothing, nor what points paid, nor what others buy.
    one.buy(other, 9_000)
    one.shop.stock(phone, 2, 2_000)
    one.shop.sell(phone, line("1", 6_000), spend={"max_value_minor": 1_000})
    one.buy(phone, 4_999)
    assert (one.rewards(phone), one.rewards(other)) == ([], [])
    one.buy(phone, 1)
    one.add_up()
    assert one.rewards(phone) == [("granted", 0, 0)]
    assert one.rows(spend_mark) == []
    used = [row.sale_id for row in one.rows(spend_receipt) if row.reward_id is not None]
    assert len(used) == len(set(used)) == 3
    sold = one.sell(one.body(phone, line("1", 2_000)), WALLET)
    assert sold["total_minor"] == 1_500
    one.buy(phone, 8_500)
    # What the coupon left of the basket counts towards the next one.
    assert one.rewards(phone) == [("granted", 0, 0)] * 2
    assert changed(one, update(spend_receipt).values(minor=1)) == ["spend-reward"] * 2
    over = {"state": "taken", "ended_at": START}
    assert set(changed(one, update(spend_reward).values(over))) == {"spend-receipt"}
    gone = update(coupon).where(coupon.c.state == "available").values(state="void")
    assert changed(one, gone) == ["spend-reward"]


def test_a_return_takes_the_reward_back_unless_other_receipts_carry_it(shop_of: Collecting) -> None:
    one, phone = shop_of, shop_of.shop.enrol()
    live(one)
    first, second = one.buy(phone, 6_000, 4_000)
    coupon_id = one.coupon_of(phone)
    third = one.buy(phone, 3_000)[0]
    one.back(second, 5)
    assert (one.rewards(phone), one.state(coupon_id)) == ([("granted", 0, 0)], "available")
    one.back(third, 10)
    assert (one.rewards(phone), one.state(coupon_id)) == ([("taken", 0, 0)], "void")
    # What is left of its receipts is free again.
    one.buy(phone, 2_000)
    assert one.rewards(phone) == [("taken", 0, 0), ("granted", 0, 0)]
    assert one.coupon_of(phone) != coupon_id
    one.back(first, 10)
    one.back(second, 5)
    assert [state for state, _, _ in one.rewards(phone)] == ["taken", "taken"]


def test_a_reward_that_was_used_becomes_a_debt_once(shop_of: Collecting) -> None:
    one, phone = shop_of, shop_of.shop.enrol()
    live(one)
    (sale_id,) = one.buy(phone, 10_000)
    used = one.sell(one.body(phone, line("1", 1_000, 10)), WALLET)
    assert used["total_minor"] == 500
    one.add_up()
    # A fifth of what it took off came back with its own goods.
    one.back(used["sale_id"], 2)
    assert one.rewards(phone) == [("granted", 0, 0)]
    for pieces in (5, 5):
        one.back(sale_id, pieces)
        assert one.rewards(phone) == [("owed", 400, 400)]
    debts = {row.programme_id: row.debt for row in one.rows(member_programme)}
    assert debts == {1: 400}


def test_a_reward_that_a_hold_reserves_waits_for_its_end(shop_of: Collecting) -> None:
    one, phone = shop_of, shop_of.shop.enrol()
    live(one)
    one.shop.stock(phone, 2, 300)
    (sale_id,) = one.buy(phone, 10_000)
    held = one.authorise(phone, WALLET, line("1", 1_000))
    assert one.state(one.coupon_of(phone)) == "reserved"
    one.back(sale_id, 1)
    assert one.rewards(phone) == [("granted", 0, 0)]
    one.shop.void(held["hold_id"])
    one.shop.clock.forward(hours=1)
    one.add_up()
    assert (one.rewards(phone), one.rows(spend_mark)) == ([("taken", 0, 0)], [])


def test_only_its_goods_count_and_other_merchants_receipts_on_a_consent(shop_of: Collecting) -> None:
    one, phone = shop_of, shop_of.shop.enrol()
    goods = Goods(departments=frozenset({"TEA"}))
    live(one, of=goods, merchants=frozenset({GROCER, FUEL}))
    tea, bread = line("1", 5_000, category="TEA"), line("2", 9_000)
    one.shop.sell(phone, tea, bread)
    one.shop.sell(phone, tea, bread, at=FUEL)
    one.add_up()
    assert one.rewards(phone) == []
    with one.shop.database.begin() as conn:
        consents.give(conn, phone.member_id, Use(FUEL, GROCER, "marketing"), Said("member:1", START))
    one.shop.sell(phone, tea, bread, at=FUEL)
    one.add_up()
    assert one.rewards(phone) == [("granted", 0, 0)]
    assert sorted(row.minor for row in one.rows(spend_receipt)) == [5_000, 5_000]


def test_two_members_who_become_one_have_spent_together(shop_of: Collecting) -> None:
    one, stays, closes = shop_of, shop_of.shop.enrol(), shop_of.shop.enrol()
    live(one)
    one.buy(stays, 6_000)
    one.buy(closes, 4_000)
    with one.shop.database.begin() as conn:
        follow_merge(conn, Merge(closes.member_id, stays.member_id, one.shop.clock.at))
    one.add_up()
    assert one.rewards(stays) == [("granted", 0, 0)]


@pytest.fixture
def workers(database: Database) -> Iterator[tuple[Collecting, Collecting]]:
    one = Shop(database)
    one.found()
    two = Shop(database, "w2", StandingClock(START + timedelta(seconds=11)))
    two.catalogue.refresh()
    yield Collecting(one), Collecting(two)
    one.close()
    two.close()
    lots_equal_postings(one)


def test_two_jobs_beside_sales_and_returns_at_once_grant_each_reward_once(
    workers: tuple[Collecting, Collecting],
) -> None:
    one, two = workers
    phone = one.shop.enrol()
    live(one, 1, 2)
    two.cache.refresh()
    for _ in range(4):
        (back,) = one.buy(phone, 3_000)
        at_once(
            *(partial(w.shop.sell, phone, line("1", 3_500)) for w in workers),
            partial(one.refund, back, ("1", 10)),
            *(w.add_up for w in workers),
        )
    at_once(*(w.add_up for w in workers))
    one.add_up()
    by_sale: dict[bytes, set[bytes]] = {}
    sums: dict[bytes, int] = {}
    for row in one.rows(spend_receipt):
        if row.reward_id is not None:
            by_sale.setdefault(row.sale_id, set()).add(row.reward_id)
            sums[row.reward_id] = sums.get(row.reward_id, 0) + row.minor
    assert all(len(some) == 1 for some in by_sale.values())
    granted = [row.reward_id for row in one.rows(spend_reward) if row.state == "granted"]
    assert sorted(granted) == sorted(sums)
    assert all(total >= 10_000 for total in sums.values())
    assert found(one) == []
    # Eight receipts of 3,500 were kept: two rewards of three each.
    assert len(granted) == 2
