"""A scan from its judgement to its commit: an ordinary one waits for the writer only to be written."""

from __future__ import annotations

from datetime import datetime

from ledger_service.db.engine import Database
from ledger_service.db.writer import Writer
from ledger_service.traceability.scanning.recording import RecordScanCommand
from ledger_service.traceability.scanning.service import Scanned, Scans, Visit


def scan_in_group(room: tuple[Scans, Database, Writer], code: str, visit: Visit, at: datetime) -> Scanned:
    """The verdict over a code; the scan is durable when this returns.

    An ordinary scan is judged on a reading connection and recorded with others in one commit. What opens a
    case, names an item that nobody made, or came second while it was judged is judged within the commit.

    Idempotency: one device's scans of an item within a minute are one.
    """
    scans, database, writer = room
    with database.read() as conn:
        plain = scans.plain(conn, code, visit, at)
    if plain is not None:
        scanned, record = plain
        if record is None or writer.submit(RecordScanCommand(record)):
            return scanned
    return writer.run(lambda conn: scans.scan(conn, code, visit, at))
