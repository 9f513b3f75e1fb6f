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
from sqlalchemy.engine.interfaces import IsolationLevel
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as NoneFree

from ledger_service.db.errors import StorageUnavailable
from ledger_service.db.gate import Gate, OpenGate
from ledger_service.db.write_back import BACKSTOP_PAGES, KEPT_LOG_BYTES, READERS_PATIENCE_MS, WriteBack

LOCK_TIMEOUT_MS = 5_000
STATEMENT_TIMEOUT_MS = 20_000
IDLE_TIMEOUT_MS = 60_000
_RETRY_AFTER_SECONDS = 1
_SQLITE_PRAGMAS = (
    "PRAGMA foreign_keys = ON",
    "PRAGMA synchronous = FULL",
    f"PRAGMA busy_timeout = {STATEMENT_TIMEOUT_MS}",
    "PRAGMA temp_store = MEMORY",
)
# A connection forgets its pages whenever another one has written, so more of them only stand about: with 32
# and 8 MiB no more was sold.
_WRITERS_CACHE_KIB, _READERS_CACHE_KIB = 16_384, 2_048
# For lists of ids of every length a statement of its own is kept, up to 40 KB each: 512 of them were 18 MiB a
# connection. What a sale takes comes again with every sale, and is never the one that was used longest ago.
_KEPT_STATEMENTS = 128
_POSTGRES_SETTINGS = (
    f"lock_timeout={LOCK_TIMEOUT_MS}",
    f"statement_timeout={STATEMENT_TIMEOUT_MS}",
    f"idle_in_transaction_session_timeout={IDLE_TIMEOUT_MS}",
    "timezone=UTC",
    "jit=off",
)
# A network that drops packets without a word ends nothing by itself: a thread that waits for an answer would
# wait for hours. Silence is probed after 10 s and believed after 10 s more; so is what is not acknowledged.
_POSTGRES_LIFELINE = {
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 2,
    "tcp_user_timeout": 20_000,
}
# Connections kept, and how many more may be opened for a moment. Reads never open more: a connection opened
# and closed for one read costs more than the wait, and no thread holds two of them.
_Pool = tuple[int, int]
# A group commit's statements find rows by key alone. Generic plans save planning, and with the other
# joins off no change of statistics can ever turn one into a scan of a large table.
_BY_KEY_ONLY = (
    "plan_cache_mode=force_generic_plan",
    "enable_seqscan=off",
    "enable_hashjoin=off",
    "enable_mergejoin=off",
)
# The plan of a foreign key's check is kept while its table grows, so one made when a table was new reads all
# of it for ever; and no write of ours wants a scan where there is an index.
_BY_INDEX_FIRST = ("enable_seqscan=off",)


@dataclass
class StatementCounter:
    """How many statements an engine has sent; an ``executemany`` is one."""

    count: int = 0

    def attach(self, engine: Engine) -> None:
        """Count every statement of the engine from now on."""
        event.listen(engine, "before_cursor_execute", self._seen)
        event.listen(engine, "connect", lambda _, record: record.info.update(statements=self))

    def _seen(self, *_: Any) -> None:
        self.count += 1


@dataclass(frozen=True)
class Database:
    """One database: where to write, where to read, and the gate before a write."""

    url: URL
    writing: Engine
    posting: Engine
    reading: Engine
    gate: Gate
    write_back: WriteBack | None = None
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
        self._committed()

    @contextmanager
    def begin_group(self) -> Iterator[Connection]:
        """As ``begin``, for statements that find every row by its key: none of their plans scans a table."""
        with self.gate.held(), self.posting.begin() as conn:
            yield conn
        self._committed()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection for single reads: each statement sees what was committed before it began.

        Raises:
            StorageUnavailable: all connections are in use for long, or the database cannot be reached.
        """
        with _connected(self.reading) as conn:
            yield conn

    @contextmanager
    def read_by_key(self) -> Iterator[Connection]:
        """As ``read``, for many rows by their keys: on PostgreSQL no plan scans a table that has grown."""
        if self.is_sqlite:
            with self.read() as conn:
                yield conn
        else:
            with _connected(self.posting) as conn:
                yield conn

    @contextmanager
    def snapshot(self, most_millis: int = STATEMENT_TIMEOUT_MS) -> Iterator[Connection]:
        """A connection whose statements all see one state of the database, and which cannot write.

        Args:
            most_millis: how long one statement may take on PostgreSQL; more than what anybody waits for is a
                job's alone.

        Raises:
            StorageUnavailable: as ``read``.
        """
        with _connected(self.reading) as conn:
            if self.is_sqlite:
                conn.exec_driver_sql("BEGIN")
                try:
                    yield conn
                finally:
                    conn.exec_driver_sql("ROLLBACK")
            else:
                conn = conn.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
                with conn.begin():
                    _limit(conn, most_millis)
                    yield conn

    def close(self) -> None:
        """Close every idle connection and the gate; the thread that writes SQLite's log back has ended."""
        if self.write_back is not None:
            self.write_back.close()
        self.writing.dispose()
        self.posting.dispose()
        self.reading.dispose()
        self.gate.close()

    def _committed(self) -> None:
        if self.write_back is not None:
            self.write_back.committed()


def _limit(conn: Connection, most_millis: int) -> None:
    """Until the db transaction's end a statement may take so long; as it is, no statement is spent on it."""
    if most_millis != STATEMENT_TIMEOUT_MS:
        conn.exec_driver_sql(f"SET LOCAL statement_timeout = {int(most_millis)}")


@contextmanager
def _connected(engine: Engine) -> Iterator[Connection]:
    try:
        conn = engine.connect()
    except (NoneFree, OperationalError, InterfaceError) as failure:
        raise StorageUnavailable(_RETRY_AFTER_SECONDS) from failure
    with conn:
        try:
            yield conn
        except DBAPIError as failure:
            if failure.connection_invalidated:
                raise StorageUnavailable(_RETRY_AFTER_SECONDS) from failure
            raise


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
    writing = _sqlite_engine(url, (4, 4), f"PRAGMA cache_size = -{_WRITERS_CACHE_KIB}")
    few = f"PRAGMA cache_size = -{_READERS_CACHE_KIB}"
    reading = _sqlite_engine(url, (pool_size, 0), few, "PRAGMA query_only = ON")
    copying = _sqlite_engine(url, (2, 0), f"PRAGMA busy_timeout = {READERS_PATIENCE_MS}")
    event.listen(writing, "begin", _begin_immediate)
    gate = Gate(path.with_name(path.name + ".gate"))
    database = Database(url, writing, writing, reading, gate, WriteBack(path, copying, gate))
    database.statements.attach(writing)
    return database


def _sqlite_engine(url: URL, pool: _Pool, *pragmas: str) -> Engine:
    arguments = {"check_same_thread": False, "cached_statements": _KEPT_STATEMENTS}
    engine = create_engine(url, pool_size=pool[0], max_overflow=pool[1], pool_timeout=10,
                           hide_parameters=True,  # failures are logged, and names and numbers are among these
                           connect_args=arguments)  # fmt: skip

    @event.listens_for(engine, "connect")
    def _prepare(connection: sqlite3.Connection, _record: Any) -> None:
        # Python's own BEGIN comes too late and is DEFERRED; we say ourselves when one begins.
        connection.isolation_level = None
        connection.execute(f"PRAGMA busy_timeout = {STATEMENT_TIMEOUT_MS}")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(f"PRAGMA wal_autocheckpoint = {BACKSTOP_PAGES}")
        connection.execute(f"PRAGMA journal_size_limit = {KEPT_LOG_BYTES}")
        for pragma in (*_SQLITE_PRAGMAS, *pragmas):
            connection.execute(pragma)

    return engine


def _begin_immediate(conn: Connection) -> None:
    conn.exec_driver_sql("BEGIN IMMEDIATE")


def _postgresql(url: URL, pool_size: int) -> Database:
    writing = _postgresql_engine(url, (4, 4), "READ COMMITTED", *_BY_INDEX_FIRST)
    posting = _postgresql_engine(url, (2, 2), "READ COMMITTED", *_BY_KEY_ONLY)
    reading = _postgresql_engine(url, (pool_size, 0), "AUTOCOMMIT")
    database = Database(url, writing, posting, reading, OpenGate())
    database.statements.attach(writing)
    database.statements.attach(posting)
    return database


def _postgresql_engine(url: URL, pool: _Pool, isolation: IsolationLevel, *settings: str) -> Engine:
    options = " ".join(f"-c {setting}" for setting in (*_POSTGRES_SETTINGS, *settings))
    arguments = {"options": options, "connect_timeout": 10, "application_name": "alliance-ledger",
                 **_POSTGRES_LIFELINE}  # fmt: skip
    return create_engine(url, pool_size=pool[0], max_overflow=pool[1], pool_timeout=10,
                         hide_parameters=True, connect_args=arguments, isolation_level=isolation)  # fmt: skip
