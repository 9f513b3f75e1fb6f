"""The writer: one thread that commits waiting commands in groups; no answer leaves before its commit.

A group that the database refuses is undone and its commands are run again one by one, so one bad
command never harms its neighbours.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from ledger_service.db.bulk import Key
from ledger_service.db.commands import AnyCommand, BookCommand, Plain, PlainCommand
from ledger_service.db.engine import Database
from ledger_service.db.errors import RowVanished, StorageUnavailable, WriterBusy
from ledger_service.db.group import Caught, Waiting, run_group
from ledger_service.kernel.clock import Clock

A = TypeVar("A")
_ATTEMPTS = 3


@dataclass(frozen=True)
class WriterLimits:
    """Bounds of the writer's work in flight."""

    most_waiting: int = 1024
    most_in_group: int = 64
    patience_seconds: int = 60
    retry_after_seconds: int = 1


@dataclass
class WriterFigures:
    """What the writer has done since it started; read it without a lock, it only grows."""

    commands: int = 0
    groups: int = 0
    undone: int = 0
    largest_group: int = 0
    longest_queue: int = 0


class Writer:
    """Owns the process's only writing connection for requests, and the queue before it."""

    def __init__(self, database: Database, clock: Clock, limits: WriterLimits | None = None) -> None:
        self.figures = WriterFigures()
        self._database = database
        self._clock = clock
        self._limits = limits or WriterLimits()
        self._queue: deque[Waiting] = deque()
        self._lock = threading.Lock()
        self._arrived = threading.Condition(self._lock)
        self._idle = False
        self._closing = False
        self._opened: set[tuple[str, Key]] = set()
        self._thread: threading.Thread | None = None

    def submit(self, command: PlainCommand[A] | BookCommand[A]) -> A:
        """The command's effects are durable when this returns its answer.

        Raises:
            WriterBusy: the queue is full or the writer is closing; nothing was begun.
            StorageUnavailable: the database did not take it. After a lost connection the outcome is
                open: send the command again with its idempotency key.
            DomainError: the command was refused and has no effect.
        """
        waiting = Waiting(command)
        self._enqueue(waiting)
        if not waiting.wait(self._limits.patience_seconds):
            raise StorageUnavailable(self._limits.retry_after_seconds)
        if waiting.error is not None:
            raise waiting.error
        return waiting.answer  # type: ignore[no-any-return]  # what the command answered

    def submit_all(self, commands: Sequence[PlainCommand[A] | BookCommand[A]]) -> list[A | Exception]:
        """As ``submit`` for several commands that may share groups; each stands or falls for itself.

        Returns:
            For each command its answer, or what ``submit`` would have raised.
        """
        queued = [self._queued(command) for command in commands]
        return [self._outcome(waiting) for waiting in queued]

    def run(self, action: Callable[[Connection], A]) -> A:
        """Run a function of a connection in a savepoint; its effects are durable when this returns."""
        return self.submit(Plain(action))

    def waiting(self) -> int:
        """How many commands wait now."""
        return len(self._queue)

    def healthy(self) -> bool:
        """Whether commands are taken: not closing, and the thread, once started, is alive."""
        thread = self._thread
        return not self._closing and (thread is None or thread.is_alive())

    def close(self) -> None:
        """Everything submitted before is answered, the thread has ended; later commands are refused."""
        with self._arrived:
            self._closing = True
            self._arrived.notify()
            thread = self._thread
        if thread is not None:
            thread.join()

    def _queued(self, command: AnyCommand) -> Waiting:
        waiting = Waiting(command)
        try:
            self._enqueue(waiting)
        except WriterBusy as busy:
            waiting.error = busy
            waiting.release()
        return waiting

    def _outcome(self, waiting: Waiting) -> Any:
        if not waiting.wait(self._limits.patience_seconds):
            return StorageUnavailable(self._limits.retry_after_seconds)
        return waiting.answer if waiting.error is None else waiting.error

    def _enqueue(self, waiting: Waiting) -> None:
        with self._lock:
            if self._closing or len(self._queue) >= self._limits.most_waiting:
                raise WriterBusy(self._limits.retry_after_seconds)
            self._queue.append(waiting)
            self.figures.longest_queue = max(self.figures.longest_queue, len(self._queue))
            if self._thread is None:
                # Started by the first command, so that a process that forks workers forks no thread.
                self._thread = threading.Thread(target=self._serve, name="ledger-writer", daemon=True)
                self._thread.start()
            if self._idle:
                self._arrived.notify()

    def _serve(self) -> None:
        while True:
            group = self._next_group()
            if not group:
                return
            again = self._commit(group)
            while again:
                again = self._commit(again)

    def _next_group(self) -> list[Waiting]:
        with self._arrived:
            while not self._queue and not self._closing:
                self._idle = True
                self._arrived.wait()
            self._idle = False
            group: list[Waiting] = []
            others: deque[Waiting] = deque()
            # The head's kind goes, wherever in the queue it waits: mixed arrivals must not make small groups.
            kind = bool(self._queue) and isinstance(self._queue[0].command, BookCommand)
            while self._queue and len(group) < self._most_of(kind):
                waiting = self._queue.popleft()
                mine = isinstance(waiting.command, BookCommand) == kind
                (group if mine else others).append(waiting)
            self._queue.extendleft(reversed(others))
            return group

    def _most_of(self, book: bool) -> int:
        # Plain commands take locks as they go, the head row last; two in one transaction would lock on
        # behind it, and meet another process's group that holds what they want and waits for the head.
        return self._limits.most_in_group if book or self._database.is_sqlite else 1

    def _commit(self, group: Sequence[Waiting]) -> list[Waiting]:
        """Run a group, or its commands one by one, and answer; returns those to decide again."""
        figures = self.figures
        figures.groups += 1
        figures.commands += len(group)
        figures.largest_group = max(figures.largest_group, len(group))
        with Caught() as caught:
            deferred = self._in_one_transaction(group)
        if caught.error is not None:
            figures.undone += 1
            self._one_by_one(group)
            return []
        again = [w for w in deferred if len(group) > 1]
        for waiting in again:
            waiting.deferred += 1
        self._answer([w for w in group if w not in again])
        stubborn = [w for w in again if w.deferred > _ATTEMPTS]
        self._one_by_one(stubborn)
        return [w for w in again if w not in stubborn]

    def _in_one_transaction(self, group: Sequence[Waiting]) -> list[Waiting]:
        opened = set(self._opened)
        with self._database.begin_group() as conn:
            deferred = run_group(conn, group, self._clock.now(), opened)
        self._opened = opened
        return deferred

    def _one_by_one(self, group: Sequence[Waiting]) -> None:
        lost = False
        for waiting in group:
            if lost:
                waiting.error = StorageUnavailable(self._limits.retry_after_seconds)
            else:
                lost = self._alone(waiting)
            self._answer([waiting])

    def _alone(self, waiting: Waiting) -> bool:
        """Run one command in its own db transaction; whether the database is out of reach."""
        error: BaseException | None = None
        for _ in range(_ATTEMPTS):
            with Caught() as caught:
                self._in_one_transaction([waiting])
            error = caught.error
            # After a conflict the row that was in the way can be read, so an honest replay is answered.
            if not isinstance(error, (DBAPIError, RowVanished)):
                break
        if error is None:
            return False
        passing = isinstance(error, (OperationalError, InterfaceError, RowVanished))
        waiting.error = StorageUnavailable(self._limits.retry_after_seconds) if passing else error
        if passing:
            waiting.error.__cause__ = error
        return _is_out_of_reach(error)

    @staticmethod
    def _answer(group: Sequence[Waiting]) -> None:
        for waiting in group:
            waiting.release()


@contextmanager
def open_writer(database: Database, clock: Clock, limits: WriterLimits | None = None) -> Iterator[Writer]:
    """A writer for the block; closed at its end."""
    writer = Writer(database, clock, limits)
    try:
        yield writer
    finally:
        writer.close()


def _is_out_of_reach(error: BaseException) -> bool:
    if not isinstance(error, (OperationalError, InterfaceError)):
        return False
    state = getattr(error.orig, "sqlstate", None)
    return state is None or state[:2] in ("08", "57")
