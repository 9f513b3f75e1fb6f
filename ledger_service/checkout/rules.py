"""How points pay: which lots, what they are worth, and which part of each line they cover.

A point is worth an integer number of micros; what it pays at a till is rounded down to minor units once per
programme, and never less than one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from ledger_service.checkout.errors import (
    NotEnoughPoints,
    PermitValueExceeded,
    SpendExceedsTotal,
    SpendWorthNothing,
    TooManyLegs,
)
from ledger_service.kernel.money import micros_of_minor, minor_of_micros_floor, share_floor
from ledger_service.kernel.points import MOST_LEGS, Leg


@dataclass(frozen=True, slots=True)
class Purse:
    """A member's points of one programme that can be spent now.

    ``lots`` are (epoch, its end in seconds, points) with points > 0; ``value_micros`` is one point's worth
    under ``terms_version``.
    """

    programme: int
    code: str
    terms_version: int
    value_micros: int
    lots: tuple[tuple[int, int, int], ...]

    @property
    def available(self) -> int:
        """All points of the purse."""
        return sum(points for _, _, points in self.lots)


@dataclass(frozen=True, slots=True)
class Limits:
    """What bounds a spend: the basket in minor units, the permit in micros, and the currency's exponent.

    ``without`` are programmes that the merchant does not take; they pay nothing of what is left open.
    """

    total_minor: int
    permit_micros: int
    exponent: int
    without: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Paid:
    """What one programme pays: ``points`` of it, worth ``value_minor`` at the till."""

    programme: int
    points: int
    value_minor: int


@dataclass(frozen=True, slots=True)
class SpendPlan:
    """One to eight legs, soonest expiry first, and what they pay; empty legs pay nothing."""

    legs: tuple[Leg, ...]
    paid: tuple[Paid, ...]
    value_micros: int

    @property
    def value_minor(self) -> int:
        """What the points pay at the till."""
        return sum(part.value_minor for part in self.paid)


NOTHING = SpendPlan((), (), 0)


def plan_explicit(
    purses: Mapping[int, Purse], wanted: Sequence[tuple[Purse, int]], limits: Limits
) -> SpendPlan:
    """The legs for exactly the wanted points, soonest expiry first within each programme.

    Args:
        purses: unused programmes are ignored; kept by programme id for the final order of legs.
        wanted: each purse at most once, with the points to take.
        limits: the bounds of this sale.

    Raises:
        NotEnoughPoints, SpendWorthNothing, TooManyLegs, SpendExceedsTotal, PermitValueExceeded.
    """
    taken: dict[int, dict[int, int]] = {}
    for purse, points in wanted:
        if purse.available < points:
            raise NotEnoughPoints(purse.code, points, purse.available)
        taken[purse.programme] = _soonest(purse, points)
    plan = _plan_of(purses, taken, limits.exponent)
    for part in plan.paid:
        if part.value_minor == 0:
            raise SpendWorthNothing(purses[part.programme].code)
    if len(plan.legs) > MOST_LEGS:
        raise TooManyLegs(len(plan.legs), MOST_LEGS)
    if plan.value_minor > limits.total_minor:
        raise SpendExceedsTotal(plan.value_minor, limits.total_minor)
    if plan.value_micros > limits.permit_micros:
        raise PermitValueExceeded(plan.value_micros, limits.permit_micros)
    return plan


def plan_up_to(purses: Mapping[int, Purse], limits: Limits) -> SpendPlan:
    """The legs worth as much as ``limits`` allow, soonest expiry first across programmes.

    Never more points than the value they pay needs, and at most eight legs; may be empty.
    """
    lots = sorted(
        (ends_at, purse.programme, epoch, points)
        for purse in purses.values()
        for epoch, ends_at, points in purse.lots
    )
    taken: dict[int, dict[int, int]] = {}
    count = 0
    for _, programme, epoch, points in lots:
        room = _room(purses, taken, programme, limits)
        part = min(points, room)
        if part > 0:
            taken.setdefault(programme, {})[epoch] = part
            count += 1
        if count == MOST_LEGS:
            break
    for programme, parts in taken.items():
        _trim(parts, purses[programme].value_micros, limits.exponent)
    return _plan_of(purses, taken, limits.exponent)


def _room(
    purses: Mapping[int, Purse], taken: Mapping[int, Mapping[int, int]], programme: int, limits: Limits
) -> int:
    """How many more points of the programme fit under the basket's rest and the permit's rest."""
    value = purses[programme].value_micros
    minor_left, micros_left, own = limits.total_minor, limits.permit_micros, 0
    for other, parts in taken.items():
        points = sum(parts.values())
        micros = points * purses[other].value_micros
        if other == programme:
            own = points
        else:
            minor_left -= minor_of_micros_floor(micros, limits.exponent)
            micros_left -= micros
    if minor_left <= 0:
        return 0
    # The most points whose worth, rounded down, is still within the rest of the basket.
    by_total = (micros_of_minor(minor_left + 1, limits.exponent) - 1) // value
    return max(min(by_total, micros_left // value) - own, 0)


def _trim(parts: dict[int, int], value_micros: int, exponent: int) -> None:
    # Points whose worth is lost to rounding stay with the member; the latest to expire go back first.
    points = sum(parts.values())
    worth = micros_of_minor(minor_of_micros_floor(points * value_micros, exponent), exponent)
    surplus = points - -(-worth // value_micros)
    for epoch in sorted(parts, reverse=True):
        back = min(parts[epoch], surplus)
        parts[epoch] -= back
        surplus -= back
        if parts[epoch] == 0:
            del parts[epoch]


def _soonest(purse: Purse, points: int) -> dict[int, int]:
    parts: dict[int, int] = {}
    for epoch, _, available in sorted(purse.lots):
        part = min(available, points)
        if part:
            parts[epoch] = part
            points -= part
    return parts


def _plan_of(purses: Mapping[int, Purse], taken: Mapping[int, Mapping[int, int]], exponent: int) -> SpendPlan:
    legs: list[Leg] = []
    paid: list[Paid] = []
    total_micros = 0
    for programme in sorted(taken):
        parts, purse = taken[programme], purses[programme]
        points = sum(parts.values())
        if points == 0:
            continue
        micros = points * purse.value_micros
        legs += [Leg(programme, purse.terms_version, epoch, parts[epoch]) for epoch in sorted(parts)]
        paid.append(Paid(programme, points, minor_of_micros_floor(micros, exponent)))
        total_micros += micros
    return SpendPlan(tuple(legs), tuple(paid), total_micros)


def points_part_of_lines(amounts_minor: Iterable[int], value_minor: int) -> list[int]:
    """How much of each line the points cover: in proportion, exact in sum, never more than the line.

    Returns:
        Minor units per line; they sum to ``value_minor``, which is at most the sum of the lines.
    """
    amounts = list(amounts_minor)
    total = sum(amounts)
    parts: list[int] = []
    run = before = 0
    for amount in amounts:
        run += amount
        upto = share_floor(value_minor, run, total)
        parts.append(upto - before)
        before = upto
    return parts


def left_before_freeze(
    delivered_at: datetime | None, accepted_at: datetime, frozen_at: datetime | None
) -> bool:
    """Whether the goods of a hold left between its acceptance and the freeze, by the merchant's word."""
    if delivered_at is None or frozen_at is None:
        return False
    return accepted_at <= delivered_at < frozen_at
