"""The writer: groups commit together, a refused or broken command harms nobody, the queue is bounded."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from sqlalchemy import Connection, event, select, text
from sqlalchemy.exc import OperationalError

from ledger_service.db.commands import BookCommand, Plain
from ledger_service.db.engine import Database
from ledger_service.db.errors import Defer, NotLoaded, StorageUnavailable, WriterBusy
from ledger_service.db.heads import take_numbers
from ledger_service.db.workset import Draft, Need, Workset, load_by
from ledger_service.db.writer import Writer, WriterLimits
from ledger_service.kernel.errors import MalformedField
from ledger_service.ledger.models import account

BY_ID = load_by(account, "account_id")


class Clock:
    def now(self) -> datetime:
        return datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def writer(database: Database) -> Iterator[Writer]:
    writer = Writer(database, Clock())
    yield writer
    writer.close()


@dataclass
class Open(BookCommand[int]):
    """Open an account unless it is there; a test's stand-in for any command."""

    account_id: int
    then: Callable[[Draft], None] = lambda draft: None

    def reads_first(self, view: Workset) -> Iterable[Need]:
        return [BY_ID.of(self.account_id)]

    def apply(self, draft: Draft) -> int:
        if draft.one(BY_ID, self.account_id) is None:
            draft.add(account, {"account_id": self.account_id, "kind": "test"})
            self.then(draft)
            return 1
        return 0


def together(writer: Writer, commands: Sequence[BookCommand[int] | Plain[int]]) -> list[int | BaseException]:
    """Submit commands so that they wait together behind one that holds the writer up."""
    busy, go = threading.Event(), threading.Event()

    def hold_up(conn: Connection) -> None:
        busy.set()
        assert go.wait(10)

    outcomes: list[int | BaseException] = [RuntimeError("none")] * len(commands)

    def submit(index: int) -> None:
        try:
            outcomes[index] = writer.submit(commands[index])
        except Exception as error:
            outcomes[index] = error

    first = threading.Thread(target=writer.run, args=(hold_up,))
    first.start()
    assert busy.wait(10)
    threads = []
    for index in range(len(commands)):
        threads.append(threading.Thread(target=submit, args=(index,)))
        threads[-1].start()
        while writer.waiting() < index + 1:
            pass
    go.set()
    for thread in [first, *threads]:
        thread.join(20)
    return outcomes


def accounts(database: Database) -> list[int]:
    with database.read() as conn:
        return list(conn.execute(text("SELECT account_id FROM account ORDER BY account_id")).scalars())


def fail(error: Exception) -> Callable[[Draft], None]:
    def then(draft: Draft) -> None:
        raise error

    return then


def test_commands_that_wait_together_are_one_group_and_see_each_other(
    database: Database, writer: Writer
) -> None:
    outcomes = together(writer, [Open(1), Open(2), Open(1), Open(2), Open(3)])
    assert outcomes == [1, 1, 0, 0, 1]
    assert accounts(database) == [1, 2, 3]
    assert writer.figures.largest_group == 5
    assert writer.figures.undone == 0


def test_a_refused_command_leaves_nothing_and_its_neighbours_stay(database: Database, writer: Writer) -> None:
    refusal = MalformedField("a", "b")
    outcomes = together(writer, [Open(1), Open(2, fail(refusal)), Open(3)])
    assert outcomes == [1, refusal, 1]
    assert accounts(database) == [1, 3]


def test_a_bug_in_one_command_reaches_its_caller_alone(database: Database, writer: Writer) -> None:
    bug = ZeroDivisionError()
    outcomes = together(writer, [Open(1), Open(2, fail(bug)), Open(3)])
    assert outcomes == [1, bug, 1]
    assert writer.submit(Open(4)) == 1
    assert accounts(database) == [1, 3, 4]


def test_a_row_that_the_database_refuses_undoes_only_its_own_command(
    database: Database, writer: Writer
) -> None:
    def spoil(draft: Draft) -> None:
        draft.add(account, {"account_id": 9, "kind": None})  # NOT NULL

    def misfit(draft: Draft) -> None:
        draft.add(account, {"account_id": 10, "kind": 5, "nonsense": 1})

    def wrong_type(draft: Draft) -> None:
        draft.add(account, {"account_id": 11, "kind": object()})

    outcomes = together(writer, [Open(1), Open(2, spoil), Open(3), Open(4, misfit), Open(5, wrong_type)])
    assert [o if isinstance(o, int) else type(o).__name__ for o in outcomes][:4] == [
        1,
        "IntegrityError",
        1,
        "KeyError",
    ]
    assert isinstance(outcomes[4], Exception)
    assert accounts(database) == [1, 3]
    assert writer.figures.undone == 1


def test_a_command_that_defers_is_decided_after_the_group_has_committed(
    database: Database, writer: Writer
) -> None:
    seen: list[bool] = []

    @dataclass
    class Later(Open):
        def apply(self, draft: Draft) -> int:
            seen.append(draft.one(BY_ID, self.account_id) is not None)
            if not seen[-1] or len(seen) == 1:
                raise Defer
            return 7

    assert together(writer, [Later(1), Open(1)]) == [7, 1]
    assert seen == [False, True]


def test_a_command_that_asks_for_what_it_never_declared_hears_so(writer: Writer) -> None:
    @dataclass
    class Careless(Open):
        def apply(self, draft: Draft) -> int:
            return draft.get(account, 99) is None

    outcomes = together(writer, [Careless(1), Open(2), Careless(3)])
    assert [type(o) for o in outcomes] == [NotLoaded, int, NotLoaded]


def test_a_full_queue_refuses_at_once_with_a_time_to_wait(database: Database) -> None:
    writer = Writer(database, Clock(), WriterLimits(most_waiting=2, retry_after_seconds=3))
    busy, go = threading.Event(), threading.Event()

    def hold_up(conn: Connection) -> None:
        busy.set()
        go.wait(10)

    threads = [threading.Thread(target=writer.run, args=(hold_up,))]
    threads[0].start()
    assert busy.wait(10)
    for i in (1, 2):
        threads.append(threading.Thread(target=writer.submit, args=(Open(i),)))
        threads[-1].start()
        while writer.waiting() < i:
            pass
    with pytest.raises(WriterBusy) as refusal:
        writer.submit(Open(3))
    assert refusal.value.retry_after_seconds == 3
    go.set()
    for thread in threads:
        thread.join(10)
    writer.close()
    assert accounts(database) == [1, 2]


def test_closing_answers_what_waits_and_refuses_what_comes_later(database: Database, writer: Writer) -> None:
    assert together(writer, [Open(1), Open(2)]) == [1, 1]
    writer.close()
    with pytest.raises(WriterBusy):
        writer.submit(Open(3))
    assert accounts(database) == [1, 2]


def test_a_plain_command_is_undone_alone_and_by_itself_without_savepoints(
    database: Database, writer: Writer
) -> None:
    savepoints: list[str] = []
    event.listen(database.posting, "savepoint", lambda _, name: savepoints.append(name))

    def insert(number: int, then: Exception | None) -> Callable[[Connection], int]:
        def action(conn: Connection) -> int:
            conn.execute(account.insert(), [{"account_id": number, "kind": "test"}])
            if then is not None:
                raise then
            return number

        return action

    assert writer.run(insert(1, None)) == 1
    with pytest.raises(MalformedField):
        writer.run(insert(2, MalformedField("a", "b")))
    assert writer.run(insert(3, None)) == 3
    assert (accounts(database), savepoints) == ([1, 3], [])


def test_a_lost_database_is_answered_as_unavailable_and_found_again(postgres_database: Database) -> None:
    writer = Writer(postgres_database, Clock())
    assert writer.submit(Open(1)) == 1
    with postgres_database.begin() as conn:  # as a restart of the server would: every session ends
        conn.exec_driver_sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                             " WHERE datname = current_database() AND pid <> pg_backend_pid()")  # fmt: skip
    assert writer.submit(Open(2)) == 1
    writer.close()
    assert accounts(postgres_database) == [1, 2]


def test_an_unreachable_database_does_not_hang_the_queue(tmp_path: object) -> None:
    from ledger_service.db.engine import open_database

    database = open_database("postgresql://nobody@127.0.0.1:1/none")
    writer = Writer(database, Clock())
    with pytest.raises(StorageUnavailable):
        writer.submit(Open(1))
    writer.close()
    database.close()


def test_a_plain_command_that_the_database_broke_off_is_tried_again(
    database: Database, writer: Writer
) -> None:
    faults = [OperationalError("UPDATE", {}, Exception("deadlock detected"))] * 6

    def broken_off(conn: Connection) -> None:
        conn.execute(account.insert(), [{"account_id": 1, "kind": "test"}])
        if faults:
            raise faults.pop()

    with pytest.raises(StorageUnavailable):
        writer.run(broken_off)
    assert accounts(database) == []
    writer.run(broken_off)
    assert accounts(database) == [1]


@pytest.mark.postgres
def test_plain_commands_never_lock_on_behind_the_head_row(postgres_database: Database) -> None:
    database = postgres_database
    with database.begin() as conn:
        conn.execute(account.insert(), [{"account_id": 1, "kind": "test"}])
    numbered, waiting = threading.Event(), threading.Event()

    def number(conn: Connection) -> int:
        assert waiting.wait(10)
        take_numbers(conn, 1, 0)
        numbered.set()
        return 1

    def lock(conn: Connection) -> int:
        conn.execute(select(account).where(account.c.account_id == 1).with_for_update()).all()
        return 2

    def another_process() -> None:
        with database.begin() as conn:
            lock(conn)
            waiting.set()
            assert numbered.wait(10)
            take_numbers(conn, 1, 0)

    writer = Writer(database, Clock())
    other = threading.Thread(target=another_process)
    other.start()
    assert together(writer, [Plain(number), Plain(lock)]) == [1, 2]
    other.join(10)
    writer.close()
    assert writer.figures.undone == 0
