"""Reads that get no connection are refused as unavailable, for the caller to come back, not as a bug."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from ledger_service.bootstrap.clocks import NOTE_SECONDS, ReplayClock, note_instant
from ledger_service.db.engine import Database, open_database
from ledger_service.db.errors import StorageUnavailable

WAYS: dict[str, Callable[[Database], object]] = {"read": Database.read, "snapshot": Database.snapshot}


@pytest.mark.parametrize("way", WAYS)
def test_a_pool_without_a_free_connection_is_unavailable(way: str, tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path / 'alliance.db'}", pool_size=1)
    database.reading.pool._timeout = 0.05
    with database.read():
        with pytest.raises(StorageUnavailable) as refused, WAYS[way](database):
            pass
        assert refused.value.retry_after_seconds >= 1
    with WAYS[way](database) as conn:
        assert conn.execute(text("SELECT 1")).scalar() == 1
    database.close()


@pytest.mark.parametrize("way", WAYS)
def test_a_server_that_is_not_there_is_unavailable(way: str) -> None:
    database = open_database("postgresql://alliance@127.0.0.1:1/alliance")
    with pytest.raises(StorageUnavailable), WAYS[way](database):
        pass
    database.close()


@pytest.mark.postgres
def test_a_connection_that_the_server_ended_is_unavailable_once(postgres_database: Database) -> None:
    with postgres_database.read() as conn:
        ours = conn.execute(text("SELECT pg_backend_pid()")).scalar()
    with postgres_database.begin() as conn:
        conn.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": ours})
    with pytest.raises(StorageUnavailable), postgres_database.read() as conn:
        conn.execute(text("SELECT 1"))
    with postgres_database.read() as conn:
        assert conn.execute(text("SELECT 1")).scalar() == 1


def test_the_replay_clock_goes_on_after_reads_out_of_reach(sqlite_database: Database) -> None:
    clock, noted = ReplayClock(sqlite_database), datetime(2017, 3, 1, tzinfo=UTC)
    clock.observe(noted)
    clock.start()
    sqlite_database.reading.pool._timeout = 0.01
    held = [sqlite_database.reading.connect() for _ in range(sqlite_database.reading.pool.size())]
    time.sleep(3 * NOTE_SECONDS)  # it reads what others noted, and is refused
    for conn in held:
        conn.close()
    with sqlite_database.begin() as conn:
        note_instant(conn, noted + timedelta(days=5))
    deadline = time.monotonic() + 20
    while clock.now() < noted + timedelta(days=5):
        assert time.monotonic() < deadline, "the clock no longer looks"
        time.sleep(0.02)
    clock.close()


def test_a_statement_that_is_wrong_is_no_outage(sqlite_database: Database) -> None:
    with pytest.raises(Exception, match="no_such_table"), sqlite_database.read() as conn:
        conn.execute(text("SELECT * FROM no_such_table"))
