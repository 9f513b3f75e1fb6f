"""A sale made alone counts as of its own time: the day of its zone, the rule and the terms of that time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from ledger_service.db.engine import Database
from ledger_service.kernel.clock import instant_of_seconds, seconds_floor
from ledger_service.ledger.models import lot
from ledger_service.points import programmes
from ledger_service.points.models import earned_on_day
from ledger_service.points.requests import NewProgramme
from ledger_service.points.rules import Cycle, EarnRule, Terms, epoch_ends

from .alone import OfflineShop, Till
from .shop import FLORIST, FUEL, GROCER, POINT_VALUE, START, StandingClock

# The night in which New York has the hour after one twice; Apia is on another day meanwhile.
DST_NIGHT = datetime(2026, 11, 1, 5, 30, tzinfo=UTC)
ZONES = {GROCER: "America/New_York", FUEL: "Asia/Kolkata", FLORIST: "Pacific/Apia"}


@pytest.fixture
def shop(sqlite_database: Database) -> Iterator[OfflineShop]:
    shop = OfflineShop(sqlite_database, clock=StandingClock(DST_NIGHT))
    shop.found(daily_cap=50)
    yield shop
    shop.close()


def in_zones(shop: OfflineShop) -> None:
    """A further programme for each merchant, on the calendar of its own zone, capped by the day."""
    with shop.database.begin() as conn:
        for number, (gln, name) in enumerate(ZONES.items(), 11):
            zone = ZoneInfo(name)
            ends = tuple(epoch_ends(START - timedelta(days=90), Cycle.MONTH, zone, 40))
            terms, rule = Terms(1, 0, POINT_VALUE[1], 100, 10**6, 12), EarnRule(1, 0, 1, 100, daily_cap=10**6)
            new = NewProgramme(number, f"Z{number}", gln, name, "USD", name, Cycle.MONTH, ends, terms, rule)
            programmes.create(conn, new, START)
    shop.catalogue.refresh()


def days(shop: OfflineShop, programme: int) -> dict[int, int]:
    mine = earned_on_day.c.programme_id == programme
    with shop.database.read() as conn:
        return {row.day: row.points for row in conn.execute(select(earned_on_day).where(mine))}


def points_of(shop: OfflineShop, till: Till, item: dict[str, Any]) -> int:
    return sum(e["points"] for e in shop.one(till, item).content["sale"]["earned"])


def test_the_daily_cap_is_that_of_the_day_of_the_sale_also_in_a_dst_night(shop: OfflineShop) -> None:
    phone, till = shop.enrol(), shop.till()
    midnight = datetime(2026, 11, 1, tzinfo=ZoneInfo("America/New_York"))
    begin = midnight.astimezone(UTC)
    # Sunday has 25 hours: 24.5 after its midnight is still the same day.
    times = [begin + timedelta(seconds=s) for s in (-1, 0, 7_200, 88_200)]
    items = [till.earn(at, phone, 4_000) for at in times]
    shop.clock.at = begin + timedelta(seconds=86_399)
    earned = [points_of(shop, till, item) for item in items[:3]]
    shop.clock.at = begin + timedelta(seconds=88_300)
    earned.append(points_of(shop, till, items[3]))
    assert earned == [40, 40, 10, 0]
    day = midnight.toordinal()
    assert days(shop, 1) == {day - 1: 40, day: 50}


def test_three_zones_date_one_instant_by_their_own_calendars(shop: OfflineShop) -> None:
    in_zones(shop)
    phone, sold_at = shop.enrol(), DST_NIGHT
    for gln in ZONES:
        till = shop.till(gln)
        till.earn(sold_at, phone, 1_000)
    shop.clock.forward(hours=20)
    for till in shop.tills:
        assert shop.one(till, till.items[0]).state == "certain"
    for number, name in enumerate(ZONES.values(), 11):
        assert days(shop, number) == {sold_at.astimezone(ZoneInfo(name)).toordinal(): 10}


def test_the_rule_and_the_terms_are_those_of_the_sale_not_of_the_upload(shop: OfflineShop) -> None:
    phone, till = shop.enrol(), shop.till(FUEL)
    change = seconds_floor(DST_NIGHT + timedelta(hours=1))
    with shop.database.begin() as conn:
        programmes.add_rule(conn, "FUEL", EarnRule(2, change, 3, 100))
        soon = Terms(2, change, 9_000, 100, 10**9, 12)
        programmes.publish_terms(conn, "FUEL", soon, DST_NIGHT - timedelta(days=30))
    shop.catalogue.refresh()
    before = till.earn(DST_NIGHT, phone, 1_000)
    after = till.earn(DST_NIGHT + timedelta(hours=2), phone, 1_000)
    shop.clock.forward(hours=4)
    earned = [m.content["sale"]["earned"][0] for m in shop.upload(till, [after, before])]
    assert [(e["rule_version"], e["points"]) for e in earned] == [(2, 30), (1, 10)]
    code = phone.pay_code(DST_NIGHT + timedelta(minutes=30))
    spend = till.spend(DST_NIGHT + timedelta(minutes=30), code, 20, 10)
    spent = shop.one(till, spend).content["sale"]["spent"][0]
    # Half a cent a point then, nine tenths of one now.
    assert (spent["terms_version"], spent["points"]) == (1, 20)


def test_points_whose_epoch_has_just_ended_pay_for_what_was_sold_before(shop: OfflineShop) -> None:
    phone, till = shop.enrol(), shop.till()
    shop.stock(phone, 2, 30)
    with shop.database.read() as conn:
        epoch = conn.execute(select(lot.c.epoch)).scalar_one()
    end = instant_of_seconds(shop.catalogue.current().programmes[2].epoch_ends[epoch - 1])
    sold_at = end - timedelta(seconds=30)
    shop.clock.at = sold_at
    shop.allow(till, 1_000)
    before = till.spend(sold_at, phone.pay_code(sold_at), 10, 5)
    after = till.spend(end, phone.pay_code(sold_at), 10, 5)
    shop.clock.at = end + timedelta(seconds=60)
    assert [(m.content["loss"] or {}).get("cause") for m in shop.upload(till, [before, after])] == [
        None, "not-enough-points",
    ]  # fmt: skip
