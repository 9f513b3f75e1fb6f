"""Two members become one: who stays holds the cards of both."""

from __future__ import annotations

from sqlalchemy import Connection, update

from ledger_service.coupons.stored.models import value_card
from ledger_service.members.merging import Merge
from ledger_service.outbox.service import NewIntent


def follow_merge(conn: Connection, merge: Merge) -> list[NewIntent]:
    """Cards that who closes holds are who stays's; money on them does not move."""
    mine = value_card.c.holder == merge.closes
    conn.execute(update(value_card).where(mine).values(holder=merge.stays))
    return []
