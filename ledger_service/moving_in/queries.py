"""Reads of imports, for the command line and the front door."""

from __future__ import annotations

from typing import Any

import orjson
from sqlalchemy import Connection, select

from ledger_service.kernel.clock import format_instant
from ledger_service.moving_in import books
from ledger_service.moving_in.models import moved_lot, moving_in

MOST_IMPORTS = 100


def progress(conn: Connection) -> list[dict[str, Any]]:
    """The latest imports, the oldest first: where each stands, and rows and points of each of its files."""
    return [_view(record) for record in books.latest(conn, MOST_IMPORTS)]


def is_moving_in(conn: Connection, member_id: int) -> bool:
    """Whether an import that is not over has brought points for the member."""
    under_way = select(moving_in.c.import_id).where(moving_in.c.state.not_in(("cut_over", "rolled_back")))
    mine = (moved_lot.c.member_id == member_id) & moved_lot.c.import_id.in_(under_way)
    return conn.execute(select(moved_lot.c.member_id).where(mine).limit(1)).first() is not None


def _view(record: books.ImportRecord) -> dict[str, Any]:
    files = []
    for entry in record.manifest.files:
        file = record.files[entry.kind]
        points = {"points": dict(entry.points), "loaded_points": dict(file.loaded.accepted_points)}
        files.append({
            "kind": entry.kind, "rows": entry.rows, "rows_done": file.rows_done,
            "accepted": file.loaded.accepted, "rejected": file.loaded.rejected, **points,
        })  # fmt: skip
    return {
        "name": record.manifest.name, "source": record.manifest.source, "state": record.state,
        "files": files, "outcome": orjson.loads(record.outcome),
        "checked_at": format_instant(record.checked_at), "changed_at": format_instant(record.changed_at),
    }  # fmt: skip
