"""Days of 23 and of 25 hours and a leap day, closed over HTTP at stores in three zones."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise

from ledger_service.kernel.clock import format_instant
from ledger_service.kernel.gs1 import with_check_digit
from tests.api.service import GROCER, GROCER_STORE, Shop, basket

BERLIN_STORE, TAIPEI_STORE = with_check_digit("952010000090"), with_check_digit("952010000091")
# Each till's nights in their order: the first second of a business date, and its hours.
NIGHTS = {
    "grocer-till": (GROCER_STORE, [("2017-03-12T05:00:00Z", 23), ("2017-11-05T04:00:00Z", 25)]),
    "berlin-till": (BERLIN_STORE, [("2017-03-25T23:00:00Z", 23), ("2017-10-28T22:00:00Z", 25)]),
    "taipei-till": (TAIPEI_STORE, [("2020-02-28T16:00:00Z", 24)]),
}
DATES = {"2017-03-12", "2017-11-05", "2017-03-26", "2017-10-29", "2020-02-29"}


def open_store(shop: Shop, store: str, zone: str, till: str) -> None:
    body = {"store": store, "merchant": GROCER, "name": zone, "timezone": zone}
    shop.must("operator", "/v1/stores", body)
    terminal = shop.must("operator", "/v1/terminals", {"store": store, "label": till})["terminal"]
    shop.keys[till] = shop.key_for("cashier", terminal)


def test_a_day_of_23_or_25_hours_and_a_leap_day_hold_every_sale_between_their_ends(shop: Shop) -> None:
    open_store(shop, BERLIN_STORE, "Europe/Berlin", "berlin-till")
    open_store(shop, TAIPEI_STORE, "Asia/Taipei", "taipei-till")
    nights = sorted((begins, hours, till) for till, (_, some) in NIGHTS.items() for begins, hours in some)
    closed = {
        close_night(shop, till, datetime.fromisoformat(begins), hours) for begins, hours, till in nights
    }
    assert closed == DATES


def reach(shop: Shop, moment: datetime) -> None:
    """The service's clock is not far behind; no write may be more than 92 days ahead of it."""
    while (now := datetime.fromisoformat(shop.at)) + timedelta(days=90) < moment:
        shop.at = format_instant(now + timedelta(days=90))
        shop.must("grocer-till", "/v1/sales", basket(reference=shop.at))


def close_night(shop: Shop, till: str, begins: datetime, hours: int) -> str:
    """Sells once an hour of a day, and once on each side of it; closes it and returns its date."""
    store, ends = NIGHTS[till][0], begins + timedelta(hours=hours)
    moments = [begins - timedelta(seconds=1), *(begins + timedelta(hours=n) for n in range(hours)),
               ends - timedelta(seconds=1), ends]  # fmt: skip
    reach(shop, begins - timedelta(days=1))
    dates = []
    for moment in moments:
        shop.at = format_instant(moment)
        sold = shop.must(till, "/v1/sales", basket(store, 100, reference=f"{till} {shop.at}"))
        dates.append(str(sold["business_date"]))
    before, date, after = dates[0], dates[1], dates[-1]
    assert dates == [before, *[date] * (hours + 1), after]
    days = [datetime.fromisoformat(one).date() for one in (before, date, after)]
    assert all(later - earlier == timedelta(days=1) for earlier, later in pairwise(days))
    path, count = f"/v1/stores/{store}/days/{date}", hours + 1
    totals = [{"operation": "sale", "count": count, "amount_minor": 100 * count,
               "tenders": [{"type": "unstated", "amount_minor": 100 * count}]}]  # fmt: skip
    assert shop.must(till, f"{path}/close", {"totals": totals})["state"] == "balanced"
    seen = dict(shop.get(till, path).json or {})
    assert (seen["begins_at"], seen["ends_at"]) == (format_instant(begins), format_instant(ends))
    return date
