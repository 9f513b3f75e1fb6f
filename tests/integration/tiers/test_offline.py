"""A sale made alone counts towards the tiers of the day, and the year, in which it was made."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest

from ledger_service.db.engine import Database
from ledger_service.tiers.rules import place_at
from tests.integration.checkout.alone import OfflineShop
from tests.integration.checkout.shop import StandingClock, line, lots_equal_postings

from .people import amounts_by_member, cached, earned, publish

NEW_YEAR = datetime(2027, 1, 1, 5, tzinfo=UTC)  # midnight of the programme's zone, New York
FIRST, LAST = date(2027, 1, 1).toordinal(), date(2026, 12, 31).toordinal()


@pytest.fixture
def shop(database: Database) -> Iterator[OfflineShop]:
    shop = OfflineShop(database, clock=StandingClock(NEW_YEAR - timedelta(hours=6)))
    shop.found()
    publish(shop)
    shop.clock.at = NEW_YEAR + timedelta(hours=6)
    yield shop
    shop.close()
    lots_equal_postings(shop)


def test_what_was_sold_alone_last_year_counts_for_last_year(shop: OfflineShop) -> None:
    phone, till = shop.enrol(), shop.till()
    assert earned(shop.sell(phone, line("1", 60_000))) == (600, "BASE")
    before = till.earn(NEW_YEAR - timedelta(hours=1), phone, 110_000)
    after = till.earn(NEW_YEAR + timedelta(hours=1), phone, 30_000)
    assert earned(shop.one(till, before).content["sale"]) == (1_100, "BASE")
    ladder = shop.ladders.current().of(1)[0]
    amounts = {LAST: 110_000, FIRST: 60_000}
    place = place_at(ladder, amounts, FIRST)
    assert cached(shop, 1) == {phone.member_id: (1, place.until_day, 170_000, 1)}
    # Merged last, it was sold by a member of silver, which the purchase online of that morning had reached.
    assert earned(shop.one(till, after).content["sale"]) == (375, "SILVER")
    assert amounts_by_member(shop, 1) == {phone.member_id: {LAST: 110_000, FIRST: 90_000}}


def test_a_sale_merged_twice_counts_once(shop: OfflineShop) -> None:
    phone, till = shop.enrol(), shop.till()
    item = till.earn(NEW_YEAR - timedelta(hours=1), phone, 50_000)
    shop.one(till, item)
    shop.one(till, item)
    assert amounts_by_member(shop, 1) == {phone.member_id: {LAST: 50_000}}
