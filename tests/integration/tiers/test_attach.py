"""A receipt that joins a member late earns by the tier of its own day and counts for that day."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ledger_service.db.engine import Database
from ledger_service.tiers.rules import Window
from tests.integration.checkout.attaching import attach, later
from tests.integration.checkout.shop import START, Shop, line, lots_equal_postings

from .people import amounts_by_member, cached, earned, publish
from .test_till import NEW_YORK, kept_rows_are_the_rule

DAY = START.astimezone(NEW_YORK).toordinal()


@pytest.fixture
def shop(database: Database) -> Iterator[Shop]:
    shop = Shop(database)
    shop.found()
    yield shop
    kept_rows_are_the_rule(shop)
    shop.close()
    lots_equal_postings(shop)


@pytest.mark.parametrize("window", [Window.CALENDAR_YEAR, Window.SINCE_JOIN])
def test_a_tier_that_was_reached_after_the_sale_decides_nothing_of_it(shop: Shop, window: Window) -> None:
    publish(shop, window=window)
    phone, before = shop.enrol(), shop.sell(None, line("1", 10_000))["sale_id"]
    later(shop, days=1)
    shop.sell(phone, line("1", 60_000))
    later(shop, days=1)
    after = shop.sell(None, line("1", 10_000))["sale_id"]
    later(shop, days=3)
    assert earned(attach(shop, before, phone)) == (100, "BASE")
    assert earned(attach(shop, after, phone)) == (125, "SILVER")
    amounts = amounts_by_member(shop, 1)[phone.member_id]
    assert amounts == {DAY: 10_000, DAY + 1: 60_000, DAY + 2: 10_000}
    assert cached(shop, 1)[phone.member_id][2] == 80_000


def test_a_receipt_lifts_its_member_from_now_on(shop: Shop) -> None:
    publish(shop)
    phone, big = shop.enrol(), shop.sell(None, line("1", 60_000))["sale_id"]
    later(shop, days=2)
    assert earned(attach(shop, big, phone)) == (600, "BASE")
    assert earned(shop.sell(phone, line("1", 10_000))) == (125, "SILVER")


def test_what_came_back_before_does_not_count_and_what_comes_back_later_is_taken_off(shop: Shop) -> None:
    publish(shop)
    phone, sale = shop.enrol(), shop.sell(None, line("1", 90_000, 3))["sale_id"]
    shop.refund(sale, [("1", 1)])
    later(shop, days=2)
    assert earned(attach(shop, sale, phone)) == (600, "BASE")
    assert amounts_by_member(shop, 1)[phone.member_id] == {DAY: 60_000}
    shop.refund(sale, [("1", 1)])
    assert amounts_by_member(shop, 1)[phone.member_id] == {DAY: 30_000}
    assert shop.balance(phone, 1) == 300
    shop.refund(sale)
    assert shop.balance(phone, 1) == 0
