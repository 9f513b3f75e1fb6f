"""The SQLite file of the local chain: schema, durable write transactions, snapshot reads.

WAL with `synchronous=FULL`: a commit that returned is on disk. One process owns the file (an advisory lock
beside it); inside it one connection writes and a few others read, each read on its own snapshot, so a long
block never holds up a lookup.
"""

from __future__ import annotations

import fcntl
import os
import queue
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ledger_service.chain.node.errors import StoreError

SCHEMA_VERSION = 1
READERS = 6

_SCHEMA = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE node (path BLOB PRIMARY KEY, body BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE code (hash BLOB PRIMARY KEY, body BLOB NOT NULL);
CREATE TABLE block (
  number INTEGER PRIMARY KEY, hash BLOB NOT NULL UNIQUE, header BLOB NOT NULL, transactions INTEGER NOT NULL);
CREATE TABLE tx (
  block INTEGER NOT NULL, position INTEGER NOT NULL, hash BLOB NOT NULL UNIQUE, sender BLOB NOT NULL,
  raw BLOB NOT NULL, gas_used INTEGER NOT NULL, created BLOB, receipt BLOB NOT NULL,
  PRIMARY KEY (block, position));
CREATE TABLE log_term (
  term INTEGER NOT NULL, block INTEGER NOT NULL, PRIMARY KEY (term, block)) WITHOUT ROWID;
CREATE TABLE undo (block INTEGER PRIMARY KEY, body BLOB NOT NULL);
CREATE TABLE waiting (
  sender BLOB NOT NULL, nonce INTEGER NOT NULL, hash BLOB NOT NULL UNIQUE, raw BLOB NOT NULL,
  PRIMARY KEY (sender, nonce)) WITHOUT ROWID;
"""


class Store:
    """An open chain file.

    Args:
        path: the file; created with its directory when missing.

    Raises:
        StoreError: another process has it open, or it is not a chain file of this version.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = self._claim()
        self.writer = self._connect(cache_kib=24_000)
        self._prepare()
        self._readers: queue.LifoQueue[sqlite3.Connection] = queue.LifoQueue()
        for _ in range(READERS):
            connection = self._connect(cache_kib=1_500)
            connection.execute("PRAGMA query_only = ON")
            self._readers.put(connection)

    def _claim(self) -> int:
        handle = os.open(f"{self.path}.lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(handle)
            raise StoreError(f"{self.path} is in use by another process") from error
        return handle

    def _connect(self, cache_kib: int) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.path, isolation_level=None, check_same_thread=False, cached_statements=64, timeout=30.0
        )
        connection.execute("PRAGMA page_size = 8192")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA journal_size_limit = 67108864")
        connection.execute(f"PRAGMA cache_size = -{cache_kib}")
        return connection

    def _prepare(self) -> None:
        version = self.writer.execute("PRAGMA user_version").fetchone()[0]
        if version == SCHEMA_VERSION:
            return
        if version or self.writer.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            raise StoreError(f"{self.path} is not a chain store of version {SCHEMA_VERSION}")
        with self.writing() as connection:
            for statement in _SCHEMA.split(";\n"):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """One durable transaction on the writing connection; the caller holds the chain's lock."""
        self.writer.execute("BEGIN IMMEDIATE")
        try:
            yield self.writer
            self.writer.execute("COMMIT")
        finally:
            if self.writer.in_transaction:
                self.writer.execute("ROLLBACK")

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A reading connection on one snapshot of the committed chain; waits when all are in use."""
        connection = self._readers.get()
        try:
            connection.execute("BEGIN")
            yield connection
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            self._readers.put(connection)

    def close(self) -> None:
        """Closes every connection and releases the file."""
        for _ in range(READERS):
            self._readers.get().close()
        self.writer.close()
        os.close(self._lock)


def get_meta(connection: sqlite3.Connection, name: str) -> bytes | None:
    """The stored value of a name, or None."""
    row = connection.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
    return None if row is None else bytes(row[0])


def set_meta(connection: sqlite3.Connection, name: str, value: bytes | None) -> None:
    """Stores a value under a name; None removes it."""
    if value is None:
        connection.execute("DELETE FROM meta WHERE name = ?", (name,))
    else:
        connection.execute("INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)", (name, value))
