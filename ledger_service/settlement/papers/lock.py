"""The lock of papers: whoever writes one again gets the same bytes, or is told that they differ."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256

from sqlalchemy import Connection

from ledger_service.db.bulk import sql_of
from ledger_service.settlement.errors import PaperDiffers
from ledger_service.settlement.models import settlement_paper


def lock(conn: Connection, papers: Mapping[str, bytes], at: datetime) -> None:
    """The papers are these, from now on for good.

    Args:
        conn: the db transaction.
        papers: bytes by name.
        at: now.

    Raises:
        PaperDiffers: one was written before with other bytes; none is locked by this call.

    Idempotency: by name.
    """
    sql = sql_of(settlement_paper, conn)
    digests = {name: sha256(body).digest() for name, body in sorted(papers.items())}
    rows = [
        {"name": name, "sha256": digest, "byte_count": len(papers[name]), "written_at": at}
        for name, digest in digests.items()
    ]
    sql.insert(conn, rows, or_ignore=True)
    found = sql.select(conn, ("name",), [(name,) for name in digests])
    locked = {row["name"]: row["sha256"] for row in found}
    for name, digest in digests.items():
        if locked[name] != digest:
            raise PaperDiffers(name, locked[name].hex(), digest.hex())
