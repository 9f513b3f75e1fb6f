"""Engines for SQLite and PostgreSQL with the durability and time limits that the ledger needs.

A ``Database`` has an engine for writing and one for reading. Nothing is opened at import.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url

from ledger_service.db.gate import Gate, OpenGate

LOCK_TIMEOUT_MS = 5_000
STATEMENT_TIMEOUT_MS = 20_000
IDLE_TIMEOUT_MS = 60_000
_SQLITE_PRAGMAS = (
    "PRAGMA foreign_keys = ON",
    "PRAGMA synchronous = FULL",
    f"PRAGMA busy_timeout = {STATEMENT_TIMEOUT_MS}",
    "PRAGMA temp_store = MEMORY",
)


@dataclass
class StatementCounter:
    """How many statements an engine has sent; an ``executemany`` is one."""

    count: int = 0

    def attach(self, engine: Engine) -> None:
        """Count every statement of the engine from now on."""
        event.listen(engine, "before_cursor_execute", self._seen)

    def _seen(self, *_: Any) -> None:
        self.count += 1


@dataclass(frozen=True)
class Database:
    """One database: where to write, where to read, and the gate before a write."""

    url: URL
    writing: Engine
    reading: Engine
    gate: Gate
    statements: StatementCounter = field(default_factory=StatementCounter)

    @property
    def is_sqlite(self) -> bool:
        """Whether the file-based dialect runs below."""
        return self.writing.dialect.name == "sqlite"

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """A db transaction that may write: committed at the end of the block, rolled back on an error.

        Locks: the gate first, then (SQLite) the database's write lock at once.
        """
        with self.gate.held(), self.writing.begin() as conn:
            yield conn

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection for single reads: each statement sees what was committed before it began."""
        with self.reading.connect() as conn:
            yield conn

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """A connection whose statements all see one state of the database, and which cannot write."""
        with self.reading.connect() as conn:
            if self.is_sqlite:
                conn.exec_driver_sql("BEGIN")
                try:
                    yield conn
                finally:
                    conn.exec_driver_sql("ROLLBACK")
            else:
                conn = conn.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
                with conn.begin():
                    yield conn

    def close(self) -> None:
        """Close every idle connection and the gate."""
        self.writing.dispose()
        self.reading.dispose()
        self.gate.close()


def open_database(url: str | URL, *, pool_size: int = 8) -> Database:
    """The database behind a URL, ``sqlite:///path`` or ``postgresql+psycopg://…``; connects on first use.

    Args:
        url: SQLAlchemy URL; ``postgresql://`` means psycopg 3.
        pool_size: connections kept for reading; writers take what they need.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        return _sqlite(parsed, pool_size)
    if parsed.get_backend_name() == "postgresql":
        return _postgresql(parsed.set(drivername="postgresql+psycopg"), pool_size)
    raise ValueError("the database URL must start with sqlite:/// or postgresql://")


def make_engine(url: str | URL) -> Engine:
    """The engine for writing alone, with the same settings as ``open_database``."""
    return open_database(url).writing


def _sqlite(url: URL, pool_size: int) -> Database:
    if not url.database or url.database == ":memory:":
        raise ValueError("SQLite needs a file: several connections must see one database")
    path = Path(url.database)
    path.parent.mkdir(parents=True, exist_ok=True)
    writing = _sqlite_engine(url, 4, "PRAGMA cache_size = -32768")
    reading = _sqlite_engine(url, pool_size, "PRAGMA cache_size = -8192", "PRAGMA query_only = ON")
    event.listen(writing, "begin", _begin_immediate)
    database = Database(url, writing, reading, Gate(path.with_name(path.name + ".gate")))
    database.statements.attach(writing)
    return database


def _sqlite_engine(url: URL, pool_size: int, *pragmas: str) -> Engine:
    engine = create_engine(url, pool_size=pool_size, max_overflow=pool_size, pool_timeout=10,
                           connect_args={"check_same_thread": False, "cached_statements": 512})  # fmt: skip

    @event.listens_for(engine, "connect")
    def _prepare(connection: sqlite3.Connection, _record: Any) -> None:
        # Python's own BEGIN comes too late and is DEFERRED; we say ourselves when one begins.
        connection.isolation_level = None
        connection.execute(f"PRAGMA busy_timeout = {STATEMENT_TIMEOUT_MS}")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA wal_autocheckpoint = 2000")
        for pragma in (*_SQLITE_PRAGMAS, *pragmas):
            connection.execute(pragma)

    return engine


def _begin_immediate(conn: Connection) -> None:
    conn.exec_driver_sql("BEGIN IMMEDIATE")


def _postgresql(url: URL, pool_size: int) -> Database:
    options = (
        f"-c lock_timeout={LOCK_TIMEOUT_MS} -c statement_timeout={STATEMENT_TIMEOUT_MS}"
        f" -c idle_in_transaction_session_timeout={IDLE_TIMEOUT_MS} -c timezone=UTC -c jit=off"
    )
    arguments = {"options": options, "connect_timeout": 10, "application_name": "alliance-ledger"}
    writing = create_engine(url, pool_size=4, max_overflow=8, pool_timeout=10, connect_args=arguments,
                            isolation_level="READ COMMITTED")  # fmt: skip
    reading = create_engine(url, pool_size=pool_size, max_overflow=pool_size, pool_timeout=10,
                            connect_args=arguments, isolation_level="AUTOCOMMIT")  # fmt: skip
    database = Database(url, writing, reading, OpenGate())
    database.statements.attach(writing)
    return database
