"""Somebody with the database's file rewrites where an item was sold: in a copy, never in the run's own."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from ledger_service.demo.stack import Stack

_TRUE, _FALSE = b"retail_sold", b"retail_lost"


def forge(stack: Stack) -> tuple[dict[str, str], int] | None:
    """Settings of a copy in which one event's body is another, and its number; None without a file to copy.

    Whoever owns the file owns its guards too: the trigger that refuses changes is dropped first.
    """
    if "ALLIANCE_DATABASE_URL" in stack.settings:
        return None
    state = Path(stack.settings["ALLIANCE_STATE_DIR"])
    folder = state / "forged"
    folder.mkdir(exist_ok=True)
    copy = folder / "forged.db"
    copy.unlink(missing_ok=True)
    with closing(sqlite3.connect(state / "alliance.db")) as own, closing(sqlite3.connect(copy)) as other:
        own.backup(other)
        wanted = "SELECT event_seq, body FROM epcis_event WHERE biz_step = 'retail_selling'"
        event, body = other.execute(f"{wanted} ORDER BY event_seq LIMIT 1").fetchone()
        other.execute("DROP TRIGGER epcis_event_refuse_update")
        lie = bytes(body).replace(_TRUE, _FALSE)
        other.execute("UPDATE epcis_event SET body = ? WHERE event_seq = ?", (lie, event))
        other.commit()
    url = f"sqlite:///{copy}"
    return {**stack.settings, "ALLIANCE_DATABASE_URL": url}, int(event)
