"""Whole copies of a running database, taken in one consistent moment while others write, and put back.

SQLite is copied by its online backup in one step: one snapshot, and writers do not wait. PostgreSQL is
dumped and restored by its own programs, which must be on the PATH.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from sqlalchemy import URL, Connection, create_engine, inspect

from ledger_service.db.engine import open_database

Look = Callable[[Connection], None]
_SIDE_FILES = ("", "-wal", "-shm", "-journal")


class CopyRefused(Exception):
    """The copy cannot be made or put back; the message says why."""


def copy_sqlite(source: Path, target: Path) -> None:
    """``target`` holds what ``source`` held at one moment, in one file without a write-ahead log, on disk.

    Raises:
        CopyRefused: the source is missing or is no SQLite file.
    """
    descriptor = os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    os.close(descriptor)
    try:
        with (
            closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=rw", uri=True)) as taken,
            closing(sqlite3.connect(target)) as made,
        ):
            # In one step: in several, each write of another process would begin the copy anew.
            taken.backup(made, pages=-1)
            made.execute("PRAGMA journal_mode = DELETE")
    except sqlite3.Error as failure:
        raise CopyRefused(f"{source}: {failure}") from None
    sync(target)


@contextmanager
def looking_into(path: Path) -> Iterator[Connection]:
    """A connection for reads of a copied SQLite file, which leaves every byte of it as it is."""
    engine = create_engine(f"sqlite:///file:{path.absolute()}?mode=ro&immutable=1&uri=true")
    try:
        with engine.connect() as conn:
            yield conn
    finally:
        engine.dispose()


def put_sqlite(source: Path, target: Path) -> None:
    """``target`` is a copy of ``source``; it appears whole or not at all.

    Raises:
        CopyRefused: something stands there already; nothing is overwritten.
    """
    refuse_present(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    coming = target.with_name(target.name + ".coming")
    shutil.copyfile(source, coming)
    coming.chmod(0o600)
    sync(coming)
    coming.rename(target)
    sync(target.parent)


def refuse_present(target: Path) -> None:
    """Nothing stands where a file would go, not even a write-ahead log that an old one left.

    Raises:
        CopyRefused: something does.
    """
    for name in _SIDE_FILES:
        if (there := target.with_name(target.name + name)).exists():
            raise CopyRefused(f"{there} is there; nothing is overwritten: move it away first")


def dump_postgres(url: URL, target: Path, look: Look) -> None:
    """``target`` holds a dump of one snapshot; ``look`` sees that very snapshot.

    Raises:
        CopyRefused: ``pg_dump`` is not on the PATH, or it refused.
    """
    program = _program("pg_dump")
    database = open_database(url)
    try:
        with database.snapshot() as conn:
            # The snapshot must live until pg_dump has taken it over, however long that may take.
            conn.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = 0")
            snapshot = conn.exec_driver_sql("SELECT pg_export_snapshot()").scalar_one()
            look(conn)
            _run(url, program, "--format=custom", f"--snapshot={snapshot}", f"--file={target}")
    finally:
        database.close()
    target.chmod(0o600)
    sync(target)


def restore_postgres(source: Path, url: URL) -> None:
    """The empty database holds what the dump holds, all or nothing.

    Raises:
        CopyRefused: ``pg_restore`` is not on the PATH, the database is not empty, or it refused.
    """
    program = _program("pg_restore")
    refuse_tables(url)
    _run(url, program, "--exit-on-error", "--single-transaction", "--no-owner", str(source))


def refuse_tables(url: URL) -> None:
    """The PostgreSQL database has no table yet.

    Raises:
        CopyRefused: it has.
    """
    database = open_database(url)
    try:
        with database.read() as conn:
            names = inspect(conn).get_table_names()
    finally:
        database.close()
    if names:
        raise CopyRefused(f"the database {url.database} is not empty; nothing is overwritten: make a new one")


def sync(path: Path) -> None:
    """The file's bytes, or a folder's names, are on disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise CopyRefused(f"{name} is not on the PATH: install PostgreSQL's client programs")
    return found


def _run(url: URL, program: str, *arguments: str) -> None:
    target = URL.create("postgresql", url.username, None, url.host, url.port, url.database, dict(url.query))
    with tempfile.TemporaryDirectory() as folder:
        if url.password:
            # In a file that only we can read: everybody can read a command line.
            words = Path(folder) / "passwords"
            escaped = str(url.password).replace("\\", "\\\\").replace(":", "\\:")
            words.write_text(f"*:*:*:*:{escaped}\n")
            words.chmod(0o600)
            target = target.update_query_dict({"passfile": str(words)})
        command = [program, "--no-password", f"--dbname={target.render_as_string()}", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise CopyRefused(f"{Path(program).name}: {done.stderr.strip()[-1000:]}")
