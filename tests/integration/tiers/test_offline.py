"""A sale made alone counts towards the tiers of the day, and the year, in which it was made."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import delete

from ledger_service.checkout.recounting import recounts
from ledger_service.db.engine import Database
from ledger_service.tiers.models import member_tier
from ledger_service.tiers.recompute import begin
from ledger_service.tiers.rules import Window, place_at
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


def counted_anew(shop: OfflineShop) -> dict[int, tuple[int, int | None, int, int]]:
    """What a recount of today leaves of the cached rows."""
    (one,) = recounts(shop.catalogue.current(), shop.ladders.current(), shop.clock.at, from_sales=False)
    with shop.database.begin() as conn:
        conn.execute(delete(member_tier))
        begin(conn, one.run, shop.clock.at)
        while not one.step(conn, shop.clock.at).ended:
            pass
    return cached(shop, 1)


@pytest.mark.parametrize("minor", [1_000, 30_000, 60_000])
def test_a_sale_of_last_year_that_comes_in_this_year_leaves_the_standing_of_today(
    shop: OfflineShop, minor: int
) -> None:
    """The standing of 31 December is over on 1 January, whatever was decided by it."""
    phone, till = shop.enrol(), shop.till()
    before = till.earn(NEW_YEAR - timedelta(hours=1), phone, 60_000)
    shop.one(till, before)
    late = till.earn(NEW_YEAR - timedelta(minutes=30), phone, minor)
    assert cached(shop, 1) == counted_anew(shop)
    assert earned(shop.one(till, late).content["sale"])[1] == "SILVER"
    assert cached(shop, 1) == counted_anew(shop)
    assert [level for level, *_ in cached(shop, 1).values()] == [0]


def test_a_ladder_that_began_meanwhile_judges_the_standing_of_today(shop: OfflineShop) -> None:
    phone, till = shop.enrol(), shop.till()
    item = till.earn(NEW_YEAR - timedelta(minutes=30), phone, 60_000)
    shop.clock.at = NEW_YEAR + timedelta(hours=1)
    publish(shop, window=Window.SINCE_JOIN)
    shop.clock.at = NEW_YEAR + timedelta(hours=2)
    shop.one(till, item)
    assert cached(shop, 1) == {phone.member_id: (1, None, 60_000, 2)} == counted_anew(shop)
