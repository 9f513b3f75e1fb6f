"""Sending several statements: one round trip on PostgreSQL (pipeline), one after another on SQLite."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import psycopg
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
    if conn.dialect.name == "postgresql" and statements:
        # One alone too: in a pipeline the BEGIN before a transaction's first travels with it.
        return _pipeline(conn, statements)
    outcomes = []
    for statement in statements:
        result = conn.exec_driver_sql(statement.sql, statement.values)
        rows = result.all() if result.returns_rows else ()
        outcomes.append(Outcome(rows, result.rowcount))
    return outcomes


def _pipeline(conn: Connection, statements: Sequence[Statement]) -> list[Outcome]:
    raw: Any = conn.connection.driver_connection
    if (counter := conn.info.get("statements")) is not None:
        counter.count += len(statements)
    cursors = []
    try:
        with raw.pipeline():
            for statement in statements:
                cursor = raw.cursor()
                cursor.execute(statement.sql, statement.values)
                cursors.append(cursor)
        return [Outcome(c.fetchall() if c.description else (), c.rowcount) for c in cursors]
    except psycopg.Error as error:
        # As SQLAlchemy would have raised it, had it sent the statement.
        sql = statements[min(len(cursors), len(statements) - 1)].sql
        lost = conn.dialect.is_disconnect(error, raw, None)  # type: ignore[arg-type]  # psycopg's own error
        if lost:
            conn.invalidate(error)
        raise DBAPIError.instance(
            sql, None, error, psycopg.Error, connection_invalidated=lost, dialect=conn.dialect
        ) from error
    finally:
        for cursor in cursors:
            cursor.close()
