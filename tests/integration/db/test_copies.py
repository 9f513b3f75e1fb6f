"""Copies of running databases: one moment, whole or not at all, and nothing is ever overwritten."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, func, insert, make_url, select

from ledger_service.db import copies
from ledger_service.db.copies import CopyRefused
from ledger_service.db.engine import Database, open_database
from ledger_service.kernel.clock import instant_of_seconds
from ledger_service.ledger.models import entry
from tests.conftest import Cluster


def row(sequence: int) -> dict[str, Any]:
    at = instant_of_seconds(sequence)
    given = {"sequence": sequence, "kind": "issue", "occurred_at": at, "recorded_at": at, "body": "{}"}
    return {**given, "op_id": bytes(16), "hash": bytes(32)}


def write(database: Database, *sequences: int) -> None:
    with database.begin() as conn:
        conn.execute(insert(entry), [row(n) for n in sequences])


def count(conn: Connection) -> int:
    return int(conn.execute(select(func.count()).select_from(entry)).scalar_one())


def test_a_copy_holds_what_was_committed_and_not_what_is_open(
    sqlite_database: Database, tmp_path: Path
) -> None:
    write(sqlite_database, 1, 2)
    with sqlite_database.begin() as conn:
        conn.execute(insert(entry), [row(3)])
        copies.copy_sqlite(Path(str(sqlite_database.url.database)), tmp_path / "copy.db")
    before = (tmp_path / "copy.db").read_bytes()
    with copies.looking_into(tmp_path / "copy.db") as conn:
        assert count(conn) == 2
    assert (tmp_path / "copy.db").read_bytes() == before
    assert [path.name for path in tmp_path.glob("copy.db*")] == ["copy.db"]


def test_a_missing_or_foreign_source_is_refused(tmp_path: Path) -> None:
    (tmp_path / "foreign").write_text("no database at all, only some words of text" * 100)
    for name in ("missing", "foreign"):
        with pytest.raises(CopyRefused, match=name):
            copies.copy_sqlite(tmp_path / name, tmp_path / f"{name}.copy")


@pytest.mark.parametrize("left", ["", "-wal", "-shm", "-journal"])
def test_nothing_is_put_over_a_file_or_beside_a_stale_log(tmp_path: Path, left: str) -> None:
    (tmp_path / "copy").write_bytes(b"copy")
    (tmp_path / f"target.db{left}").write_bytes(b"old")
    with pytest.raises(CopyRefused, match="nothing is overwritten"):
        copies.put_sqlite(tmp_path / "copy", tmp_path / "target.db")
    assert (tmp_path / f"target.db{left}").read_bytes() == b"old"


@pytest.mark.postgres
def test_a_dump_is_of_the_snapshot_that_was_looked_at_and_goes_into_empty_databases_only(
    postgres_database: Database, cluster: Cluster, tmp_path: Path
) -> None:
    write(postgres_database, 1, 2)
    seen = []

    def look(conn: Connection) -> None:
        seen.append(count(conn))
        write(postgres_database, 3)

    copies.dump_postgres(postgres_database.url, tmp_path / "dump", look)
    assert seen == [2]
    with pytest.raises(CopyRefused, match="not empty"):
        copies.restore_postgres(tmp_path / "dump", postgres_database.url)
    cluster.admin("CREATE DATABASE restored")
    try:
        copies.restore_postgres(tmp_path / "dump", postgres_database.url.set(database="restored"))
        restored = open_database(cluster.url("restored"))
        with restored.read() as conn:
            assert count(conn) == 2
        restored.close()
    finally:
        cluster.admin("DROP DATABASE restored WITH (FORCE)")


@pytest.mark.postgres
def test_missing_programs_of_postgresql_are_named(
    postgres_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CopyRefused, match="pg_dump is not on the PATH"):
        copies.dump_postgres(postgres_database.url, tmp_path / "dump", lambda conn: None)
    with pytest.raises(CopyRefused, match="pg_restore is not on the PATH"):
        copies.restore_postgres(tmp_path / "dump", postgres_database.url)


_TELLS = """#!/bin/sh
echo "$@" >&2
for word; do
case "$word" in *passfile=*) cat "$(echo "${word##*passfile=}" | sed 's,%2F,/,g')" >&2;; esac
done
exit 1
"""


@pytest.mark.postgres
def test_a_password_goes_by_a_file_and_never_by_the_command_line(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "pg_restore"
    program.write_text(_TELLS)
    program.chmod(0o700)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    url = make_url(cluster.url("postgres")).set(password="se:c\\ret")
    with pytest.raises(CopyRefused) as refused:
        copies.restore_postgres(tmp_path / "dump", url)
    told, words = str(refused.value).splitlines()
    assert "--no-password --dbname=postgresql://alliance@127.0.0.1" in told
    assert "ret" not in told.replace("pg_restore", "")
    assert words == "*:*:*:*:se\\:c\\\\ret"
