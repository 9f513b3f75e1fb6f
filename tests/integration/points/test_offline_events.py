"""A sale made alone whose points await an event: nobody can tell the event before the sale has come in."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from ledger_service.checkout.errors import EventTooLate
from ledger_service.db.engine import Database
from ledger_service.kernel.clock import format_instant
from ledger_service.points.pending_rules import PendingTerms, Wait
from ledger_service.points.service import PointsService
from tests.integration.checkout.alone import OfflineShop
from tests.integration.checkout.shop import lots_equal_postings
from tests.integration.points.conftest import points
from tests.integration.points.test_pending import states, tell, wait_for

__all__ = ["points"]


@pytest.fixture
def shop(database: Database) -> Iterator[OfflineShop]:
    shop = OfflineShop(database)
    shop.found()
    yield shop
    shop.close()
    lots_equal_postings(shop)


@pytest.mark.parametrize("late", [timedelta(hours=23, minutes=59), timedelta(days=1)])
def test_the_event_of_a_sale_that_came_in_at_its_deadline_can_be_told_for_a_day(
    shop: OfflineShop, points: PointsService, late: timedelta
) -> None:
    wait_for(shop, PendingTerms(Wait.EVENT, 1, event="delivered"))
    phone, other, till = shop.enrol(), shop.enrol(), shop.till()
    sold_at = shop.clock.at
    items = [till.earn(sold_at, who, 5_000) for who in (phone, other)]
    shop.clock.at = sold_at + late
    sales = [merged.content["sale"] for merged in shop.upload(till, items)]
    deadline = sold_at + late + timedelta(days=1)
    assert [sale["earned"][0]["vests_at"] for sale in sales] == [format_instant(deadline)] * 2
    shop.clock.at = deadline - timedelta(seconds=1)
    assert points.vest_due(shop.clock.at) == 0
    assert tell(shop, sales[0])["due"] == [{"programme": "GROC", "points": 50}]
    shop.clock.at = deadline
    with pytest.raises(EventTooLate):
        tell(shop, sales[1])
    while points.vest_due(shop.clock.at):
        pass
    assert (shop.balance(phone, 1), shop.balance(other, 1)) == (50, 0)
    assert sorted(states(shop)) == [("lapsed", 50), ("vested", 50)]


def test_a_sale_that_came_in_early_enough_keeps_the_deadline_of_its_own_time(shop: OfflineShop) -> None:
    wait_for(shop, PendingTerms(Wait.EVENT, 3, event="delivered"))
    phone, till = shop.enrol(), shop.till()
    sold_at = shop.clock.at
    item = till.earn(sold_at, phone, 5_000)
    shop.clock.forward(hours=20)
    sale = shop.one(till, item).content["sale"]
    assert sale["earned"][0]["vests_at"] == format_instant(sold_at + timedelta(days=3))
