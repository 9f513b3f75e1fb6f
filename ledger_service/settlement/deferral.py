"""Deferred revenue of points (IFRS 15), pure: what part of a sale waits for its points and until when.

Points are a material right: a sale's price is split between goods and points by what each would cost alone,
points at their value times the part that is expected to be redeemed. What is deferred is earned as points are
redeemed, in proportion to all that are expected to be; a new expectation is caught up with at once.
Breakage is only ever an expectation here: nothing is posted for it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class Outlook(NamedTuple):
    """A cohort of points at a reporting period's end: redeemed so far, and expected to be in all."""

    redeemed_total: int
    expected_total: int


class Recognised(NamedTuple):
    """Revenue of a reporting period, and what stays deferred at its end; minor units."""

    revenue_minor: int
    deferred_minor: int


def deferred_minor_half_up(price_minor: int, goods_alone_minor: int, points_alone_minor: int) -> int:
    """The part of the price that is deferred for the points.

    Args:
        price_minor: what the customer paid for goods and points together.
        goods_alone_minor: what the goods cost without points.
        points_alone_minor: value of the points times the share expected to be redeemed.
    """
    return _quotient_half_up(price_minor * points_alone_minor, goods_alone_minor + points_alone_minor)


def roll_forward(deferred_minor: int, outlooks: Iterable[Outlook]) -> list[Recognised]:
    """What a cohort's deferred revenue comes to, period by period.

    Each period recognises what is earned in all by its end less what was recognised before, so a changed
    expectation changes the period in which it changes and none before it. A cohort that nobody is expected to
    redeem any more is earned in full.

    Args:
        deferred_minor: at the beginning.
        outlooks: at the end of each period, in order.
    """
    recognised, rows = 0, []
    for outlook in outlooks:
        # An expectation below what was redeemed is out of date: no more than all can be earned.
        expected = max(outlook.expected_total, outlook.redeemed_total)
        share = _quotient_half_up(deferred_minor * outlook.redeemed_total, expected)
        earned = share if expected else deferred_minor
        rows.append(Recognised(earned - recognised, deferred_minor - earned))
        recognised = earned
    return rows


def _quotient_half_up(dividend: int, divisor: int) -> int:
    return (2 * dividend + divisor) // (2 * divisor) if divisor else 0
