"""Two members become one: claims of who closes are answered to who stays."""

from __future__ import annotations

from sqlalchemy import Connection, update

from ledger_service.claims.models import claim
from ledger_service.members.merging import Merge
from ledger_service.outbox.service import NewIntent


def follow_merge(conn: Connection, merge: Merge) -> list[NewIntent]:
    """Every claim is who stays's."""
    mine = claim.c.member_id == merge.closes
    conn.execute(update(claim).where(mine).values(member_id=merge.stays))
    return []
