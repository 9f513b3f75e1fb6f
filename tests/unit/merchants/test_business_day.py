"""The business day by a store's own clock: hours, nights when the clocks change, leap days."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger_service.merchants.business_day import DAY_SECONDS, GREATEST_START_HOUR, StoreClock, day_text

ZONES = (
    "UTC", "America/New_York", "Europe/Berlin", "Asia/Taipei", "Pacific/Apia", "Australia/Lord_Howe",
    "America/Sao_Paulo", "Pacific/Kiritimati", "Etc/GMT+12", "Antarctica/Troll", "Africa/Casablanca",
)  # fmt: skip


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def day(zone: str, hour: int, text: str) -> str:
    return day_text(StoreClock(ZoneInfo(zone), hour).day_of(at(text)))


def test_a_day_that_begins_at_four_holds_the_night_behind_it() -> None:
    assert day("Asia/Taipei", 4, "2026-03-10T19:59:59") == "2026-03-10", "03:59:59 of the 11th in Taipei"
    assert day("Asia/Taipei", 4, "2026-03-10T20:00:00") == "2026-03-11"
    assert day("Asia/Taipei", 0, "2026-03-10T16:00:00") == "2026-03-11"


def test_one_instant_is_in_three_days_of_three_stores() -> None:
    instant = "2026-03-10T10:30:00"
    assert day("Pacific/Kiritimati", 0, instant) == "2026-03-11"
    assert day("Europe/Berlin", 0, instant) == "2026-03-10"
    assert day("Etc/GMT+12", 0, instant) == "2026-03-09"


def test_the_leap_day_is_a_day() -> None:
    assert day("America/New_York", 4, "2028-02-29T08:59:59") == "2028-02-28"
    assert day("America/New_York", 4, "2028-02-29T09:00:00") == "2028-02-29"
    assert day("America/New_York", 4, "2028-03-01T08:59:59") == "2028-02-29"
    assert day("America/New_York", 4, "2028-03-01T09:00:00") == "2028-03-01"


@pytest.mark.parametrize(
    ("hour", "number", "hours"),
    [
        (0, "2026-03-08", 23),
        (4, "2026-03-07", 23),
        (0, "2026-11-01", 25),
        (4, "2026-10-31", 25),
        (1, "2026-11-01", 25),
    ],
)
def test_the_night_of_a_change_of_clocks_is_in_the_day_that_it_ends(
    hour: int, number: str, hours: int
) -> None:
    clock = StoreClock(ZoneInfo("America/New_York"), hour)
    middle = clock.day_of(at(f"{number}T17:00:00"))
    assert day_text(middle) == number
    assert clock.begins(middle + 1) - clock.begins(middle) == hours * 3_600


def test_an_hour_that_comes_twice_begins_the_day_once() -> None:
    clock = StoreClock(ZoneInfo("America/New_York"), 1)
    days = [
        clock.day_of(second) for second in range(at("2026-11-01T04:00:00"), at("2026-11-01T08:00:00"), 600)
    ]
    assert days == sorted(days)
    assert day_text(clock.day_of(at("2026-11-01T04:59:59"))) == "2026-10-31"
    assert day_text(clock.day_of(at("2026-11-01T05:00:00"))) == "2026-11-01", "the first 01:00"


def test_an_hour_that_is_skipped_begins_the_day_all_the_same() -> None:
    clock = StoreClock(ZoneInfo("America/New_York"), 2)
    assert day_text(clock.day_of(at("2026-03-08T06:59:59"))) == "2026-03-07"
    assert day_text(clock.day_of(at("2026-03-08T07:00:00"))) == "2026-03-08"


@given(st.sampled_from(ZONES), st.integers(0, GREATEST_START_HOUR), st.integers(0, 2_524_608_000))
def test_every_instant_is_in_exactly_one_day(zone: str, hour: int, second: int) -> None:
    clock = StoreClock(ZoneInfo(zone), hour)
    number = clock.day_of(second)
    assert clock.begins(number) <= second < clock.begins(number + 1)
    assert StoreClock(ZoneInfo(zone), hour).day_of(second) == number, "whatever was asked before"
    assert abs(number - second // DAY_SECONDS) <= 1
