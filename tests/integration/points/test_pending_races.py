"""Events, refunds, vesting and notices at once, with real threads and two workers on one database."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from functools import partial

import pytest

from ledger_service.checkout.errors import EventRecorded
from ledger_service.db.engine import Database
from ledger_service.points.limits.rules import AdjustmentLimits
from ledger_service.points.service import PointsService, PointsSettings
from tests.integration.checkout.shop import DOMAIN, START, Shop, line, lots_equal_postings
from tests.integration.checkout.test_races import at_once
from tests.integration.points.test_notices import at_notice, tell_before, told
from tests.integration.points.test_pending import DELIVERED, states, tell, wait_for

Shops = tuple[Shop, Shop]


@pytest.fixture
def shops(database: Database) -> Iterator[Shops]:
    """Two workers over one database; the grocer's points await a delivery."""
    one = Shop(database)
    one.found()
    two = Shop(database, "w2", one.clock)
    wait_for(one, DELIVERED)
    two.catalogue.refresh()
    yield one, two
    one.close()
    two.close()
    lots_equal_postings(one)


def points_of(shop: Shop) -> PointsService:
    limits = PointsSettings(DOMAIN, shop.desk.limits, AdjustmentLimits(10, 10), shop.desk.worker)
    return PointsService(shop.writer, shop.database, shop.catalogue, limits)


def test_an_event_told_by_many_at_once_is_recorded_once(shops: Shops) -> None:
    one, two = shops
    sale = one.sell(one.enrol(), line("1", 5_000))
    outcomes = at_once(*[partial(tell, s, sale) for s in (one, two) * 4])
    assert sum(isinstance(outcome, dict) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, EventRecorded) for outcome in outcomes) == 7
    assert one.count("sale_event") == 1


@pytest.mark.parametrize("late", [False, True])
def test_event_refund_and_two_vesting_jobs_at_once_leave_no_point_behind(shops: Shops, late: bool) -> None:
    """INV-13: whichever comes first, all of the goods are back, so all of the points are gone."""
    one, two = shops
    phones = [one.enrol() for _ in range(6)]
    sales = [one.sell(phone, line("1", 5_000, 2)) for phone in phones]
    one.clock.at = START + timedelta(days=10 if late else 9)
    at_once(
        *[partial(tell, s, sale) for s, sale in zip((one, two) * 3, sales, strict=True)],
        *[partial(s.refund, sale["sale_id"]) for s, sale in zip((two, one) * 3, sales, strict=True)],
        lambda: points_of(one).vest_due(one.clock.at),
        lambda: points_of(two).vest_due(one.clock.at),
    )
    one.clock.forward(days=2)
    while points_of(one).vest_due(one.clock.at):
        pass
    for phone in phones:
        assert (one.balance(phone, 1), one.balance(phone, 1, "pending")) == (0, 0)
    assert {left for _, left in states(one)} <= {0, 50}  # 50 where it had vested before the goods came back


def test_two_jobs_tell_every_member_once(shops: Shops) -> None:
    one, two = shops
    wait = one.enrol()
    one.sell(wait, line("1", 100))
    tell_before(one, 30)
    two.catalogue.refresh()
    with_points = stocked_available(one)
    at = at_notice(one, 30)
    at_once(*[partial(points_of(s).write_notices, at) for s in (one, two) * 3])
    assert sorted(who for who, _, _ in told(one)) == with_points


def stocked_available(shop: Shop) -> list[int]:
    """Members whose points the delivery has made theirs."""
    phones = [shop.enrol() for _ in range(5)]
    for phone in phones:
        tell(shop, shop.sell(phone, line("1", 4_000)))
    while points_of(shop).vest_due(shop.clock.at):
        pass
    return sorted(phone.member_id for phone in phones)
