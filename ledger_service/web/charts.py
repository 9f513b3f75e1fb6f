"""Pictures of figures as SVG, made here without script; the same figures stand in a table beside."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

_WIDTH, _ROW, _NAMES = 640, 26, 220


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: what it is called, and how long; below zero it goes to the left."""

    name: str
    value: int


def bars(rows: Sequence[Bar], title: str, shown: Callable[[int], str]) -> Markup:
    """Bars on both sides of zero, the longest as long as there is room.

    Args:
        rows: what is drawn, from the top.
        title: what the picture says, for whoever does not see it.
        shown: how a value is written.
    """
    if not rows:
        return Markup("")
    most = max(abs(row.value) for row in rows) or 1
    room = (_WIDTH - _NAMES) // 2 - 70
    middle, height = _NAMES + room + 70, _ROW * len(rows) + 8
    parts = [
        _bar(place, row, (middle, room * abs(row.value) // most), shown) for place, row in enumerate(rows)
    ]
    axis = f'<line class="axis" x1="{middle}" x2="{middle}" y1="0" y2="{height}"/>'
    head = (
        f'<svg class="chart" role="img" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" height="{height}">'
    )
    return Markup(f"{head}<title>{escape(title)}</title>{axis}{''.join(parts)}</svg>")  # noqa: S704 - escaped


def _bar(place: int, row: Bar, where: tuple[int, int], shown: Callable[[int], str]) -> str:
    middle, length = where
    top = place * _ROW + 5
    left = middle if row.value >= 0 else middle - length
    kind, anchor = ("bar", "start") if row.value >= 0 else ("against", "end")
    at = middle + length + 6 if row.value >= 0 else middle - length - 6
    name = row.name if len(row.name) <= 28 else row.name[:27] + "…"
    return (
        f'<text x="0" y="{top + 13}">{escape(name)}</text>'
        f'<rect class="{kind}" x="{left}" y="{top}" width="{max(length, 1)}" height="17" rx="3"/>'
        f'<text x="{at}" y="{top + 13}" text-anchor="{anchor}">{escape(shown(row.value))}</text>'
    )


def charts_for_templates() -> dict[str, Callable[..., Markup]]:
    """The pictures by the names that templates call them by."""
    return {"draw": bars}
