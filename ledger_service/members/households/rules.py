"""Pure rules of households: what a right allows now, and what of its gifts a mate takes along."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

ROLES = ("owner", "mate")
# A mate that has left, or was removed, is "parting" as long as a part of its gifts waits for it.
STATES = ("invited", "in", "parting", "out")
SPENDS = ("none", "day", "month", "all")
HOUSE_STATES = ("open", "closing", "closed")
OWN_PART, STAYS = "own-part", "stays"
PARTINGS = (OWN_PART, STAYS)
MOST_MATES = 8
INVITATION_LIFE = timedelta(days=14)
PART_LIFE = timedelta(days=30)

Points = Mapping[tuple[int, int], int]


def period_of(spends: str, timezone: str, at: datetime) -> str:
    """The civil day or month in the household's zone whose spending a limit counts; empty without one."""
    if spends not in ("day", "month"):
        return ""
    day = at.astimezone(ZoneInfo(timezone)).date().isoformat()
    return day if spends == "day" else day[:7]


def left_micros(mate: Mapping[str, object], period: str) -> int | None:
    """How much the mate may still spend in the period; None without a limit."""
    limit, used = mate["limit_micros"], mate["used_micros"]
    if mate["spends"] == "all" or not isinstance(limit, int) or not isinstance(used, int):
        return None if mate["spends"] == "all" else 0
    return max(0, limit - (used if mate["used_period"] == period else 0))


def part_of(given: Points, spent: Points, there: Points) -> dict[tuple[int, int], int]:
    """What a mate takes along: its gifts less what it spent itself, as far as the household still has them.

    What it spent is taken from its oldest gifts first, so it keeps those that last longest.

    Args:
        given: points that the mate gave and has not had back, by programme and epoch.
        spent: points that its own codes paid with and no refund brought back, likewise.
        there: what the household has available, less what it owes to others.
    """
    part: dict[tuple[int, int], int] = {}
    for programme in {programme for programme, _ in given}:
        left = _of(given, programme) - _of(spent, programme)
        for epoch in sorted((e for p, e in given if p == programme), reverse=True):
            lot = (programme, epoch)
            points = min(left, given[lot], there.get(lot, 0))
            if points > 0:
                part[lot] = points
                left -= points
    return part


def lessened(there: Points, owed: Iterable[tuple[tuple[int, int], int]]) -> dict[tuple[int, int], int]:
    """Points by programme and epoch without those that are owed."""
    free = dict(there)
    for lot, points in owed:
        free[lot] = max(0, free.get(lot, 0) - points)
    return free


def _of(points: Points, programme: int) -> int:
    return sum(amount for (known, _), amount in points.items() if known == programme)
