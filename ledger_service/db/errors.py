"""Refusals of the database room: it is full, closing or out of reach, and nothing was written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import exc

from ledger_service.kernel.errors import Category, DomainError

if TYPE_CHECKING:
    from ledger_service.db.workset import Draft


@dataclass(eq=False)
class WriterBusy(DomainError):
    """The queue of waiting writes is full."""

    retry_after_seconds: int

    code = "writer-busy"
    category = Category.UNAVAILABLE
    why = "More writes are waiting than the service is willing to hold; this one was not begun."
    fix = "Wait the seconds in `Retry-After` and send the same request with the same Idempotency-Key."


@dataclass(eq=False)
class StorageUnavailable(DomainError):
    """The database cannot be reached or did not answer in time."""

    retry_after_seconds: int

    code = "storage-unavailable"
    category = Category.UNAVAILABLE
    why = "The database did not answer or did not take the write; it may be restarting or overloaded."
    fix = "Wait the seconds in `Retry-After` and send the same request with the same Idempotency-Key."


class Defer(Exception):
    """A command's wish to be decided again after the group it is in has committed.

    Raised in ``apply``; whatever the command wrote into its draft is forgotten.
    """


class NotLoaded(Defer):
    """A row was asked for that no load of the group has covered.

    Ordinary where an earlier command of the same group has just made the row that names it; a bug
    where a command meets it alone.
    """


class RowVanished(RuntimeError):
    """Fewer rows were changed than were read under lock: someone wrote past the locks."""


def passes(error: BaseException) -> bool:
    """Whether an error is the database's state, not the statement's fault: the same may work in a moment.

    A lost or refused connection, a lock or statement that took too long, no connection free in time.
    """
    if isinstance(error, exc.TimeoutError):
        return True
    if not isinstance(error, exc.DBAPIError):
        return False
    # SQLite calls a statement that it cannot compile operational too, with the generic code 1.
    known = isinstance(error, (exc.OperationalError, exc.InterfaceError))
    return error.connection_invalidated or (known and getattr(error.orig, "sqlite_errorcode", 0) != 1)


class TracedRefusal(DomainError):
    """A refusal that leaves something behind: rows that say why, and none of the command's own.

    ``trace`` writes them into a fresh draft, with what the command had declared to read.
    """

    trace: Callable[[Draft], None] | None = None
