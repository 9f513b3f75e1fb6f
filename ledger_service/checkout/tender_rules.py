"""Rules over lines and tenders: what earns, what points may pay, what is discount and what is payment.

Pure. Every part is exact in sum: parts of a line by shares that telescope, parts of a total by a divisor
method, which never gives one tender less when there is more to give.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ledger_service.checkout.basket import Tender
from ledger_service.checkout.basket_errors import PointsTenderDiffers, TendersDoNotAddUp
from ledger_service.checkout.requests import Line
from ledger_service.checkout.rules import points_part_of_lines
from ledger_service.kernel.money import share_floor
from ledger_service.points.basis import USUAL, Basis, TenderType


@dataclass(frozen=True, slots=True)
class EarningParts:
    """The part of each line that earns: of what money paid, and (empty: nothing) of what points paid."""

    cash: Sequence[int]
    points: Sequence[int] = ()

    @property
    def whole(self) -> Sequence[int]:
        """Both parts of each line together."""
        return [c + p for c, p in zip(self.cash, self.points, strict=True)] if self.points else self.cash


def check_tenders(tenders: Sequence[Tender], total_minor: int, paid: Mapping[str, int]) -> None:
    """The tenders are the whole total, and those in points are what the points really pay.

    Args:
        tenders: as the till sent them; empty for a till that says nothing of them.
        total_minor: the basket.
        paid: what the points of each programme (by code) pay, in minor units.

    Raises:
        PointsTenderDiffers: a programme pays another amount than its tender says.
        TendersDoNotAddUp: the tenders come to another sum than the basket.
    """
    if not tenders:
        return
    told = {t.programme: t.amount_minor for t in tenders if t.type == TenderType.POINTS}
    for code in sorted({*told, *paid}):
        if told.get(code, 0) != paid.get(code, 0):
            raise PointsTenderDiffers(code, told.get(code, 0), paid.get(code, 0))
    tendered = sum(t.amount_minor for t in tenders)
    if tendered != total_minor:
        raise TendersDoNotAddUp(tendered, total_minor)


def with_points(
    tenders: Sequence[Tender], paid: Sequence[tuple[int, int, int]], codes: Mapping[int, str]
) -> tuple[Tender, ...]:
    """The tenders, with those in points where the till could not name them.

    A till that takes points up to a value does not know of which programmes they will be.

    Args:
        tenders: as the till sent them; none stay none, and those that name points are left alone.
        paid: programme, points and value of what points paid.
        codes: of the programmes.
    """
    if not tenders or not paid or any(tender.type == TenderType.POINTS for tender in tenders):
        return tuple(tenders)
    points = [Tender(TenderType.POINTS, value, codes[programme], count) for programme, count, value in paid]
    return (*points, *tenders)


def payable_amounts(lines: Sequence[Line], bases: Sequence[Basis]) -> list[int]:
    """How much of each line points may pay: all of it or, where a rule excludes the kind, nothing.

    ``bases`` are the rules of the seller's programmes in force; where it has none, the usual one counts.
    """
    amounts = []
    for line in lines:
        if line.detail is not None and any(line.detail.kind in b.unpayable_kinds for b in bases or (USUAL,)):
            amounts.append(0)
        else:
            amounts.append(line.amount_minor)
    return amounts


def points_parts(lines: Sequence[Line], payable: Sequence[int], value_minor: int) -> list[int]:
    """How much of each line points have paid: of those that they may pay, in proportion, exact in sum.

    What was paid against the rule, by a till that could not ask, lies on all lines alike: a refund has to
    find all of it.
    """
    if value_minor <= sum(payable):
        return points_part_of_lines(payable, value_minor)
    return points_part_of_lines([line.amount_minor for line in lines], value_minor)


def earning_parts(
    basis: Basis, lines: Sequence[Line], cash_minor: Sequence[int], tenders: Sequence[Tender]
) -> EarningParts:
    """What of each line earns under a basis.

    Args:
        basis: of the rule.
        lines: the basket.
        cash_minor: per line what is left after the points' part.
        tenders: what idle tenders pay is spread over the lines' money in proportion.
    """
    cash = cash_minor
    if tenders:
        cash = _without_idle(basis, cash, tenders)
    points: Sequence[int] = ()
    if basis.points_part_earns:
        points = [line.amount_minor - c for line, c in zip(lines, cash_minor, strict=True)]
    if basis.tax:
        return EarningParts(cash, points)
    return EarningParts(_net(lines, cash), _net(lines, points) if points else ())


def apportion(total: int, weights: Sequence[int]) -> list[int]:
    """``total`` in proportion to ``weights`` (Webster): exact in sum, no part shrinks as the total grows.

    Args:
        total: 0 to the sum of the weights; the parts of the whole sum are the weights themselves.
        weights: 0 or more each.
    """
    whole, count = sum(weights), len(weights)
    # Webster's parts are never this far below the quota; what is left is given one by one.
    parts = [max(share_floor(total, weight, whole) - count, 0) for weight in weights]
    for _ in range(total - sum(parts)):
        best = -1
        for i, weight in enumerate(weights):
            if weight and (best < 0 or weight * (2 * parts[best] + 1) > weights[best] * (2 * parts[i] + 1)):
                best = i
        parts[best] += 1
    return parts


def _without_idle(basis: Basis, cash: Sequence[int], tenders: Sequence[Tender]) -> Sequence[int]:
    idle = 0
    for tender in tenders:
        if tender.type != TenderType.POINTS and tender.type in basis.idle_tenders:
            idle += tender.amount_minor
    if not idle:
        return cash
    return [c - part for c, part in zip(cash, points_part_of_lines(cash, idle), strict=True)]


def _net(lines: Sequence[Line], parts: Sequence[int]) -> Sequence[int]:
    net = []
    for line, part in zip(lines, parts, strict=True):
        tax = line.detail.tax_minor if line.detail is not None else 0
        net.append(part - share_floor(tax, part, line.amount_minor) if tax else part)
    return net
