"""Bars on both sides of zero, the longest as long as there is room."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from ledger_service.web.drawing.canvas import WIDTH, fitted, length, picture, said, text

# A name has a line of its own above its bar, so that neither takes room from the other.
_ROW, _FIGURES, _COLUMNS = 42, 78, 44
_ROOM = WIDTH // 2 - _FIGURES
_ZERO = WIDTH // 2


@dataclass(frozen=True, slots=True)
class Bar:
    """What it is called, and how long; below zero it goes to the left."""

    name: str
    value: int


def bars(rows: Sequence[Bar], title: str, shown: Callable[[int], str]) -> Markup:
    """The picture; nothing without rows.

    Args:
        rows: what is drawn, from the top.
        title: what the picture says.
        shown: how a value is written.
    """
    if not rows:
        return Markup("")
    most, height = max(abs(row.value) for row in rows), _ROW * len(rows) + 8
    parts = [_bar(place, row, length(abs(row.value), most, _ROOM), shown) for place, row in enumerate(rows)]
    return picture(parts, height, title, said((row.name, shown(row.value)) for row in rows))


def _bar(place: int, row: Bar, wide: int, shown: Callable[[int], str]) -> Markup:
    top, right = place * _ROW + 20, row.value >= 0
    axis = Markup('<line class="axis" x1="{0}" x2="{0}" y1="{1}" y2="{2}"/>').format(_ZERO, top - 2, top + 19)
    box = Markup('<rect class="{}" x="{}" y="{}" width="{}" height="17" rx="3"/>').format(
        "bar" if right else "against", _ZERO if right else _ZERO - wide, top, wide
    )
    at, anchor = (_ZERO + wide + 6, "start") if right else (_ZERO - wide - 6, "end")
    name, figure = fitted(row.name, _COLUMNS), text(at, top + 13, shown(row.value), anchor)
    return text(0, top - 5, name) + axis + box + figure
