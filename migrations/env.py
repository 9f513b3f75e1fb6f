"""Alembic's entry: runs inside the caller's db transaction, all migrations or none, with time limits."""

from __future__ import annotations

from typing import Any

from alembic import context

from ledger_service.db.schema import whole_metadata
from ledger_service.db.types import Bytes, UtcInstant

LOCK_TIMEOUT = "5s"
STATEMENT_TIMEOUT = "10min"


def render_type(kind: str, item: Any, _context: Any) -> str | bool:
    """A migration names plain types, so that it still means the same when ours change."""
    if kind == "type" and isinstance(item, UtcInstant):
        return "sa.BigInteger()"
    if kind == "type" and isinstance(item, Bytes):
        return "sa.LargeBinary()"
    return False


def run() -> None:
    """Bring the schema to the asked revision on the connection that the caller has opened."""
    connection = context.config.attributes["connection"]
    if connection.dialect.name == "postgresql":
        # A migration that cannot get its lock gives up instead of stopping every checkout behind it.
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'")
        connection.exec_driver_sql(f"SET LOCAL statement_timeout = '{STATEMENT_TIMEOUT}'")
    context.configure(connection=connection, target_metadata=whole_metadata(), render_item=render_type,
                      render_as_batch=False, compare_type=True, transactional_ddl=True)  # fmt: skip
    context.run_migrations()


run()
