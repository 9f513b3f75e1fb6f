"""How much of what was issued will ever be redeemed: the additive method, on cohorts by month of issue; pure.

For each age in months, the share of a cohort that is redeemed at that age is estimated from all cohorts that
have reached it, weighted by their points. A cohort's redemption to come is its points times the shares of
the ages that it has before it. This is the chain-ladder's sibling for cohorts that begin near zero, where
factors on what was redeemed so far say little. What comes at ages that no cohort has reached is not known:
the share that is left of the oldest cohort is added as if all of it were redeemed. Fewer than three cohorts
give no estimate. The standard error has two parts, as in Mack's model: the process's and that of the
estimated shares.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal, localcontext
from typing import NamedTuple

from ledger_service.settlement.liability.cohorts import Cohort
from ledger_service.settlement.liability.flows import Way

LEAST_COHORTS = 3
_DIGITS = 40


class Estimate(NamedTuple):
    """A cohort at the end of a month: points kept, redeemed and left; ever redeemed, and its standard error.

    Where ``error`` is None nothing was estimated: all that is left counts as redeemed one day.
    """

    kept: int
    redeemed: int
    left: int
    ultimate: int
    error: int | None

    @property
    def breakage(self) -> int:
        """Points that are expected never to be redeemed, those that have expired among them."""
        return self.kept - self.ultimate

    @property
    def ultimate_range(self) -> tuple[int, int]:
        """One standard error down and up, within what is possible."""
        error = self.error or 0
        most = self.redeemed + self.left
        return max(self.redeemed, self.ultimate - error), min(most, self.ultimate + error)


class Prediction(NamedTuple):
    """What a month's figures foretold of redemptions until a later month, and what came."""

    month: int
    predicted: int
    actual: int


@dataclass(frozen=True, slots=True)
class _Age:
    """Of one age in months: the share redeemed at it, its variance, and the points it was seen on."""

    share: Decimal
    variance: Decimal
    seen: Decimal


def estimates(cohorts: Sequence[Cohort], month: int) -> dict[int, Estimate]:
    """The estimate for each cohort up to a month, from what was known when that month ended."""
    with localcontext(prec=_DIGITS):
        known = _known(cohorts, month)
        ages = _ages(known, month)
        tail = _tail(known, month)
        return {c.month: _estimate(c, month, ages, tail) for c in cohorts if c.month <= month}


def predictions(cohorts: Sequence[Cohort], last: int) -> list[Prediction]:
    """Each month before the last that had an estimate: what it foretold until the last, and what came."""
    found = []
    with localcontext(prec=_DIGITS):
        for month in range(last):
            known = _known(cohorts, month)
            ages = _ages(known, month)
            if ages is None:
                continue
            come = sum(_coming(c, month, ages[: last - c.month + 1]) for c in known)
            before = sum(c.gone(Way.REDEEMED, month) for c in known)
            after = sum(c.gone(Way.REDEEMED, last) for c in known)
            found.append(Prediction(month, _half_up(come), after - before))
    return found


def _known(cohorts: Sequence[Cohort], month: int) -> list[Cohort]:
    return [c for c in cohorts if c.month <= month and c.kept(month) > 0]


def _ages(known: Sequence[Cohort], month: int) -> list[_Age] | None:
    if len(known) < LEAST_COHORTS:
        return None
    ages: list[_Age] = []
    for age in range(month - known[0].month + 1):
        there = [c for c in known if c.month + age <= month]
        seen = [(Decimal(c.kept(month)), Decimal(c.redeemed_at(age))) for c in there]
        points = sum((kept for kept, _ in seen), Decimal(0))
        share = sum((redeemed for _, redeemed in seen), Decimal(0)) / points
        # One cohort alone shows no variance: that of the age before stands in for it.
        variance = ages[-1].variance if ages else Decimal(0)
        if len(seen) > 1:
            squares = (kept * (redeemed / kept - share) ** 2 for kept, redeemed in seen)
            variance = sum(squares, Decimal(0)) / (len(seen) - 1)
        ages.append(_Age(share, variance, points))
    return ages


def _tail(known: Sequence[Cohort], month: int) -> Decimal:
    return Decimal(known[0].left(month)) / known[0].kept(month) if known else Decimal(0)


def _coming(cohort: Cohort, month: int, ages: Sequence[_Age], tail: Decimal = Decimal(0)) -> Decimal:
    shares = sum((age.share for age in ages[month - cohort.month + 1 :]), Decimal(0))
    return min(max(cohort.kept(month) * (shares + tail), Decimal(0)), Decimal(cohort.left(month)))


def _estimate(cohort: Cohort, month: int, ages: Sequence[_Age] | None, tail: Decimal) -> Estimate:
    kept, redeemed, left = cohort.kept(month), cohort.gone(Way.REDEEMED, month), cohort.left(month)
    if ages is None or not kept:
        return Estimate(kept, redeemed, left, redeemed + left, None)
    coming = _half_up(_coming(cohort, month, ages, tail))
    ahead = ages[month - cohort.month + 1 :]
    parts = (kept**2 * age.variance * (1 / Decimal(kept) + 1 / age.seen) for age in ahead)
    square = sum(parts, Decimal(0))
    return Estimate(kept, redeemed, left, redeemed + coming, _half_up(square.sqrt()) if left else 0)


def _half_up(value: Decimal | int) -> int:
    return int(Decimal(value).quantize(Decimal(1), ROUND_HALF_UP))
