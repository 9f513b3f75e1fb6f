"""Two members become one: who stays holds the coupons of both."""

from __future__ import annotations

from sqlalchemy import Connection, update

from ledger_service.coupons.wallet.models import coupon
from ledger_service.members.merging import Merge
from ledger_service.outbox.service import NewIntent


def follow_merge(conn: Connection, merge: Merge) -> list[NewIntent]:
    """Coupons that who closes holds or has claimed are who stays's."""
    for column in (coupon.c.holder, coupon.c.claimant):
        conn.execute(update(coupon).where(column == merge.closes).values({column.name: merge.stays}))
    return []
