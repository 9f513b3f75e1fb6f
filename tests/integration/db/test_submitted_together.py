"""Commands that are submitted together share groups, and each stands or falls for itself."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import Any

from ledger_service.db.commands import BookCommand
from ledger_service.db.engine import Database
from ledger_service.db.errors import WriterBusy
from ledger_service.db.workset import Draft
from ledger_service.db.writer import WriterLimits, open_writer
from ledger_service.kernel.errors import MalformedField


class Now:
    def now(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC)


class Answering(BookCommand[int]):
    def __init__(self, number: int, gate: threading.Event | None = None) -> None:
        self.number, self.gate = number, gate

    def apply(self, draft: Draft) -> int:
        if self.gate is not None:
            assert self.gate.wait(10)
        if self.number < 0:
            raise MalformedField("number", "must not be negative")
        return self.number


def test_each_has_its_own_outcome_in_the_order_of_the_commands(sqlite_database: Database) -> None:
    with open_writer(sqlite_database, Now()) as writer:
        outcomes = writer.submit_all([Answering(n) for n in (1, -1, 2)])
    assert (outcomes[0], outcomes[2]) == (1, 2)
    assert isinstance(outcomes[1], MalformedField)


def test_they_share_commits(sqlite_database: Database) -> None:
    with open_writer(sqlite_database, Now()) as writer:
        assert writer.submit_all([Answering(n) for n in range(64)]) == list(range(64))
        assert writer.figures.groups < 32


def test_what_finds_the_queue_full_is_told_so_and_the_rest_is_done(sqlite_database: Database) -> None:
    gate = threading.Event()
    outcomes: list[Any] = []
    with open_writer(sqlite_database, Now(), WriterLimits(most_waiting=4)) as writer:
        first = threading.Thread(target=lambda: writer.submit(Answering(0, gate)))
        first.start()
        while writer.waiting() or not writer.figures.groups:
            threading.Event().wait(0.01)
        eight = [Answering(n) for n in range(8)]
        then = threading.Thread(target=lambda: outcomes.extend(writer.submit_all(eight)))
        then.start()
        while writer.waiting() < 4:
            threading.Event().wait(0.01)
        gate.set()
        first.join()
        then.join()
    assert outcomes[:4] == [0, 1, 2, 3]
    assert all(isinstance(one, WriterBusy) for one in outcomes[4:])
