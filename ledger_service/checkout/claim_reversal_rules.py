"""Pure rules: how much of a claim's points the goods that stay still carry (INV-13)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ledger_service.checkout.reversal_rules import EarnedPart, Returned, SoldLine, returned_at
from ledger_service.points.rules import WHOLE_PERCENT


@dataclass(frozen=True, slots=True)
class Kept:
    """A sale whose claim was asked for when ``pieces`` of it had come back already."""

    lines: Sequence[SoldLine]
    pieces: Mapping[str, int]
    points_first: bool


def since(kept: Kept, returned: Returned) -> tuple[list[SoldLine], Returned]:
    """The lines as they were when the claim was asked for, and what has come back of these since."""
    then = returned_at(kept.lines, kept.pieces, points_first=kept.points_first)
    lines = [
        SoldLine(s.line, s.quantity - kept.pieces.get(s.line, 0), s.cash_minor - money, s.points_minor - part)
        for s, money, part in zip(kept.lines, then.cash, then.points, strict=True)
    ]
    cash = [now - was for now, was in zip(returned.cash, then.cash, strict=True)]
    points = [now - was for now, was in zip(returned.points, then.points, strict=True)]
    return lines, Returned(tuple(cash), tuple(points))


def part_of_claim(
    lines: Sequence[SoldLine], points: int, percents: Sequence[int], value_micros: int
) -> EarnedPart:
    """The claim's points as if the lines had earned them: in proportion to what of each line earns.

    People have judged how many points it was, so the rate follows from them and not from a rule. By the rule
    of the sale nothing of it may earn; then all of its worth carries the points.
    """
    weight = sum(percent * s.cash_minor for percent, s in zip(percents, lines, strict=True))
    if weight:
        return EarnedPart(0, points, points * WHOLE_PERCENT, weight, tuple(percents), value_micros)
    whole = (WHOLE_PERCENT,) * len(lines)
    bases = tuple((s.cash_minor, s.points_minor) for s in lines)
    weight = WHOLE_PERCENT * sum(map(sum, bases))
    # Goods without a price carry nothing: what they gave is undone with the first that comes back.
    return EarnedPart(0, points, points * WHOLE_PERCENT, max(weight, 1), whole, value_micros, bases)
