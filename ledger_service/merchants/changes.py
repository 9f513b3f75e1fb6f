"""The change counter that lets every process notice within a second what another has revoked."""

from __future__ import annotations

from sqlalchemy import Connection, select
from sqlalchemy.dialects import postgresql, sqlite

from ledger_service.merchants.models import api_key_change


def note_change(conn: Connection) -> None:
    """Caches of keys, terminals, stores and merchants are stale once this unit of work has committed.

    Locks: the one row of ``api_key_change``, until the end of the db transaction.
    """
    make = sqlite.insert if conn.dialect.name == "sqlite" else postgresql.insert
    insert = make(api_key_change).values(id=1, version=1)
    raised = {"version": api_key_change.c.version + 1}
    conn.execute(insert.on_conflict_do_update(index_elements=[api_key_change.c.id], set_=raised))


def change_version(conn: Connection) -> int:
    """How many changes were committed so far; 0 before the first."""
    found = conn.execute(select(api_key_change.c.version)).scalar_one_or_none()
    return int(found or 0)
