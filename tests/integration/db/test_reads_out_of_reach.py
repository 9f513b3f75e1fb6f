"""Reads that get no connection are refused as unavailable, for the caller to come back, not as a bug."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import text

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


def test_a_statement_that_is_wrong_is_no_outage(sqlite_database: Database) -> None:
    with pytest.raises(Exception, match="no_such_table"), sqlite_database.read() as conn:
        conn.execute(text("SELECT * FROM no_such_table"))
