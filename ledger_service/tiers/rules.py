"""Which tier a member stands on, as pure functions of a ladder and of what was bought on which business day.

A business day is the proleptic number of a civil day in the programme's zone. A day's amount is never
negative: a refund lessens the amount of the day of its sale, so a tier that it breaks is gone as if it had
never been reached, at once and without grace.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from itertools import accumulate
from zoneinfo import ZoneInfo

from ledger_service.kernel.clock import instant_of_seconds, seconds_floor
from ledger_service.tiers.benefits import Birthday, MemberDay, Stacking

NO_PERIOD = -(2**31)
FOR_EVER = 2**31 - 1


class Window(StrEnum):
    """Over which days the amounts of a member are added up."""

    CALENDAR_YEAR = "calendar-year"
    ROLLING_DAYS = "rolling-days"
    SINCE_JOIN = "since-join"


class Downgrade(StrEnum):
    """What follows when a tier's window and grace are over and the amount does not reach it again."""

    REQUALIFY = "requalify"
    STEP = "step"
    SOFT_LANDING = "soft-landing"


class Broken(StrEnum):
    """What becomes of points that were earned at a tier which a later refund breaks."""

    KEEP = "keep"


@dataclass(frozen=True, slots=True)
class Tier:
    """One rung: reached with ``at_least_minor`` in a window, earning at ``rate_bps`` (10,000 is plain)."""

    code: str
    name: str
    at_least_minor: int
    rate_bps: int = 10_000


@dataclass(frozen=True, slots=True)
class Ladder:
    """One version of a programme's tiers, lowest first; the lowest needs nothing.

    ``window_days`` counts for rolling windows alone; ``grace_days`` is how long a tier outlives its window.
    """

    version: int
    effective_from: int
    tiers: tuple[Tier, ...]
    window: Window = Window.CALENDAR_YEAR
    window_days: int = 365
    grace_days: int = 0
    downgrade: Downgrade = Downgrade.REQUALIFY
    broken: Broken = Broken.KEEP
    stacking: Stacking = Stacking.BEST
    birthday: Birthday | None = None
    member_days: tuple[MemberDay, ...] = ()

    @property
    def top(self) -> int:
        """The level of the highest tier."""
        return len(self.tiers) - 1

    @property
    def step_periods(self) -> int:
        """How many periods (years, or days of a rolling window) a member stays on a rung that it fell to."""
        return self.window_days if self.window is Window.ROLLING_DAYS else 1


class Reason(StrEnum):
    """Why a member stands where it stands."""

    BASE = "base"
    REACHED = "reached"
    GRACE = "grace"
    STEP = "step"
    SOFT_LANDING = "soft-landing"
    LAPSED = "lapsed"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a member stands on a day: the level (0 is the lowest tier) and the last day on which it holds.

    ``until_day`` is None where nothing but a refund ends it; ``window_minor`` is the amount of the window
    that is open on the day.
    """

    level: int
    until_day: int | None
    window_minor: int
    reason: Reason


def ladder_in_force(ladders: Sequence[Ladder], at: int) -> Ladder | None:
    """The latest version whose time has come at ``at``; None before the first."""
    for candidate in reversed(ladders):
        if candidate.effective_from <= at:
            return candidate
    return None


def place_at(ladder: Ladder, amounts: Mapping[int, int], day: int, total_minor: int | None = None) -> Place:
    """Where a member with these amounts by business day stands on ``day``; later days do not count.

    Args:
        ladder: the version in force on the day.
        amounts: minor units by day, each 0 or more; days before ``first_day_that_counts`` may be missing.
        day: the business day.
        total_minor: the sum of all days where ``amounts`` does not hold them all (since-join ladders).
    """
    days = sorted(d for d, amount in amounts.items() if d <= day and amount)
    sums = [0, *accumulate(amounts[d] for d in days)]
    total = sums[-1] if total_minor is None else total_minor
    spans = _spans(ladder, days, sums, total)
    held = [NO_PERIOD, *(_last_period(spans, tier.at_least_minor) for tier in ladder.tiers[1:])]
    now = _window_minor(ladder, (days, sums), day, total)
    for level in range(ladder.top, 0, -1):
        end = _end(ladder, held, level)
        if is_alive(ladder, end, day):
            return Place(level, last_day(ladder, end), now, _reason(ladder, (level, held[level]), now, day))
    lapsed = any(period != NO_PERIOD for period in held)
    return Place(0, None, now, Reason.LAPSED if lapsed else Reason.BASE)


def _spans(ladder: Ladder, days: list[int], sums: list[int], total: int) -> list[tuple[int, int]]:
    """(the last period in which an amount counts together, the amount), periods ascending."""
    if ladder.window is Window.SINCE_JOIN:
        return [(FOR_EVER, total)]
    if ladder.window is Window.ROLLING_DAYS:
        reach = ladder.window_days - 1
        return [(d + reach, sums[bisect_right(days, d + reach)] - sums[i]) for i, d in enumerate(days)]
    years: dict[int, int] = {}
    for i, d in enumerate(days):
        year = date.fromordinal(d).year
        years[year] = years.get(year, 0) + sums[i + 1] - sums[i]
    return sorted(years.items())


def _last_period(spans: Sequence[tuple[int, int]], least: int) -> int:
    return next((period for period, amount in reversed(spans) if amount >= least), NO_PERIOD)


def _end(ladder: Ladder, held: Sequence[int], level: int) -> int:
    """The last period in which a member stands on ``level`` or above, by what it reached there or higher."""
    end = held[level]
    if ladder.downgrade is not Downgrade.REQUALIFY:
        deepest = ladder.top if ladder.downgrade is Downgrade.STEP else min(level + 1, ladder.top)
        for above in range(level + 1, deepest + 1):
            if held[above] not in (NO_PERIOD, FOR_EVER):
                end = max(end, held[above] + (above - level) * ladder.step_periods)
    return end


def is_alive(ladder: Ladder, period: int, day: int) -> bool:
    """Whether what holds through ``period``, and its grace, holds on ``day``."""
    return period >= least_period(ladder, day)


def least_period(ladder: Ladder, day: int) -> int:
    """The earliest period that, with its grace, has not ended before ``day``."""
    if ladder.window is Window.SINCE_JOIN:
        return FOR_EVER
    begun = day - ladder.grace_days
    # A year whose last day is ``begun`` or later: the one that ``begun`` lies in.
    return begun if ladder.window is Window.ROLLING_DAYS else date.fromordinal(max(begun, 1)).year


def last_day(ladder: Ladder, period: int) -> int | None:
    """The last day of a period and its grace; None for what has no end."""
    if ladder.window is Window.SINCE_JOIN:
        return None
    ends = period if ladder.window is Window.ROLLING_DAYS else date(period, 12, 31).toordinal()
    return ends + ladder.grace_days


def _window_minor(ladder: Ladder, known: tuple[list[int], list[int]], day: int, total: int) -> int:
    if ladder.window is Window.SINCE_JOIN:
        return total
    days, sums = known
    return sums[-1] - sums[bisect_left(days, first_day_of_window(ladder, day))]


def first_day_of_window(ladder: Ladder, day: int) -> int:
    """The first day of the window that is open on ``day``; 1 where every day counts."""
    if ladder.window is Window.SINCE_JOIN:
        return 1
    if ladder.window is Window.ROLLING_DAYS:
        return max(day - ladder.window_days + 1, 1)
    return date(date.fromordinal(day).year, 1, 1).toordinal()


def first_day_that_counts(ladder: Ladder, day: int) -> int:
    """No amount of an earlier day matters for where a member stands on ``day``, since-join ladders apart."""
    rungs = {Downgrade.REQUALIFY: 0, Downgrade.SOFT_LANDING: 1, Downgrade.STEP: max(ladder.top - 1, 0)}
    back = rungs[ladder.downgrade] * ladder.step_periods
    if ladder.window is Window.SINCE_JOIN:
        return day
    if ladder.window is Window.ROLLING_DAYS:
        return max(day - ladder.grace_days - back - ladder.window_days + 1, 1)
    return date(max(least_period(ladder, day) - back, 1), 1, 1).toordinal()


def _reason(ladder: Ladder, held: tuple[int, int], window_minor: int, day: int) -> Reason:
    level, period = held
    if window_minor >= ladder.tiers[level].at_least_minor:
        return Reason.REACHED
    if is_alive(ladder, period, day):
        return Reason.GRACE
    return Reason(ladder.downgrade.value)


def since_day(ladder: Ladder, amounts: Mapping[int, int], day: int) -> int | None:
    """Since which day the member stands where it stands on ``day``; None where it never stood elsewhere.

    As the ladder judges all days now, with amounts as refunds have left them.
    """
    bought = sorted(d for d, amount in amounts.items() if d <= day and amount)
    level, since, position = 0, None, 0
    turn: int | None = bought[0] if bought else None
    while turn is not None and turn <= day:
        place = place_at(ladder, amounts, turn)
        if place.level != level:
            level, since = place.level, turn
        position = bisect_right(bought, turn)
        turns = [bought[position]] if position < len(bought) else []
        turns += [place.until_day + 1] if place.until_day is not None else []
        turn = min(turns, default=None)
    return since


def business_day(at: int, zone: ZoneInfo) -> int:
    """The day number of an instant in a zone."""
    return instant_of_seconds(at).astimezone(zone).toordinal()


def day_begins(day: int, zone: ZoneInfo) -> int:
    """The first second of a civil day; where a clock change skips its midnight, the instant of the change."""
    civil = date.fromordinal(day)
    return seconds_floor(datetime(civil.year, civil.month, civil.day, tzinfo=zone))


def years_that_count(ladder: Ladder, day: int) -> range:
    """The calendar years of the days that matter on ``day`` and on the day after it."""
    first = date.fromordinal(first_day_that_counts(ladder, day)).year
    return range(first, (date.fromordinal(day) + timedelta(days=1)).year + 1)
