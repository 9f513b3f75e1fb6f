"""What falls due in a replay besides baskets, in one order: refunds, uploads and the acts of the story."""

from __future__ import annotations

import heapq
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

Work = Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True, order=True)
class Due:
    """A piece of work at an instant; ``begin`` says then which households it concerns, and what it does.

    A ``barrier`` begins when all before it has ended, and nothing else begins before it has ended.
    """

    seconds: int
    name: str
    begin: Callable[[], tuple[Sequence[int], Work]] = field(compare=False)
    barrier: bool = field(default=False, compare=False)


class Agenda:
    """A heap by instant, then by name, so that every run takes equal instants in the same order."""

    def __init__(self) -> None:
        self._due: list[Due] = []

    def add(self, due: Due) -> None:
        """It will be begun once the replay comes to its instant."""
        heapq.heappush(self._due, due)

    @property
    def next_seconds(self) -> int | None:
        """When the next one is due."""
        return self._due[0].seconds if self._due else None

    def pop(self) -> Due:
        """Take the next one off."""
        return heapq.heappop(self._due)
