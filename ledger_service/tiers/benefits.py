"""What a tier, a birthday and a member day add to the earn, as exact ratios; pure like ``rules``."""

from __future__ import annotations

from calendar import isleap
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from math import gcd, prod
from typing import NamedTuple

PLAIN_BPS = 10_000
_LEAP_DAY = 229
_LAST_OF_FEBRUARY = 228


class Stacking(StrEnum):
    """How several rates that apply to one sale make one."""

    BEST = "best"
    ADD = "add"
    MULTIPLY = "multiply"


@dataclass(frozen=True, slots=True)
class Birthday:
    """A rate for ``days`` local days from the birthday on, from the level ``least_level`` up."""

    rate_bps: int
    days: int = 1
    least_level: int = 0


@dataclass(frozen=True, slots=True)
class MemberDay:
    """A rate on some days of the month and some ISO weekdays (1 is Monday), from ``least_level`` up."""

    rate_bps: int
    month_days: frozenset[int] = frozenset()
    weekdays: frozenset[int] = frozenset()
    least_level: int = 0

    def holds_on(self, day: date) -> bool:
        """Whether the civil day is one of them."""
        return day.day in self.month_days or day.isoweekday() in self.weekdays


class Rate(NamedTuple):
    """A ratio in lowest terms by which a sale's points are multiplied before the one floor."""

    numerator: int = 1
    denominator: int = 1


def is_birthday(month_day: int, day: date, length_days: int) -> bool:
    """Whether one of the ``length_days`` days up to ``day`` is a birthday.

    Args:
        month_day: month times 100 plus day. Who was born on 29 February has the birthday on 28 February in
            years without one: inside the month of birth, and never two in a year.
        day: the civil day.
        length_days: 1 for the birthday alone.
    """
    return any(_falls_on(month_day, day - timedelta(days=back)) for back in range(length_days))


def _falls_on(month_day: int, day: date) -> bool:
    if month_day == _LEAP_DAY and not isleap(day.year):
        month_day = _LAST_OF_FEBRUARY
    return day.month * 100 + day.day == month_day


def stacked(bps: list[int], stacking: Stacking) -> Rate:
    """The one ratio of several rates in basis points: the greatest, what each adds, or the product."""
    if stacking is Stacking.MULTIPLY:
        return reduced(prod(bps), PLAIN_BPS ** len(bps))
    if stacking is Stacking.ADD:
        return reduced(PLAIN_BPS + sum(one - PLAIN_BPS for one in bps), PLAIN_BPS)
    return reduced(max(bps, default=PLAIN_BPS), PLAIN_BPS)


def reduced(numerator: int, denominator: int) -> Rate:
    """The ratio in lowest terms."""
    common = gcd(numerator, denominator)
    return Rate(numerator // common, denominator // common)
