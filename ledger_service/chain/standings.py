"""Where each published period's settlement stands, as the desk on chain said it last.

A reading replaces the one before, whole, so a reorganisation is read like any other change. Readers get what
stood at ``block_number``; who wants the chain's own word asks the desk (`alliance settle status`).
"""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Connection, delete, func, select

from ledger_service.db.bulk import sql_of
from ledger_service.db.models import chain_standing


def note(conn: Connection, period: int, block_number: int, told: dict[str, Any]) -> None:
    """The period stands so as of the block."""
    row = {"period": period, "block_number": block_number, "body": json.dumps(told, sort_keys=True)}
    sql = sql_of(chain_standing, conn)
    sql.insert(conn, [row], or_ignore=True)
    sql.update(conn, ("block_number", "body"), [row])


def forget_behind(conn: Connection, period: int) -> None:
    """No period behind this one is published: a reorganisation took it back."""
    conn.execute(delete(chain_standing).where(chain_standing.c.period > period))


def find(conn: Connection, period: int) -> dict[str, Any] | None:
    """How the period stood at the last reading; None where it was not published."""
    row = conn.execute(select(chain_standing).where(chain_standing.c.period == period)).one_or_none()
    return None if row is None else {**json.loads(row.body), "block": row.block_number}


def last_known(conn: Connection) -> int:
    """The last period that was read as published; 0 for none."""
    return int(conn.execute(select(func.coalesce(func.max(chain_standing.c.period), 0))).scalar_one())
