"""The one number that tells every process of changed rules or staff."""

from __future__ import annotations

from sqlalchemy import Connection, update

from ledger_service.db.bulk import sql_of
from ledger_service.risk.models import risk_change


def changed(conn: Connection) -> None:
    """The books of all processes look again, once this is committed."""
    sql_of(risk_change, conn).insert(conn, [{"id": 1, "version": 0}], or_ignore=True)
    conn.execute(update(risk_change).values(version=risk_change.c.version + 1))
