"""Retries for front doors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ledger_service.db.commands import BookCommand
from ledger_service.db.writer import Writer
from ledger_service.points.retries.command import (
    AskRetry,
    AskRetryCommand,
    DecideRetryCommand,
    RetryDecision,
)

Keyed = Callable[[BookCommand[Any]], BookCommand[Any]]


def _as_it_is(command: BookCommand[Any]) -> BookCommand[Any]:
    return command


class RetryDesk:
    """Puts refused operations to the chain again; safe for any number of threads."""

    def __init__(self, writer: Writer) -> None:
        """Take the writer."""
        self._writer = writer

    def ask(self, asked: AskRetry, keyed: Keyed = _as_it_is) -> Any:
        """The retry waits for a second person; returns its id (16 bytes), or what ``keyed`` makes of it.

        Raises:
            NotSetAside, RetryHopeless, RetryAsked.
        """
        return self._writer.submit(keyed(AskRetryCommand(asked)))

    def decide(self, decision: RetryDecision, keyed: Keyed = _as_it_is) -> Any:
        """The operation is queued again, or stays set aside; returns the retry's state, or as ``keyed``.

        Raises:
            RetryUnknown, RetryDecided, SecondPersonNeeded, NotSetAside, RetryHopeless.
        """
        return self._writer.submit(keyed(DecideRetryCommand(decision)))
