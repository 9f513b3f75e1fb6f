"""Two members become one: who stays holds the tickets of both."""

from __future__ import annotations

from sqlalchemy import Connection, update

from ledger_service.coupons.tickets.models import ticket
from ledger_service.members.merging import Merge
from ledger_service.outbox.service import NewIntent


def follow_merge(conn: Connection, merge: Merge) -> list[NewIntent]:
    """Tickets that who closes holds or has bought are who stays's."""
    for column in (ticket.c.holder, ticket.c.buyer):
        conn.execute(update(ticket).where(column == merge.closes).values({column.name: merge.stays}))
    return []
