"""Two members become one: what who closes has claimed, who stays has claimed."""

from __future__ import annotations

from sqlalchemy import Connection, update

from ledger_service.members.merging import Merge
from ledger_service.outbox.service import NewIntent
from ledger_service.traceability.claiming.models import trace_claim


def follow_merge(conn: Connection, merge: Merge) -> list[NewIntent]:
    """Every item is who stays's: when it comes back, who has the points gives them back."""
    mine = trace_claim.c.member_id == merge.closes
    conn.execute(update(trace_claim).where(mine).values(member_id=merge.stays))
    return []
