"""The proof over what imports keep beside the ledger: their lots are what their entries left pending (R10).

Differences are named, never mended. Run it in a ``Database.snapshot``.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection, text

from ledger_service.ledger.mass import PROMISED_BY_IMPORTS
from ledger_service.ledger.reconcile import Difference

_LOTS = text(
    "SELECT member_id, programme_id, epoch, SUM(points), SUM(kept) FROM ("
    f" SELECT member_id, programme_id, epoch, points, 0 AS kept FROM ({PROMISED_BY_IMPORTS}) AS booked"
    " UNION ALL SELECT l.member_id, l.programme_id, l.epoch, 0, l.points FROM moved_lot AS l"
    "  JOIN moving_in AS m ON m.import_id = l.import_id"
    "  WHERE m.state IN ('loading', 'loaded', 'undoing') OR (m.state = 'cutting' AND l.member_id > m.step)"
    ") AS sides GROUP BY member_id, programme_id, epoch HAVING SUM(points) <> SUM(kept) ORDER BY 1, 2, 3"
)


def differences(conn: Connection) -> Iterator[Difference]:
    """Every lot of an import that waits for its cut-over and that the entries tell differently."""
    for member, programme, epoch, booked, kept in conn.execute(_LOTS):
        subject = f"member {member} programme {programme} epoch {epoch}"
        yield Difference("moved-in", subject, str(int(booked)), str(int(kept)))
