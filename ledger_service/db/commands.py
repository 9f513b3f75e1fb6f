"""What the writer takes: plain commands with a connection of their own, and commands on a working set."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar, runtime_checkable

from sqlalchemy import Connection

from ledger_service.db.workset import Draft, Need, Workset
from ledger_service.kernel.errors import DomainError

A = TypeVar("A")
A_co = TypeVar("A_co", covariant=True)


@runtime_checkable
class PlainCommand(Protocol[A_co]):
    """A command that sends its own statements, in a savepoint of its own (administration)."""

    def run(self, conn: Connection) -> A_co:
        """Do it and return the answer; a ``DomainError`` undoes this command alone."""


@dataclass(frozen=True)
class Plain(Generic[A]):
    """A function of a connection as a plain command."""

    action: Callable[[Connection], A]

    def run(self, conn: Connection) -> A:
        """Call the function."""
        return self.action(conn)


class BookCommand(Generic[A]):
    """A command that declares what it reads and then decides in plain Python on a draft.

    The writer calls, for all commands of a group together: ``probe``; ``locks``; ``reads_first``;
    ``reads_second``; then for one command after another ``apply``; at the end, where
    ``wants_numbers``, ``numbered``. A command may be run again from the start (database error,
    ``Defer``), so it must keep nothing from an earlier run.
    """

    wants_numbers: bool = False

    def probe(self) -> Iterable[Need]:
        """Rows to read without a lock, only to learn from columns that never change which rows to lock.

        They are forgotten after ``locks`` and must be declared again to be used in ``apply``.
        """
        return ()

    def locks(self, view: Workset) -> Iterable[Need]:
        """Rows to lock by single unique columns (the members concerned); these may be used in ``apply``."""
        return ()

    def reads_first(self, view: Workset) -> Iterable[Need]:
        """Rows to read once the locks are held."""
        return ()

    def reads_second(self, view: Workset) -> Iterable[Need]:
        """Rows to read whose keys the first reads named."""
        return ()

    def apply(self, draft: Draft) -> A:
        """Decide and write into the draft; pure but for the draft.

        Raises:
            DomainError: the command is refused and its draft forgotten.
            Defer: decide again after this group has committed.
        """
        raise NotImplementedError

    def refused(self, draft: Draft, error: DomainError) -> A:
        """Raise the refusal (the default), or store it in the fresh draft and return an answer."""
        raise error

    def numbered(self, draft: Draft, answer: A) -> A:
        """The final answer, once numbers are known; may add rows to the draft, but number nothing."""
        return answer


AnyCommand = PlainCommand[Any] | BookCommand[Any]
