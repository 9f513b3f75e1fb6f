"""The frame of a picture: its box, title and description, and how a text or a length fits."""

from __future__ import annotations

from collections.abc import Iterable
from unicodedata import east_asian_width

from markupsafe import Markup

# As wide as a phone's card: what can be read there can be read everywhere, and a desktop only enlarges it.
WIDTH = 360
_ELLIPSIS = "…"


def picture(parts: Iterable[Markup], height: int, title: str, about: str) -> Markup:
    """The finished picture; ``about`` says what is in it to whoever cannot see it."""
    head = Markup(
        '<svg class="chart" role="img" viewBox="0 0 {0} {1}" width="{0}" height="{1}">'
        "<title>{2}</title><desc>{3}</desc>"
    ).format(WIDTH, height, title, about)
    return head + Markup("").join(parts) + Markup("</svg>")


def text(x: int, y: int, words: str, anchor: str = "start") -> Markup:
    """Words at a place; what they say is escaped."""
    return Markup('<text x="{}" y="{}" text-anchor="{}">{}</text>').format(x, y, anchor, words)


def fitted(words: str, most: int) -> str:
    """The words within so many narrow columns; a wide (CJK) character takes two."""
    if _columns(words) <= most:
        return words
    kept, used = "", 0
    for one in words:
        used += _columns(one)
        if used > most - 1:
            break
        kept += one
    return kept.rstrip() + _ELLIPSIS


def length(value: int, most: int, room: int) -> int:
    """How long a value is drawn where the greatest takes all the room; something is never nothing."""
    if value <= 0 or most <= 0:
        return 0
    return max(1, room * value // most)


def said(pairs: Iterable[tuple[str, str]]) -> str:
    """Names with their values in one sentence, for the description."""
    return "; ".join(f"{name}: {value}" for name, value in pairs)


def _columns(words: str) -> int:
    return sum(2 if east_asian_width(one) in "WF" else 1 for one in words)
