"""The daily cap holds for each local day, whoever books it and in whatever order (two workers, midnight)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from ledger_service.db.engine import Database

from .shop import Phone, Shop, StandingClock, line, lots_equal_postings
from .test_races import at_once

MIDNIGHT = datetime(2026, 3, 11, tzinfo=ZoneInfo("America/New_York"))
CAP = 50
Shops = tuple[Shop, Shop]


@pytest.fixture
def shops(database: Database) -> Iterator[Shops]:
    """Two workers with a connection and a clock each, before and after the programme's local midnight."""
    before = Shop(database, clock=StandingClock(MIDNIGHT - timedelta(seconds=1)))
    before.found(daily_cap=CAP)
    after = Shop(database, "w2", StandingClock(MIDNIGHT))
    after.catalogue.refresh()
    yield before, after
    before.close()
    after.close()
    lots_equal_postings(before)


def earn(shop: Shop, phone: Phone, points: int) -> int:
    earned = shop.sell(phone, line("1", points * 100))["earned"]
    return int(earned[0]["points"]) if earned else 0


def test_a_late_sale_of_yesterday_neither_exceeds_its_day_nor_forgets_the_new_one(shops: Shops) -> None:
    before, after = shops
    phone = before.enrol()
    # The second and the last sale waited at the door of a slower worker while the new day began.
    assert [earn(before, phone, 40), earn(after, phone, 30), earn(before, phone, 40)] == [40, 30, 10]
    assert [earn(after, phone, 40), earn(before, phone, 1), earn(after, phone, 1)] == [20, 0, 0]
    assert before.balance(phone, 1) == 2 * CAP


def test_captures_of_both_days_at_once_earn_both_caps_exactly(shops: Shops) -> None:
    before, _ = shops
    phone = before.enrol()
    calls = [lambda s=shops[i % 2]: earn(s, phone, 7) for i in range(32)]
    assert sum(at_once(*calls)) == 2 * CAP
    assert before.balance(phone, 1) == 2 * CAP


def test_captures_of_a_hold_count_for_the_day_of_the_capture(shops: Shops) -> None:
    before, after = shops
    phone = before.enrol()
    before.stock(phone, 2, 20)
    hold = before.authorise(phone, 9_000, [{"programme": "FUEL", "points": 20}], several=True)["hold_id"]
    spend = [{"programme": "FUEL", "points": 2}]
    earned = [
        shop.capture(hold, line("1", 3_000), final=False, spend=spend)["earned"]
        for shop in (before, after, before, after)
    ]
    assert [sum(e["points"] for e in part) for part in earned] == [29, 29, 21, 21]


def test_a_quote_tells_what_the_day_still_earns(shops: Shops) -> None:
    before, after = shops
    phone = before.enrol()
    earn(before, phone, 45)
    body = before.sale_body(line("1", 1_000), member={"number": phone.number})
    quoted = [shop.quote(body)["earned"][0] for shop in (before, after)]
    assert [(q["points"], q["capped"]) for q in quoted] == [(5, True), (10, False)]
