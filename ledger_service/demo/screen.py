"""What a person sees of a run: a line that moves, and tables; plain lines where the output is no terminal."""

from __future__ import annotations

import sys
import time
import unicodedata
from collections.abc import Sequence
from datetime import datetime

_BAR = 28
_LINE_EVERY_SECONDS = 10


class Screen:
    """Writes to standard output."""

    def __init__(self) -> None:
        self._terminal = sys.stdout.isatty()
        self._last_line = 0.0
        self._open = False

    def say(self, text: str) -> None:
        """A line of its own."""
        self._close_bar()
        print(text, flush=True)

    def bar(self, done: int, total: int, rate: int, clock: datetime) -> None:
        """How far the replay is: baskets, checkouts a second, and the data's clock."""
        share = done * 100 // total if total else 100
        filled = "█" * (done * _BAR // total if total else _BAR)
        text = (
            f"{filled:░<{_BAR}} {share:3d} %  {done:,} of {total:,} baskets  {rate:,} checkouts/s"
            f"  replay clock {clock:%d %b %Y %H:%M} UTC"
        )
        if self._terminal:
            print(f"\r\x1b[K{text}", end="", flush=True)
            self._open = True
        elif time.monotonic() - self._last_line >= _LINE_EVERY_SECONDS or done == total:
            self._last_line = time.monotonic()
            print(text, flush=True)

    def table(self, title: str, header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """A table: text to the left, numbers to the right with separators."""
        self._close_bar()
        print("\n" + table_text(title, header, rows), flush=True)

    def _close_bar(self) -> None:
        if self._open:
            print(flush=True)
            self._open = False


def table_text(title: str, header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A table as text, one row a line."""
    cells = [list(header)] + [[_cell(value) for value in row] for row in rows]
    widths = [max(columns_of(row[i]) for row in cells) for i in range(len(header))]
    numeric = [all(isinstance(row[i], int) for row in rows) for i in range(len(header))]
    lines = [title]
    for index, row in enumerate(cells):
        parts = [_filled(c, w, n) for c, w, n in zip(row, widths, numeric, strict=True)]
        lines.append("  " + "  ".join(parts).rstrip())
        if index == 0:
            lines.append("  " + "  ".join("─" * width for width in widths))
    return "\n".join(lines)


def columns_of(text: str) -> int:
    """How many columns of a terminal a text takes: two for a wide character of East Asia, none for a mark."""
    return sum(_columns(c) for c in text)


def _columns(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in ("W", "F") else 1


def _filled(text: str, width: int, right: bool) -> str:
    rest = " " * (width - columns_of(text))
    return rest + text if right else text + rest


def dollars(minor: int) -> str:
    """Cents as dollars with separators; the only place where a decimal point is written."""
    sign = "-" if minor < 0 else ""
    return f"{sign}${abs(minor) // 100:,}.{abs(minor) % 100:02d}"


def _cell(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
