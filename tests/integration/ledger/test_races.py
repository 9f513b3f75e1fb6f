"""Races with real connections: for the last point, for one op_id, for the closing of a hold."""

from __future__ import annotations

import os
import random
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError

from ledger_service.db.commands import BookCommand
from ledger_service.db.engine import Database
from ledger_service.db.writer import Writer
from ledger_service.kernel.errors import DomainError
from ledger_service.ledger.errors import InsufficientPoints
from ledger_service.ledger.queries import balance
from ledger_service.ledger.reconcile import differences
from tests.integration.ledger.bank import (
    START,
    Hold,
    OnHold,
    StandingClock,
    issue,
    op,
    open_members,
    redeem,
    transfer,
)

ROUNDS = 400 if os.environ.get("ALLIANCE_TEST_DEEP") == "1" else 25


@pytest.fixture
def writers(database: Database) -> Iterator[list[Writer]]:
    """Three writers with connections of their own, as three worker processes have."""
    open_members(database, range(1, 21))
    several = [Writer(database, StandingClock()) for _ in range(3)]
    yield several
    for writer in several:
        writer.close()


def race(acts: list[tuple[Writer, BookCommand[Any]]]) -> list[Any]:
    """Submit all at the same moment; answers or errors in their order."""
    start, outcomes = threading.Barrier(len(acts)), [None] * len(acts)

    def run(index: int, act: Callable[[], Any]) -> None:
        start.wait()
        try:
            outcomes[index] = act()
        except (DomainError, IntegrityError) as error:
            outcomes[index] = error

    threads = [
        threading.Thread(target=run, args=(i, lambda w=writer, c=command: w.submit(c)))
        for i, (writer, command) in enumerate(acts)
    ]  # fmt: skip
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return outcomes


def sound(database: Database) -> None:
    with database.snapshot() as conn:
        assert list(differences(conn)) == []


def test_of_many_who_want_the_last_point_exactly_one_gets_it(
    database: Database, writers: list[Writer]
) -> None:
    for number in range(ROUNDS):
        writers[0].submit(issue(op("i", number), 1, 1))
        acts = [(writers[k % 3], redeem(op("r", number, k), 1, 1)) for k in range(6)]
        outcomes = race(acts)
        assert outcomes.count(1) == 1
        assert sum(isinstance(o, InsufficientPoints) for o in outcomes) == 5
    sound(database)


def test_gifts_round_in_a_circle_in_both_directions_do_not_deadlock(
    database: Database, writers: list[Writer]
) -> None:
    for member in (1, 2, 3):
        writers[0].submit(issue(op("i", member), member, 1000))
    for number in range(ROUNDS):
        pairs = [(1, 2), (2, 1), (2, 3), (3, 2), (3, 1), (1, 3)]
        acts = [(writers[k % 3], transfer(op("g", number, k), a, b, 1)) for k, (a, b) in enumerate(pairs)]
        assert race(acts) == [1] * 6
    with database.read() as conn:
        assert [balance(conn, m)[0].available for m in (1, 2, 3)] == [1000] * 3
    assert sum(writer.figures.undone for writer in writers) == 0
    sound(database)


def test_capture_void_and_deadline_of_one_hold_have_one_winner(
    database: Database, writers: list[Writer]
) -> None:
    writers[0].submit(issue(op("i"), 1, 10_000))
    randomness = random.Random(7)
    for number in range(ROUNDS):
        hold_id = op("hold", number)
        writers[0].submit(Hold(hold_id, 1, 5))
        late = START.replace(hour=23)
        acts: list[BookCommand[Any]] = [
            OnHold(hold_id, "capture", (5,)), OnHold(hold_id, "void"), OnHold(hold_id, "expire", at=late),
            OnHold(hold_id, "capture", (2,), final=True),
        ]  # fmt: skip
        randomness.shuffle(acts)
        outcomes = race([(writers[k % 3], act) for k, act in enumerate(acts)])
        assert outcomes.count(True) == 1, outcomes
    sound(database)


def test_one_hold_id_opened_by_three_workers_at_once_is_opened_once(
    database: Database, writers: list[Writer]
) -> None:
    writers[0].submit(issue(op("i"), 1, 10_000))
    for number in range(ROUNDS):
        hold_id = op("hold", number)
        assert race([(writer, Hold(hold_id, 1, 1)) for writer in writers * 2]) == [hold_id] * 6
    with database.read() as conn:
        assert balance(conn, 1)[0][2:] == (10_000 - ROUNDS, ROUNDS, 0)
    sound(database)
