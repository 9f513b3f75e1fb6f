"""Sending several statements: one round trip on PostgreSQL (pipeline), one after another on SQLite.

PostgreSQL's driver is not imported: a service over SQLite would hold 9 MiB of it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError


class Statement(NamedTuple):
    """A statement in the driver's own form; ``many`` says that ``values`` is a list of rows."""

    sql: str
    values: Any
    many: bool = False


class Outcome(NamedTuple):
    """What a statement gave: its rows, where it gives any, and how many it touched."""

    rows: Sequence[Sequence[Any]]
    touched: int


def send(conn: Connection, statements: Sequence[Statement]) -> list[Outcome]:
    """Every statement has run, in this order; later ones see what earlier ones did.

    Raises:
        sqlalchemy.exc.DBAPIError: one failed, and those behind it did not run.
    """
    if not statements:
        return []
    if (counter := conn.info.get("statements")) is not None:
        counter.count += len(statements)
    # The driver's own cursors: a result of SQLAlchemy's costs more calls than the statement itself.
    raw: Any = conn.connection.driver_connection
    if conn.dialect.name == "postgresql":
        # One alone too: in a pipeline the BEGIN before a transaction's first travels with it.
        return _pipeline(conn, raw, statements)
    return [_alone(conn, raw, statement) for statement in statements]


def _alone(conn: Connection, raw: Any, statement: Statement) -> Outcome:
    execute = raw.executemany if statement.many else raw.execute
    try:
        cursor = execute(statement.sql, statement.values)
        return Outcome(cursor.fetchall(), cursor.rowcount)
    except sqlite3.Error as error:
        raise _as_sqlalchemy(conn, raw, error, statement) from error


def _pipeline(conn: Connection, raw: Any, statements: Sequence[Statement]) -> list[Outcome]:
    cursors: list[Any] = []
    try:
        with raw.pipeline():
            for statement in statements:
                cursor = raw.cursor()
                cursor.execute(statement.sql, statement.values)
                cursors.append(cursor)
        return [Outcome(c.fetchall() if c.pgresult.nfields else (), c.rowcount) for c in cursors]
    except conn.dialect.loaded_dbapi.Error as error:
        refused = statements[min(len(cursors), len(statements) - 1)]
        raise _as_sqlalchemy(conn, raw, error, refused) from error
    finally:
        for cursor in cursors:
            cursor.close()


def _as_sqlalchemy(conn: Connection, raw: Any, error: Exception, statement: Statement) -> Exception:
    """The error as SQLAlchemy would have raised it, had it sent the statement."""
    lost = conn.dialect.is_disconnect(error, raw, None)  # type: ignore[arg-type]  # the driver's own error
    if lost:
        conn.invalidate(error)
    base = conn.dialect.loaded_dbapi.Error
    return DBAPIError.instance(
        statement.sql, None, error, base, connection_invalidated=lost, dialect=conn.dialect
    )
