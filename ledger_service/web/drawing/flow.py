"""Netting as a flow: what debtors pay runs into the middle, what creditors get runs out of it (INV-5)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from ledger_service.web.drawing.canvas import WIDTH, fitted, length, picture, said, text

_SIDE, _GAP, _BAND, _COLUMNS = 122, 10, 170, 15
_MIDDLE = WIDTH // 2


@dataclass(frozen=True, slots=True)
class Stream:
    """One merchant's net: positive is owed to it, negative it owes."""

    name: str
    net: int


@dataclass(frozen=True, slots=True)
class _Way:
    stream: Stream
    top: int
    middle_top: int
    thick: int


def netting(streams: Sequence[Stream], title: str, shown: Callable[[int], str]) -> Markup:
    """Debtors on the left, creditors on the right, each band as thick as its net; nothing without nets.

    Args:
        streams: merchants with their nets; those of zero are left out.
        title: what the picture says.
        shown: how a net is written.
    """
    pay = sorted((s for s in streams if s.net < 0), key=lambda s: (s.net, s.name))
    get = sorted((s for s in streams if s.net > 0), key=lambda s: (-s.net, s.name))
    if not pay and not get:
        return Markup("")
    most = max(sum(-s.net for s in pay), sum(s.net for s in get))
    left, right = _ways(pay, most), _ways(get, most)
    height = max(_bottom(left), _bottom(right), 60)
    parts = [_left(way, shown) for way in left] + [_right(way, shown) for way in right]
    house = Markup('<rect class="house" x="{}" y="8" width="12" height="{}" rx="4"/>')
    parts.append(house.format(_MIDDLE - 6, max(_thick(left), _thick(right), 12)))
    return picture(parts, height, title, said((s.name, shown(s.net)) for s in [*pay, *get]))


def _ways(streams: Sequence[Stream], most: int) -> list[_Way]:
    ways: list[_Way] = []
    top = middle = 8
    for one in streams:
        thick = max(2, length(abs(one.net), most, _BAND))
        ways.append(_Way(one, top, middle, thick))
        # A name needs two lines of its own, however thin its band is.
        top, middle = top + max(thick, 34) + _GAP, middle + thick
    return ways


def _bottom(ways: Sequence[_Way]) -> int:
    return max((way.top + max(way.thick, 34) + 6 for way in ways), default=0)


def _thick(ways: Sequence[_Way]) -> int:
    return sum(way.thick for way in ways)


def _left(way: _Way, shown: Callable[[int], str]) -> Markup:
    return _label(way, 0, "start", shown) + _band(
        way, "against", (_SIDE, way.top), (_MIDDLE - 6, way.middle_top)
    )


def _right(way: _Way, shown: Callable[[int], str]) -> Markup:
    start, end = (_MIDDLE + 6, way.middle_top), (WIDTH - _SIDE, way.top)
    return _band(way, "bar", start, end) + _label(way, WIDTH, "end", shown)


def _label(way: _Way, x: int, anchor: str, shown: Callable[[int], str]) -> Markup:
    name = fitted(way.stream.name, _COLUMNS)
    return text(x, way.top + 12, name, anchor) + text(x, way.top + 28, shown(way.stream.net), anchor)


def _band(way: _Way, kind: str, start: tuple[int, int], end: tuple[int, int]) -> Markup:
    (x1, y1), (x2, y2), half = start, end, (end[0] - start[0]) // 2
    path = (
        f"M{x1} {y1}C{x1 + half} {y1} {x2 - half} {y2} {x2} {y2}v{way.thick}"
        f"C{x2 - half} {y2 + way.thick} {x1 + half} {y1 + way.thick} {x1} {y1 + way.thick}z"
    )
    return Markup('<path class="{}" d="{}"/>').format(f"band {kind}", path)
