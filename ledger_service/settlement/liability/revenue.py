"""Deferred revenue of a programme's points month by month (IFRS 15), from cohorts and their estimates; pure.

Each month's sales are one contract with a material right: their price is split between goods and points by
``deferral``. What is deferred is earned as its points are redeemed, in proportion to all that ever will be,
so breakage is recognised with the redemptions (B46); a new expectation is caught up with in its month; what
a return takes back is reversed with the sale. Each figure is a difference of cumulative ones: no rounding is
lost.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from ledger_service.settlement.deferral import Outlook, deferred_minor_half_up, roll_forward
from ledger_service.settlement.liability.breakage import Estimate, estimates
from ledger_service.settlement.liability.cohorts import Cohort


@dataclass(frozen=True, slots=True)
class Sales:
    """What members paid in each month, and what a point was worth in it: ``point_micros`` of the currency.

    ``beside_minor`` is what the points of the issuer's other programmes, given with the same sales, would
    cost alone: one price is split once, among the goods and all of them.
    """

    price_minor: Mapping[int, int]
    point_micros: Mapping[int, int]
    micros_of_minor: int
    beside_minor: Mapping[int, int] = field(default_factory=dict)


class Month(NamedTuple):
    """A month of the roll-forward, minor units: opening + deferred - reversed - all recognised = closing."""

    month: int
    opening: int
    deferred: int
    reversed: int
    redemption: int
    breakage: int
    remeasurement: int
    closing: int


_Changes = tuple[int, int, int, int, int]


class _Standing(NamedTuple):
    deferred: int
    earned: int
    estimate: Estimate


def roll(cohorts: Sequence[Cohort], sales: Sales, last: int) -> list[Month]:
    """The roll-forward from the first cohort's month to the last, each month with what was known in it."""
    months: list[Month] = []
    before: dict[int, _Standing] = {}
    initial: dict[int, int] = {}
    for month in range(cohorts[0].month if cohorts else last + 1, last + 1):
        known, now, changes = estimates(cohorts, month), dict[int, _Standing](), list[_Changes]()
        for cohort in (c for c in cohorts if c.month <= month):
            number, estimate = cohort.month, known[cohort.month]
            if number == month:
                initial[number] = _initial(cohort, estimate, sales)
            now[number], changed = _changed(initial[number], cohort.issued, estimate, before.get(number))
            changes.append(changed)
        opening = months[-1].closing if months else 0
        closing = sum(standing.deferred - standing.earned for standing in now.values())
        months.append(Month(month, opening, *_sums(changes), closing))
        before = now
    return months


def alone_minor(cohorts: Sequence[Cohort], sales: Sales, last: int) -> dict[int, int]:
    """What each month's points would cost alone, by what was expected in that month, in minor units."""
    return {
        cohort.month: _alone(cohort, estimates(cohorts, cohort.month)[cohort.month], sales)
        for cohort in cohorts
        if cohort.month <= last
    }


def _sums(changes: Sequence[_Changes]) -> _Changes:
    deferred, reversed_, redemption, breakage, remeasurement = map(sum, zip(*changes, strict=True))
    return deferred, reversed_, redemption, breakage, remeasurement


def _initial(cohort: Cohort, estimate: Estimate, sales: Sales) -> int:
    """What is deferred of the month's price for all points issued in it, returns not yet taken off."""
    price, beside = sales.price_minor.get(cohort.month, 0), sales.beside_minor.get(cohort.month, 0)
    return deferred_minor_half_up(price, price + beside, _alone(cohort, estimate, sales))


def _alone(cohort: Cohort, estimate: Estimate, sales: Sales) -> int:
    worth = _half_up(cohort.issued * sales.point_micros.get(cohort.month, 0), sales.micros_of_minor)
    return _half_up(worth * estimate.ultimate, estimate.kept)


def _changed(
    initial: int, issued: int, estimate: Estimate, before: _Standing | None
) -> tuple[_Standing, _Changes]:
    """Where a cohort stands, and its five changes of the month in the order of ``Month``."""
    deferred = _half_up(initial * estimate.kept, issued)
    earned = _earned(deferred, estimate.redeemed, estimate.ultimate)
    standing = _Standing(deferred, earned, estimate)
    if before is None:
        first = _half_up(deferred * estimate.redeemed, estimate.kept)
        return standing, (initial, initial - deferred, first, earned - first, 0)
    then = before.estimate
    redemption = _half_up(deferred * estimate.redeemed, estimate.kept) - _half_up(
        deferred * then.redeemed, estimate.kept
    )
    # What came back was not going to be redeemed: the old expectation of what is kept.
    expected = max(_half_up(then.ultimate * estimate.kept, then.kept), estimate.redeemed)
    as_expected = _earned(deferred, estimate.redeemed, expected)
    remeasurement = earned - as_expected
    breakage = earned - before.earned - redemption - remeasurement
    return standing, (0, before.deferred - deferred, redemption, breakage, remeasurement)


def _earned(deferred: int, redeemed: int, expected: int) -> int:
    return roll_forward(deferred, [Outlook(redeemed, expected)])[0].revenue_minor


def _half_up(dividend: int, divisor: int) -> int:
    return (2 * dividend + divisor) // (2 * divisor) if divisor else 0
