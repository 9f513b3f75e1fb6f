"""A line on the error output every now and then, so that long work shows where it is."""

from __future__ import annotations

import sys
import time

_TICK_SECONDS = 2


class Ticker:
    """Told a block and a count as often as one likes; prints every other second."""

    def __init__(self, counted: str) -> None:
        self._counted = counted
        self._last = time.monotonic()

    def __call__(self, block: int, count: int) -> None:
        """At ``block``, with ``count`` done so far."""
        now = time.monotonic()
        if now - self._last >= _TICK_SECONDS:
            self._last = now
            print(f"block {block:,}, {count:,} {self._counted}", file=sys.stderr, flush=True)
