"""What a piece of code asks a database, and how the database would find it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, event


@contextmanager
def listened(conn: Connection) -> Iterator[list[tuple[str, Any]]]:
    """The statements that are sent meanwhile, with their values."""
    sent: list[tuple[str, Any]] = []

    def note(_conn: Any, _cursor: Any, sql: str, values: Any, *_: Any) -> None:
        sent.append((sql, values))

    event.listen(conn.engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(conn.engine, "before_cursor_execute", note)


def plan_of(conn: Connection, sql: str, values: Any) -> list[str]:
    """The steps by which the database would answer a statement."""
    if conn.dialect.name == "sqlite":
        return [row[3] for row in conn.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", values)]
    return [row[0] for row in conn.exec_driver_sql(f"EXPLAIN {sql}", values)]
