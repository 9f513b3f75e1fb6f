"""Two members become one: a payment of who closes, still to be attached, is who stays's."""

from __future__ import annotations

from sqlalchemy import Connection, update

from ledger_service.members.merging import Merge
from ledger_service.outbox.service import NewIntent
from ledger_service.payments.models import payment


def follow_merge(conn: Connection, merge: Merge) -> list[NewIntent]:
    """Every payment is who stays's: what it was matched for is attached to whom the points go to."""
    mine = payment.c.member_id == merge.closes
    conn.execute(update(payment).where(mine).values(member_id=merge.stays))
    return []
