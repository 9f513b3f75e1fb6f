"""Retries from the command line: the list, a request under one operator's key, a decision under another's."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ledger_service.bootstrap.adopting import opened_alone, operator_of
from ledger_service.config import Settings
from ledger_service.db.engine import Database
from ledger_service.kernel.clock import Clock
from ledger_service.kernel.text import clean_text
from ledger_service.merchants.keyring import KeyRing
from ledger_service.outbox.queries import SetAside, set_aside
from ledger_service.points.retries.command import AskRetry, RetryDecision
from ledger_service.points.retries.queries import Hope, hopes
from ledger_service.points.retries.service import RetryDesk


class Retrying:
    """The retries of an installation, beside its running service or without one."""

    def __init__(self, database: Database, desk: RetryDesk, clock: Clock) -> None:
        """Take the parts."""
        self._database, self._desk, self._clock = database, desk, clock

    def listed(self) -> list[tuple[SetAside, Hope]]:
        """Everything that is set aside, in the order of acceptance, with what a retry of it depends on."""
        with self._database.snapshot() as conn:
            found = set_aside(conn)
            known = hopes(conn, [one.op_id for one in found], self._clock.now())
        return [(one, known[one.op_id]) for one in found]

    def ask(self, key: Path, op_id: bytes, note: str) -> bytes:
        """The retry waits for another operator; returns its id.

        Raises:
            NoOperator, NotSetAside, RetryHopeless, RetryAsked, MalformedField.
        """
        at = self._clock.now()
        mark = f"cli {op_id.hex()} {at.isoformat()}"
        asked = AskRetry(op_id, clean_text(note, "note", 500), self._who(key), mark, at)
        retry: bytes = self._desk.ask(asked)
        return retry

    def decide(self, key: Path, op_id: bytes, retry_id: bytes, *, approve: bool) -> str:
        """The operation is queued again, or stays set aside; returns the retry's state.

        Raises:
            NoOperator, RetryUnknown, RetryDecided, SecondPersonNeeded, NotSetAside, RetryHopeless.
        """
        decision = RetryDecision(op_id, retry_id, self._who(key), approve, self._clock.now())
        state: str = self._desk.decide(decision)
        return state

    def _who(self, key: Path) -> str:
        return operator_of(KeyRing(self._database.read, self._clock, time.monotonic_ns), key)


@contextmanager
def opened_retrying(settings: Settings) -> Iterator[Retrying]:
    """The retries of an installation, closed afterwards."""
    with opened_alone(settings) as (foundations, writer, clock):
        yield Retrying(foundations.database, RetryDesk(writer), clock)
