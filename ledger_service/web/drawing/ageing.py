"""What is owed in points by when it ends, as one bar for each end: the sooner, the higher up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from ledger_service.web.drawing.canvas import WIDTH, fitted, length, picture, said, text

_ROW, _NAMES, _VALUES = 28, 110, 80


@dataclass(frozen=True, slots=True)
class Slice:
    """What ends together: what the end is called, and how much it is."""

    name: str
    value: int


def ageing(slices: Sequence[Slice], title: str, shown: Callable[[int], str]) -> Markup:
    """Bars from one side, the greatest as long as there is room; nothing for no slices.

    Args:
        slices: what is drawn, from the top.
        title: what the picture says.
        shown: how a value is written.
    """
    if not slices:
        return Markup("")
    most = max(one.value for one in slices)
    parts = [_bar(place, one, most, shown) for place, one in enumerate(slices)]
    about = said((one.name, shown(one.value)) for one in slices)
    return picture(parts, _ROW * len(slices) + 8, title, about)


def _bar(place: int, one: Slice, most: int, shown: Callable[[int], str]) -> Markup:
    top, long = place * _ROW + 5, length(one.value, most, WIDTH - _NAMES - _VALUES)
    bar = Markup('<rect class="bar" x="{}" y="{}" width="{}" height="19" rx="3"/>').format(_NAMES, top, long)
    name = text(0, top + 14, fitted(one.name, 17))
    return name + bar + text(_NAMES + long + 8, top + 14, shown(one.value))
