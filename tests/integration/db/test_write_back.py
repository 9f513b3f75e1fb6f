"""SQLite's log is written back beside the writer: it stays short, and nothing that was committed is lost."""

from __future__ import annotations

import dataclasses
import errno
import os
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, event

from ledger_service.db.engine import Database, open_database
from ledger_service.db.write_back import BACKSTOP_PAGES, WriteBack, WriteBackLimits

ROOT = Path(__file__).resolve().parents[3]
PAGE = 4096 + 24
COPY = "PRAGMA wal_checkpoint(PASSIVE)"
KEEP = "CREATE TABLE IF NOT EXISTS kept (id INTEGER PRIMARY KEY, body BLOB)"
# Each line is one system call: two threads write them.
COPIED_BY_A_PROCESS = f"""
import os
import sys
from sqlalchemy import Engine, event
from ledger_service.db.engine import open_database

@event.listens_for(Engine, "before_cursor_execute")
def say(conn, cursor, statement, *_):
    if "wal_checkpoint" in statement:
        os.write(1, b"copying\\n")

database = open_database(sys.argv[1])
with database.begin() as conn:
    conn.exec_driver_sql("{KEEP}")
number = int(sys.argv[2])
while True:
    number += 1
    with database.begin() as conn:
        conn.exec_driver_sql("INSERT INTO kept VALUES (?, randomblob(100000))", (number,))
    os.write(1, b"%d\\n" % number)
"""


def file_of(database: Database) -> Path:
    return Path(str(database.url.database))


def log_bytes(database: Database) -> int:
    log = file_of(database)
    return log.with_name(log.name + "-wal").stat().st_size


def with_limits(database: Database, **limits: float) -> Database:
    """The same database, whose log is written back by other limits."""
    engine = create_engine(database.url, pool_size=2, max_overflow=0)

    @event.listens_for(engine, "connect")
    def _prepare(connection: sqlite3.Connection, _record: Any) -> None:
        connection.isolation_level = None
        connection.execute("PRAGMA busy_timeout = 20")

    write_back = WriteBack(file_of(database), engine, database.gate, WriteBackLimits(**limits))  # type: ignore[arg-type]
    return dataclasses.replace(database, write_back=write_back)


def keep(database: Database, pages: int) -> None:
    """One commit of about so many pages."""
    with database.begin() as conn:
        conn.exec_driver_sql(KEEP)
        conn.exec_driver_sql("INSERT INTO kept (body) VALUES (zeroblob(?))", (pages * 4096,))


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_the_log_is_begun_anew_under_steady_writes(sqlite_database: Database) -> None:
    write_back = sqlite_database.write_back
    assert write_back is not None
    longest = 0
    for _ in range(250):
        keep(sqlite_database, 80)
        longest = max(longest, log_bytes(sqlite_database))
    until(lambda: write_back.figures.begun_anew > 0)
    assert write_back.figures.copies > 1
    assert longest < (BACKSTOP_PAGES + 200) * PAGE

    def short_after_a_commit() -> bool:
        keep(sqlite_database, 1)
        return write_back.pages() < 8_000

    until(short_after_a_commit)


def test_few_commits_start_no_thread(sqlite_database: Database) -> None:
    keep(sqlite_database, 10)
    assert sqlite_database.write_back is not None
    assert not sqlite_database.write_back.alive()


def test_the_log_is_bounded_when_nobody_writes_it_back(sqlite_database: Database) -> None:
    alone = dataclasses.replace(sqlite_database, write_back=None)
    for _ in range(45):
        keep(alone, 1_000)
        assert log_bytes(alone) < (BACKSTOP_PAGES + 2_000) * PAGE


def test_a_log_that_readers_keep_is_begun_anew_when_they_go(sqlite_database: Database) -> None:
    database = with_limits(sqlite_database, copy_pages=20, anew_pages=50, pause_seconds=0.01)
    write_back = database.write_back
    assert write_back is not None
    keep(database, 1)
    with database.snapshot() as conn:
        assert conn.exec_driver_sql("SELECT COUNT(*) FROM kept").scalar_one() == 1
        for _ in range(20):
            begun = time.monotonic()
            keep(database, 30)
            assert time.monotonic() - begun < 5
        assert conn.exec_driver_sql("SELECT COUNT(*) FROM kept").scalar_one() == 1
        assert write_back.pages() > 600
        assert write_back.figures.begun_anew == 0

    def begun_anew() -> bool:
        keep(database, 30)
        return write_back.figures.begun_anew > 0

    until(begun_anew)
    write_back.close()


def test_no_writer_begins_the_log_anew_while_it_is_copied(sqlite_database: Database) -> None:
    """SQLite before 3.51.3 takes the new log's pages for copied, should that happen in an evil instant."""
    database = with_limits(sqlite_database, copy_pages=20, anew_pages=1_000_000)
    write_back = database.write_back
    assert write_back is not None
    seen: list[tuple[int, int]] = []

    def between(_conn: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if statement != COPY or seen or threading.current_thread().name != "write-back":
            return
        before = write_back.pages()
        with closing(sqlite3.connect(file_of(database))) as other:
            other.execute(COPY)
            other.execute("UPDATE kept SET body = x'00' WHERE id = 1")
            other.commit()
            seen.append((before, write_back.pages()))

    event.listen(write_back._engine, "before_cursor_execute", between)
    keep(database, 30)
    until(lambda: bool(seen))
    before, after = seen[0]
    assert after > before
    write_back.close()


def test_a_closed_one_ends_its_thread_and_starts_no_other(sqlite_database: Database) -> None:
    database = with_limits(sqlite_database, copy_pages=20)
    write_back = database.write_back
    assert write_back is not None
    keep(database, 30)
    until(lambda: write_back.figures.copies > 0)
    write_back.close()
    assert not write_back.alive()
    keep(database, 30)
    assert not write_back.alive()


def test_a_copy_that_fails_is_tried_again_with_the_next_commit(sqlite_database: Database) -> None:
    database = with_limits(sqlite_database, copy_pages=20, pause_seconds=0.01)
    write_back = database.write_back
    assert write_back is not None
    engine = write_back._engine

    def fail(*_: Any) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    event.listen(engine, "do_execute", fail)
    keep(database, 30)
    until(lambda: write_back.figures.failures > 0)
    event.remove(engine, "do_execute", fail)
    keep(database, 30)
    until(lambda: write_back.figures.copies > 0)
    write_back.close()


def test_a_thread_that_found_no_free_descriptor_goes_on_and_one_that_ended_is_followed(
    sqlite_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = with_limits(sqlite_database, copy_pages=20, pause_seconds=0.01)
    write_back = database.write_back
    assert write_back is not None
    unforeseen: list[Exception] = [OSError(errno.EMFILE, "too many open files"), RuntimeError("unforeseen")]

    def pages_once_refused() -> int:
        if unforeseen:
            raise unforeseen.pop(0)
        return WriteBack.pages(write_back)

    monkeypatch.setattr(write_back, "pages", pages_once_refused)
    monkeypatch.setattr(threading, "excepthook", lambda _: None)
    keep(database, 30)
    until(lambda: write_back.figures.failures == 1)
    assert write_back.alive()
    keep(database, 30)
    until(lambda: not write_back.alive())
    keep(database, 30)
    until(lambda: write_back.figures.copies > 0)
    write_back.close()


def test_postgresql_has_none(postgres_database: Database) -> None:
    assert postgres_database.write_back is None


def last_before_its_death(url: str, last: int, millis: int) -> int:
    """Go on after a number in another process, kill it so long after a copy began; what it said was kept."""
    command = [sys.executable, "-c", COPIED_BY_A_PROCESS, url, str(last)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said = list(iter(process.stdout.readline, "copying\n"))
        time.sleep(millis / 1000)
        process.kill()
        said += process.stdout
    return max([last, *(int(line) for line in said if line.strip().isdigit())])


def test_a_process_killed_while_it_copies_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "alliance.db"
    url, last = f"sqlite:///{path}", 0
    for millis in (0, 5, 20):
        last = last_before_its_death(url, last, millis)
        database = open_database(url)
        with database.read() as conn:
            assert conn.exec_driver_sql("PRAGMA integrity_check").scalar_one() == "ok"
            rows = conn.exec_driver_sql("SELECT COUNT(*), MAX(id) FROM kept").one()
        assert rows[0] == rows[1] >= last
        last = rows[1]
        database.close()
        assert not os.path.exists(f"{path}-wal")
