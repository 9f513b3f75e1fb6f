"""A figure over time as one line with its area: points at equal distances, from zero upwards."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from ledger_service.web.drawing.canvas import WIDTH, fitted, picture, said, text

_HEIGHT, _TOP, _FOOT, _EDGE = 200, 32, 30, 8


@dataclass(frozen=True, slots=True)
class Point:
    """A figure at a time: what the time is called, and how much it was; never below zero."""

    name: str
    value: int


def series(points: Sequence[Point], title: str, shown: Callable[[int], str]) -> Markup:
    """The line through the points, with the last one written out; nothing for fewer than two points."""
    if len(points) < 2:
        return Markup("")
    most = max(1, *(one.value for one in points))
    spots = [_spot(place, one, len(points), most) for place, one in enumerate(points)]
    line = " ".join(f"{x},{y}" for x, y in spots)
    floor = _HEIGHT - _FOOT
    parts = [
        Markup('<line class="axis" x1="{}" x2="{}" y1="{}" y2="{}"/>').format(
            _EDGE, WIDTH - _EDGE, floor, floor
        ),
        Markup('<polygon class="area" points="{}"/>').format(
            f"{spots[0][0]},{floor} {line} {spots[-1][0]},{floor}"
        ),
        Markup('<polyline class="line" points="{}"/>').format(line),
        text(spots[-1][0], max(spots[-1][1] - 8, 12), shown(points[-1].value), "end"),
        text(spots[0][0], _HEIGHT - 8, fitted(points[0].name, 20)),
        text(spots[-1][0], _HEIGHT - 8, fitted(points[-1].name, 20), "end"),
    ]
    return picture(parts, _HEIGHT, title, said((one.name, shown(one.value)) for one in points))


def _spot(place: int, one: Point, count: int, most: int) -> tuple[int, int]:
    room = _HEIGHT - _FOOT - _TOP
    across = _EDGE + (WIDTH - 2 * _EDGE) * place // (count - 1)
    return across, _HEIGHT - _FOOT - room * max(one.value, 0) // most
