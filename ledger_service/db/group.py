"""One group of commands in one db transaction: load, decide, flush; and what each command is answered."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from operator import methodcaller
from types import TracebackType
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from ledger_service.db.bulk import Key
from ledger_service.db.commands import AnyCommand, BookCommand
from ledger_service.db.errors import Defer, TracedRefusal
from ledger_service.db.flush import flush
from ledger_service.db.workset import Draft, Need, Workset
from ledger_service.kernel.errors import DomainError


class Waiting:
    """A submitted command and the thread that waits for its answer."""

    __slots__ = ("_done", "answer", "command", "deferred", "error")

    def __init__(self, command: AnyCommand) -> None:
        self.command = command
        self.answer: Any = None
        self.error: BaseException | None = None
        self.deferred = 0
        self._done = threading.Lock()
        self._done.acquire()

    def release(self) -> None:
        """Let the waiting thread go on; called once, after the commit."""
        self._done.release()

    def wait(self, timeout_seconds: int) -> bool:
        """Whether the answer arrived in time."""
        return self._done.acquire(timeout=timeout_seconds)


class Caught:
    """Keeps what is raised in the block for the thread that asked: a bug surfaces there, not here."""

    def __init__(self) -> None:
        self.error: BaseException | None = None

    def __enter__(self) -> Caught:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        self.error = error
        return True


def run_group(
    conn: Connection, group: Sequence[Waiting], now: datetime, opened: set[tuple[str, Key]]
) -> list[Waiting]:
    """Every command has an answer or an error; what the group wrote stands in the db transaction.

    Returns:
        The commands that wish to be decided again after the commit.

    Raises:
        sqlalchemy.exc.DBAPIError: the database refused; nothing of the group may be committed.
    """
    if not isinstance(group[0].command, BookCommand):
        for waiting in group:
            _run_plain(conn, waiting, alone=len(group) == 1)
        return []
    work = Workset(conn, opened)
    able = _load(work, group)
    for waiting in able:
        _apply(work, waiting)
    late = [w for w in able if w.error is None and w.command.wants_numbers]  # type: ignore[union-attr]  # one kind
    flush(conn, work, now, (lambda: _numbered(work, late)) if late else None)
    opened |= work.opening
    return [w for w in able if isinstance(w.error, Defer)]


def _run_plain(conn: Connection, waiting: Waiting, *, alone: bool) -> None:
    # Alone it is all that the db transaction does: a savepoint would only be two more round trips.
    with Caught() as caught, _transaction_of(conn) if alone else conn.begin_nested():
        waiting.answer = waiting.command.run(conn)  # type: ignore[union-attr]  # a group is of one kind
    if isinstance(caught.error, DBAPIError):
        # A deadlock, a lock that took too long, a lost connection: the writer tries it again alone.
        raise caught.error
    waiting.error = caught.error


@contextmanager
def _transaction_of(conn: Connection) -> Iterator[None]:
    """Whatever is raised in the block undoes the connection's db transaction; a good end is the caller's."""
    try:
        yield
    except BaseException:
        conn.rollback()
        raise


def _load(work: Workset, group: Sequence[Waiting]) -> list[Waiting]:
    able = list(group)
    probes = _needs(able, methodcaller("probe"))
    work.load(probes)
    locks = _needs(able, methodcaller("locks", work))
    if probes:
        work.forget()
    work.lock(locks)
    work.load(_needs(able, methodcaller("reads_first", work)))
    work.load(_needs(able, methodcaller("reads_second", work)))
    return able


def _needs(able: list[Waiting], ask: Callable[[Any], Iterable[Need]]) -> list[Need]:
    needs: list[Need] = []
    with Caught():
        for waiting in able:
            needs += ask(waiting.command)
        return needs
    # A command that cannot even say what it needs gets its own error and leaves the group.
    needs = []
    for waiting in list(able):
        with Caught() as caught:
            needs += ask(waiting.command)
        waiting.error = caught.error
        if waiting.error is not None:
            able.remove(waiting)
    return needs


def _apply(work: Workset, waiting: Waiting) -> None:
    command: BookCommand[Any] = waiting.command  # type: ignore[assignment]  # a group is of one kind
    draft = Draft(work)
    with Caught() as caught:
        waiting.answer = command.apply(draft)
    if isinstance(caught.error, DomainError):
        refusal, draft = caught.error, Draft(work)
        with Caught() as caught:
            waiting.answer = command.refused(draft, refusal)
    waiting.error = caught.error
    if waiting.error is None:
        draft.absorb()
    elif isinstance(waiting.error, TracedRefusal) and waiting.error.trace is not None:
        _leave_trace(work, waiting, waiting.error.trace)


def _leave_trace(work: Workset, waiting: Waiting, trace: Callable[[Draft], None]) -> None:
    draft = Draft(work)
    with Caught() as caught:
        trace(draft)
    if caught.error is None:
        draft.absorb()
    else:
        waiting.error = caught.error


def _numbered(work: Workset, late: list[Waiting]) -> None:
    for waiting in late:
        draft = Draft(work)
        # Its entries are in the flush already: an error here must undo the whole group.
        waiting.answer = waiting.command.numbered(draft, waiting.answer)  # type: ignore[union-attr]
        draft.absorb()
