"""How often a process that works through many rows looks for what only points at itself."""

from __future__ import annotations

import gc

_OBJECTS_BETWEEN_COLLECTIONS = 200_000


def collect_seldom() -> None:
    """For commands that go through their rows in chunks and end; what is loaded by now lives until then.

    A chunk is some ten thousand objects without cycles: looking for cycles among them took a quarter of the
    processor's time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS, 20, 100)
