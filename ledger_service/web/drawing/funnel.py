"""How many came how far: one bar for each step, in the middle, each no longer than the first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from ledger_service.web.drawing.canvas import WIDTH, fitted, length, picture, said, text

_ROW, _COLUMNS = 48, 36
_WHOLE = 10_000


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the way: what it is called, and how many came so far."""

    name: str
    count: int


def share_bps(count: int, of: int) -> int | None:
    """Which part of the first step a later one is, in ten thousandths rounded down; None of nothing."""
    return None if of <= 0 else count * _WHOLE // of


def funnel(steps: Sequence[Step], title: str, shown: Callable[[int], str]) -> Markup:
    """The steps from the first to the last; nothing for no steps."""
    if not steps:
        return Markup("")
    most = max(one.count for one in steps)
    parts = [_step(place, one, most, shown) for place, one in enumerate(steps)]
    return picture(parts, _ROW * len(steps) + 4, title, said((one.name, shown(one.count)) for one in steps))


def _step(place: int, one: Step, most: int, shown: Callable[[int], str]) -> Markup:
    top, long = place * _ROW + 20, length(one.count, most, WIDTH)
    bar = Markup('<rect class="bar" x="{}" y="{}" width="{}" height="22" rx="4"/>').format(
        (WIDTH - long) // 2, top, long
    )
    return text(0, top - 5, fitted(one.name, _COLUMNS)) + text(WIDTH, top - 5, shown(one.count), "end") + bar
