"""The real writer on its callers' own threads: a command commits at once, or several callers share a group.

Several callers take turns, so a run is the same each time; only one thread of a simulation ever runs.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

from ledger_service.db.commands import BookCommand
from ledger_service.db.group import Waiting
from ledger_service.db.writer import Writer


class SyncWriter(Writer):
    """A writer without a thread of its own; ``crowd`` is set while several callers are about."""

    crowd: Crowd | None = None

    def _enqueue(self, waiting: Waiting) -> None:
        if self.crowd is not None and self.crowd.park(waiting):
            return
        self.work([waiting])

    def work(self, group: Sequence[Waiting]) -> None:
        """The group is committed and answered, as the writer's thread would."""
        again = self._commit(group)
        while again:
            again = self._commit(again)


class Crowd:
    """Callers that arrive together: each runs until it waits for the writer, then all share commits."""

    def __init__(self, writer: SyncWriter) -> None:
        self._writer = writer
        self._parked: list[tuple[Waiting, threading.Event]] = []
        self._turn = threading.Event()
        self._mine = threading.local()

    def run(self, actions: Sequence[Callable[[], Any]]) -> list[Any]:
        """What each action gave: its result, or the exception that it ended with."""
        results: list[Any] = [None] * len(actions)
        threads = [threading.Thread(target=self._one, args=(i, a, results)) for i, a in enumerate(actions)]
        self._writer.crowd = self
        try:
            for thread in threads:
                self._go(thread.start)
            while self._parked:
                self._commit_some()
        finally:
            self._writer.crowd = None
        for thread in threads:
            thread.join()
        return results

    def park(self, waiting: Waiting) -> bool:
        """A caller's command waits here for the others; False for whoever is none of the callers."""
        if not getattr(self._mine, "caller", False):
            return False
        woken = threading.Event()
        self._parked.append((waiting, woken))
        self._turn.set()
        woken.wait()
        return True

    def _one(self, place: int, action: Callable[[], Any], results: list[Any]) -> None:
        self._mine.caller = True
        try:
            results[place] = action()
        except BaseException as error:
            results[place] = error
        self._turn.set()

    def _go(self, start: Callable[[], None]) -> None:
        self._turn.clear()
        start()
        self._turn.wait()

    def _commit_some(self) -> None:
        book = isinstance(self._parked[0][0].command, BookCommand)
        group = [pair for pair in self._parked if isinstance(pair[0].command, BookCommand) == book]
        self._parked = [pair for pair in self._parked if pair not in group]
        self._writer.work([waiting for waiting, _ in group])
        for _, woken in group:
            self._go(woken.set)
