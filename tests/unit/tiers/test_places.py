"""Tiers by day: against a slow model that walks through the calendar, and cases with dates in them."""

from datetime import date
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger_service.kernel.clock import format_instant, instant_of_seconds
from ledger_service.tiers.rules import (
    Downgrade,
    Ladder,
    Reason,
    Tier,
    Window,
    business_day,
    day_begins,
    first_day_that_counts,
    ladder_in_force,
    place_at,
    since_day,
)

RUNGS = (
    Tier("BASE", "Base", 0),
    Tier("SILVER", "Silver", 50),
    Tier("GOLD", "Gold", 100),
    Tier("TOP", "Top", 200),
)
BEGIN = date(2023, 11, 1).toordinal()


def day_of(text: str) -> int:
    return date.fromisoformat(text).toordinal()


def ladder(**more: object) -> Ladder:
    return Ladder(**{"version": 1, "effective_from": 0, "tiers": RUNGS, **more})  # type: ignore[arg-type]


ladders = st.builds(
    ladder,
    window=st.sampled_from(Window),
    window_days=st.sampled_from([1, 7, 30, 365]),
    grace_days=st.sampled_from([0, 1, 31, 365]),
    downgrade=st.sampled_from(Downgrade),
)
histories = st.dictionaries(
    st.integers(BEGIN, BEGIN + 900), st.sampled_from([0, 1, 20, 50, 60, 110, 250]), max_size=12
)


def level_by_walking(ladder: Ladder, amounts: dict[int, int], day: int) -> int:
    """For each day that ever reached a rung: where that leaves the member on ``day``; the best counts."""
    best = 0
    for then in range(min(amounts, default=day), day + 1):
        level = _reached_on(ladder, amounts, then)
        if level:
            best = max(best, _left_of(ladder, level, then, day))
    return best


def _reached_on(ladder: Ladder, amounts: dict[int, int], day: int) -> int:
    year = date.fromordinal(day).year
    counts = {
        Window.SINCE_JOIN: lambda d: True,
        Window.ROLLING_DAYS: lambda d: day - d < ladder.window_days,
        Window.CALENDAR_YEAR: lambda d: date.fromordinal(d).year == year,
    }[ladder.window]
    total = sum(amount for d, amount in amounts.items() if d <= day and counts(d))
    return max(level for level, tier in enumerate(ladder.tiers) if tier.at_least_minor <= total)


def _left_of(ladder: Ladder, level: int, then: int, day: int) -> int:
    """What a rung reached ``then`` is on ``day``: itself with grace, then a rung less for each period."""
    if ladder.window is Window.SINCE_JOIN:
        return level
    falls = 0
    while day > _last_day(ladder, then, falls):
        falls += 1
        if ladder.downgrade is Downgrade.REQUALIFY or falls >= level:
            return 0
        if ladder.downgrade is Downgrade.SOFT_LANDING and falls > 1:
            return 0
    return level - falls


def _last_day(ladder: Ladder, then: int, falls: int) -> int:
    if ladder.window is Window.ROLLING_DAYS:
        return then + falls * ladder.window_days + ladder.grace_days
    return date(date.fromordinal(then).year + falls, 12, 31).toordinal() + ladder.grace_days


@given(ladders, histories, st.integers(BEGIN, BEGIN + 1500))
def test_a_place_is_what_walking_through_the_calendar_gives(
    ladder: Ladder, amounts: dict[int, int], day: int
) -> None:
    assert place_at(ladder, amounts, day).level == level_by_walking(ladder, amounts, day)


@given(ladders, histories, st.integers(BEGIN, BEGIN + 1500))
def test_a_place_holds_through_its_last_day_and_not_a_day_longer(
    ladder: Ladder, amounts: dict[int, int], day: int
) -> None:
    known = {d: amount for d, amount in amounts.items() if d <= day}
    place = place_at(ladder, known, day)
    if place.until_day is None:
        assert place_at(ladder, known, day + 5000).level == place.level
    else:
        assert place.until_day >= day
        assert place_at(ladder, known, place.until_day).level == place.level
        assert place_at(ladder, known, place.until_day + 1).level < place.level


@given(ladders, histories, st.integers(BEGIN, BEGIN + 1500))
def test_days_before_the_first_that_counts_do_not_matter(
    ladder: Ladder, amounts: dict[int, int], day: int
) -> None:
    first = first_day_that_counts(ladder, day)
    near = {d: amount for d, amount in amounts.items() if d >= first}
    total = sum(amount for d, amount in amounts.items() if d <= day)
    there, here = place_at(ladder, amounts, day), place_at(ladder, near, day, total)
    assert (here.level, here.until_day, here.window_minor) == (
        there.level,
        there.until_day,
        there.window_minor,
    )


@given(ladders, histories, st.integers(BEGIN, BEGIN + 1000))
def test_since_is_the_first_day_of_an_unbroken_stay(
    ladder: Ladder, amounts: dict[int, int], day: int
) -> None:
    since, level = since_day(ladder, amounts, day), place_at(ladder, amounts, day).level
    if since is None:
        assert level == 0
        return
    assert place_at(ladder, amounts, since).level == level
    assert place_at(ladder, amounts, since - 1).level != level
    assert {place_at(ladder, amounts, d).level for d in range(since, day + 1, 13)} == {level}


def test_a_year_and_its_grace() -> None:
    amounts = {day_of("2024-03-10"): 60, day_of("2024-12-31"): 40}
    rungs = ladder(grace_days=59)
    assert place_at(rungs, amounts, day_of("2024-12-30")).level == 1
    gold = place_at(rungs, amounts, day_of("2024-12-31"))
    assert (gold.level, gold.until_day, gold.reason) == (2, day_of("2025-02-28"), Reason.REACHED)
    kept = place_at(rungs, amounts, day_of("2025-02-28"))
    assert (kept.level, kept.reason, kept.window_minor) == (2, Reason.GRACE, 0)
    assert place_at(rungs, amounts, day_of("2025-03-01")).reason is Reason.LAPSED


@pytest.mark.parametrize(("policy", "levels"), [("requalify", [3, 0, 0, 0]), ("step", [3, 2, 1, 0]),
                                                ("soft-landing", [3, 2, 0, 0])])  # fmt: skip
def test_downgrades_one_year_after_another(policy: str, levels: list[int]) -> None:
    rungs = ladder(downgrade=Downgrade(policy))
    amounts = {day_of("2024-02-29"): 200}
    days = [day_of(f"{year}-07-01") for year in (2024, 2025, 2026, 2027)]
    assert [place_at(rungs, amounts, day).level for day in days] == levels
    assert since_day(rungs, amounts, days[1]) == (day_of("2025-01-01"))


def test_a_rolling_window_ends_on_the_day_when_the_purchase_leaves_it() -> None:
    rungs = ladder(window=Window.ROLLING_DAYS, window_days=365)
    amounts = {day_of("2024-02-29"): 50}  # a leap year: the window is days, not a date
    assert place_at(rungs, amounts, day_of("2025-02-27")).level == 1
    assert place_at(rungs, amounts, day_of("2025-02-27")).until_day == day_of("2025-02-27")
    assert place_at(rungs, amounts, day_of("2025-02-28")).level == 0


def test_a_refund_that_breaks_a_tier_ends_it_at_once_without_grace() -> None:
    rungs = ladder(grace_days=365)
    day = day_of("2024-05-05")
    assert place_at(rungs, {day: 100}, day + 1).level == 2
    assert place_at(rungs, {day: 99}, day + 1).level == 1
    assert place_at(rungs, {day: 0}, day + 1).reason is Reason.BASE


def test_days_begin_at_local_midnight_and_at_the_change_where_there_is_none() -> None:
    cairo = ZoneInfo("Africa/Cairo")  # midnight of 26 April 2024 does not exist
    assert (
        format_instant(instant_of_seconds(day_begins(day_of("2024-04-26"), cairo))) == "2024-04-25T22:00:00Z"
    )
    for zone in (cairo, ZoneInfo("America/New_York"), ZoneInfo("Pacific/Apia"), ZoneInfo("Europe/Berlin")):
        for day in range(day_of("2024-01-01"), day_of("2025-01-01")):
            begins = day_begins(day, zone)
            assert (business_day(begins, zone), business_day(begins - 1, zone)) == (day, day - 1)


def test_the_ladder_in_force_is_the_latest_whose_time_has_come() -> None:
    first, second = ladder(effective_from=100), ladder(version=2, effective_from=200)
    assert ladder_in_force((first, second), 99) is None
    assert ladder_in_force((first, second), 199) is first
    assert ladder_in_force((first, second), 200) is second
