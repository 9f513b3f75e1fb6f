"""What members and merchants of the main run do, as published in docs/run-rules.md: pure, the same for one
seed.

Every decision hangs on a hash of the seed and the checkout, so a run that is interrupted, resumed or
repeated decides the same, whatever the order in which answers come back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from math import gcd

SPEND_BPS = 4_000
SPEND_FROM_TOTAL_MINOR = 200
SPEND_SHARE_BPS = 5_000
LEAST_SPEND_MICROS = 500_000
MOST_PROGRAMMES = 2
MOST_LOTS = 8
REFUND_BPS = 300
_DELAYS_DAYS = ((5_000, 1, 7), (7_500, 8, 45), (10_000, 46, 150))
MICROS_PER_CENT = 10_000


@dataclass(frozen=True, slots=True)
class HeldLot:
    """Points of one programme in a phone's own book, spendable before ``expires_at`` (seconds since 1970)."""

    programme: str
    expires_at: int
    points: int


@dataclass(frozen=True, slots=True)
class RefundPlan:
    """A refund that will happen: when, and how many items of which line (numbered from 1)."""

    at: datetime
    lines: tuple[tuple[int, int], ...]
    whole: bool


def draw(seed: str, *parts: object) -> int:
    """A number from 0 to 9,999 that these parts always give."""
    text = "|".join([seed, *map(str, parts)])
    return int.from_bytes(sha256(text.encode()).digest()[:8], "big") % 10_000


def spend_for_checkout(
    decision: int,
    total_minor: int,
    lots: Sequence[HeldLot],
    values_micros: Mapping[str, int],
    least_micros: int = LEAST_SPEND_MICROS,
) -> list[tuple[str, int]]:
    """The points a member pays with: (programme, points), at most two programmes, none of the merchant's own.

    Args:
        decision: ``draw`` for this checkout; below ``SPEND_BPS`` the member wants to pay with points.
        total_minor: the checkout's total in cents.
        lots: what the member holds of other merchants' programmes and may spend now.
        values_micros: what one point of each programme is worth.
        least_micros: the value from which paying with points is worth the trouble.
    """
    if decision >= SPEND_BPS or total_minor < SPEND_FROM_TOTAL_MINOR:
        return []
    budget = total_minor * MICROS_PER_CENT * SPEND_SHARE_BPS // 10_000
    spend: dict[str, int] = {}
    lots_used = 0
    for lot in sorted(lots, key=lambda lot: (lot.expires_at, lot.programme)):
        full = lot.programme not in spend and len(spend) == MOST_PROGRAMMES
        points = min(lot.points, budget // values_micros[lot.programme])
        if full or points == 0 or lots_used == MOST_LOTS:
            continue
        spend[lot.programme] = spend.get(lot.programme, 0) + points
        budget -= points * values_micros[lot.programme]
        lots_used += 1
    spend = {
        code: points - points % _points_to_whole_cents(values_micros[code]) for code, points in spend.items()
    }
    worth = sum(points * values_micros[code] for code, points in spend.items())
    return sorted((code, points) for code, points in spend.items() if points) if worth >= least_micros else []


def _points_to_whole_cents(value_micros: int) -> int:
    """The least number of points that is worth whole cents: nobody pays with a part of one and loses it."""
    return MICROS_PER_CENT // gcd(MICROS_PER_CENT, value_micros)


def refund_for_checkout(
    seed: str, checkout: str, at: datetime, quantities: Sequence[int], last: datetime
) -> RefundPlan | None:
    """The refund that a checkout will see: 3 % of them, half in part, after 1 to 150 days but by ``last``.

    In part means every second line, from the first; a single line gives back half its items, and a single
    item comes back whole.
    """
    if draw(seed, "refund", checkout) >= REFUND_BPS:
        return None
    bound = draw(seed, "delay", checkout)
    least, most = next((low, high) for below, low, high in _DELAYS_DAYS if bound < below)
    days = least + draw(seed, "days", checkout) % (most - least + 1)
    when = min(at + timedelta(days=days, minutes=7), last)
    partial = draw(seed, "part", checkout) < 5_000
    lines = _part(quantities) if partial else tuple((i, q) for i, q in enumerate(quantities, start=1))
    return RefundPlan(when, lines, whole=sum(q for _, q in lines) == sum(quantities))


def _part(quantities: Sequence[int]) -> tuple[tuple[int, int], ...]:
    if len(quantities) == 1:
        return ((1, max(1, quantities[0] // 2)),)
    return tuple((i, q) for i, q in enumerate(quantities, start=1) if i % 2 == 1)
