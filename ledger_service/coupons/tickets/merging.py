"""Two members become one: who stays holds the tickets of both."""

from __future__ import annotations

from sqlalchemy import Connection, update

from ledger_service.coupons.tickets.models import ticket
from ledger_service.members.merging import Merge
from ledger_service.outbox.service import NewIntent


def follow_merge(conn: Connection, merge: Merge) -> list[NewIntent]:
    """Tickets that who closes holds are who stays's.

    Who bought them stays written down: the counters that they count in are that member's, and their money
    back frees those alone, never a place of who stays.
    """
    mine = ticket.c.holder == merge.closes
    conn.execute(update(ticket).where(mine).values(holder=merge.stays))
    return []
