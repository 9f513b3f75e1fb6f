"""Pictures of who brought whom, as SVG: time goes to the right, each line of descent has its own height.

Nobody is named in them: a member is a dot, coloured by the channel over which it came, or by the place at
which its line of descent began.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple
from zlib import crc32

WIDTH, _LEFT, _RIGHT, _TOP, _FOOT, _TALLEST = 1_000, 24, 976, 64, 40, 4_000
_COLOURS = {
    "wechat-group": "#1a7f37", "wechat-moments": "#57ab5a", "weibo": "#d1242f", "line": "#06c755",
    "whatsapp": "#0a7d6c", "sms": "#0969da", "paper": "#9a6700", "cashier": "#8250df",
}  # fmt: skip
_CALLED = {
    "wechat-group": "WeChat group", "wechat-moments": "WeChat Moments", "weibo": "Weibo", "line": "LINE",
    "whatsapp": "WhatsApp", "sms": "SMS", "paper": "Paper", "cashier": "Cashier",
}  # fmt: skip
_ROOT = "#57606a"
_TICKS = 5
_MOST_TOLD, _LONGEST_TOLD = 8, 16
ELSEWHERE = "elsewhere"


class Tie(NamedTuple):
    """Somebody came by somebody's link, over a channel (or from a place), at an instant."""

    source: int
    target: int
    at: datetime
    channel: str


@dataclass(frozen=True, slots=True)
class _Dot:
    x: int
    y: int
    colour: str


def picture(ties: Sequence[Tie], title: str, root: int | None = None) -> str:
    """The picture of these ties, in the order of their instants; ``root`` is drawn greater.

    The height follows from the number of lines, up to a bound; a member stands where it came first, and a
    later link that it followed is a thinner line.
    """
    ordered = sorted(ties, key=lambda tie: (tie.at, tie.source, tie.target))
    first: dict[int, Tie] = {}
    for tie in ordered:
        first.setdefault(tie.target, tie)
    rows = _rows(ordered, first, root)
    gap = max(2, min(14, _TALLEST // max(len(rows), 1)))
    dots = _dots(ordered, first, {who: _TOP + row * gap for who, row in rows.items()})
    height = _TOP + gap * len(rows) + _FOOT
    lines = [_line(tie, dots, kept=first[tie.target] is tie) for tie in ordered]
    marks = [_mark(dot, who == root) for who, dot in dots.items()]
    head, axis = _head(title, height, ordered, len(dots)), _axis(ordered, height)
    return "".join([*head, *lines, *marks, *axis, "</svg>"])


def by_place(ties: Sequence[Tie]) -> list[Tie]:
    """The ties with places for channels: whoever came by a code at a place is of that place, and so is who
    came by that one; a source below nought is a place itself. The rest is of ``ELSEWHERE``."""
    of: dict[int, str] = {}
    found = []
    for tie in sorted(ties, key=lambda tie: (tie.at, tie.source, tie.target)):
        place = tie.channel if tie.source < 0 else of.get(tie.source, ELSEWHERE)
        of.setdefault(tie.target, place)
        found.append(tie._replace(channel=place))
    return found


def _called(channel: str) -> str:
    """What people call the channel; a place has its own name."""
    return _CALLED.get(channel, channel)


def _colour(told: str) -> str:
    if told == ELSEWHERE:
        return _ROOT
    return _COLOURS.get(told) or f"hsl({crc32(told.encode()) % 360}, 65%, 38%)"


def _rows(ties: Sequence[Tie], first: dict[int, Tie], root: int | None) -> dict[int, int]:
    """A row for each member: who came of somebody stands below it, the earlier one first."""
    below: dict[int, list[int]] = defaultdict(list)
    for who, tie in first.items():
        below[tie.source].append(who)
    members = dict.fromkeys([*([root] if root is not None else []), *(tie.source for tie in ties), *first])
    rows: dict[int, int] = {}
    # Those that nobody brought first; then whoever stands in a circle, from its earliest on.
    for start in [*(who for who in members if who not in first), *members]:
        stack = [start]
        while stack:
            who = stack.pop()
            if who not in rows:
                rows[who] = len(rows)
                stack += reversed(below[who])
    return rows


def _dots(ties: Sequence[Tie], first: dict[int, Tie], heights: dict[int, int]) -> dict[int, _Dot]:
    dots = {}
    for who, y in heights.items():
        came = first.get(who)
        # Who was there before stands at the edge.
        x = _LEFT if came is None else _across(ties, came.at)
        dots[who] = _Dot(x, y, _ROOT if came is None else _colour(came.channel))
    return dots


def _across(ties: Sequence[Tie], at: datetime) -> int:
    whole = max((ties[-1].at - ties[0].at) // timedelta(milliseconds=1), 1)
    gone = (at - ties[0].at) // timedelta(milliseconds=1)
    return _LEFT + 60 + (_RIGHT - _LEFT - 60) * gone // whole


def _line(tie: Tie, dots: dict[int, _Dot], *, kept: bool) -> str:
    a, b = dots[tie.source], dots[tie.target]
    middle = (a.x + b.x) // 2
    wide = "1.2" if kept else "0.4"
    return (
        f'<path d="M{a.x} {a.y}C{middle} {a.y} {middle} {b.y} {b.x} {b.y}" fill="none"'
        f' stroke="{_colour(tie.channel)}" stroke-opacity="0.5" stroke-width="{wide}"/>'
    )


def _mark(dot: _Dot, great: bool) -> str:
    return f'<circle cx="{dot.x}" cy="{dot.y}" r="{6 if great else 3}" fill="{dot.colour}"/>'


def _head(title: str, height: int, ties: Sequence[Tie], members: int) -> list[str]:
    counted = Counter(tie.channel for tie in ties)
    said = "; ".join(f"{_called(channel)}: {count}" for channel, count in sorted(counted.items()))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}"'
        f' height="{height}" font-family="system-ui, sans-serif" font-size="13">',
        f"<title>{_escaped(title)}</title><desc>{members} members, {len(ties)} ties. {_escaped(said)}</desc>",
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
        f'<text x="{_LEFT}" y="22" font-weight="600" fill="#1f2328">{_escaped(title)}</text>',
    ]
    x = _LEFT
    for channel, count in sorted(counted.most_common(_MOST_TOLD)):
        told = f"{_called(channel)[:_LONGEST_TOLD]} {count}"
        if x + _wide(told) > WIDTH:
            break
        parts.append(f'<circle cx="{x + 4}" cy="40" r="4" fill="{_colour(channel)}"/>')
        parts.append(f'<text x="{x + 13}" y="44" font-size="11" fill="#424a53">{_escaped(told)}</text>')
        x += _wide(told)
    return parts


def _wide(told: str) -> int:
    """The room of one word of the legend with its dot, in units of letters of 11."""
    return 32 + sum(13 if ord(one) > 0x2E7F else 7 for one in told)


def _axis(ties: Sequence[Tie], height: int) -> list[str]:
    """Some times along the foot, each once: those of one instant would be printed over each other."""
    if not ties:
        return []
    parts, whole = [], ties[-1].at - ties[0].at
    ats: dict[str, int] = {}
    for place in range(_TICKS + 1):
        ats.setdefault(f"{ties[0].at + whole * place // _TICKS:%Y-%m-%d %H:%M}", place)
    for told, place in ats.items():
        x = _across(ties, ties[0].at + whole * place // _TICKS)
        anchor = "end" if place == _TICKS else "middle"
        parts.append(
            f'<text x="{x}" y="{height - 12}" font-size="11" text-anchor="{anchor}" fill="#424a53">'
            f"{told}</text>"
        )
    return parts


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")
