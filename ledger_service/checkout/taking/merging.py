"""Two members become one: what points of both have paid in a day counts against the one who stays."""

from __future__ import annotations

from sqlalchemy import Connection, delete, select, update

from ledger_service.checkout.taking.models import taking_rule, taking_sum
from ledger_service.db.bulk import sql_of
from ledger_service.members.merging import Merge

_S = taking_sum.c
# A sale that was held, or made alone, counts in its own day; a day more on either side for the zones.
_DAYS_BACK, _DAYS_AHEAD = 9, 2


def add_sums(conn: Connection, merge: Merge) -> None:
    """The sums of who closes are added to those of who stays, of each merchant that bounds a member's day.

    Locks: none further; a member's sums are guarded by its row, which whoever merges has locked.
    """
    today = merge.at.date().toordinal()
    days = range(today - _DAYS_BACK, today + _DAYS_AHEAD + 1)
    for merchant_id in list(conn.execute(select(taking_rule.c.merchant_id).distinct()).scalars()):
        keys = [f"{merchant_id}:{day}:member:{merge.closes}" for day in days]
        for row in conn.execute(select(taking_sum).where(_S.sum_key.in_(keys))).mappings().all():
            key = f"{merchant_id}:{row['day']}:member:{merge.stays}"
            more = {"taken_minor": _S.taken_minor + row["taken_minor"]}
            if not conn.execute(update(taking_sum).where(_S.sum_key == key).values(more)).rowcount:
                fresh = {**row, "sum_key": key, "subject": merge.stays}
                sql_of(taking_sum, conn).insert(conn, [fresh])
        conn.execute(delete(taking_sum).where(_S.sum_key.in_(keys)))
