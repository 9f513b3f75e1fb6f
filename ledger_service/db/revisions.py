"""Which revision a database stands at and which one the code leads to, without loading what migrates it.

Serving processes ask for no more than these two names, and what migrates takes 8 MB of each.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from sqlalchemy import Connection, inspect, text

import ledger_service

MIGRATIONS = Path(ledger_service.__file__).resolve().parent.parent / "migrations"
_VERSION_TABLE = "alembic_version"


def revision_of(conn: Connection) -> str | None:
    """The revision that the database stands at; None where nothing was ever migrated."""
    if not inspect(conn).has_table(_VERSION_TABLE):
        return None
    return conn.execute(text(f"SELECT version_num FROM {_VERSION_TABLE}")).scalar()


@cache
def schema_head() -> str:
    """The revision that the code's migrations lead to; a file bears its revision's name, numbered."""
    return max(path.stem for path in (MIGRATIONS / "versions").glob("[0-9]*.py"))
