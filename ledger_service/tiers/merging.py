"""Two members become one: what both bought counts for one, and its tier follows."""

from __future__ import annotations

from sqlalchemy import Connection, delete, select, update

from ledger_service.db.bulk import sql_of
from ledger_service.members.merging import Merge
from ledger_service.outbox.service import NewIntent
from ledger_service.tiers.models import member_tier, qualifying_day


def follow_merge(conn: Connection, merge: Merge) -> list[NewIntent]:
    """The days of both are added up; where the member stands is worked out anew from them when next asked.

    Its cached row keeps the level that it was known to stand on, so that what has changed is found.
    """
    row = qualifying_day.c
    for bought in conn.execute(select(qualifying_day).where(row.member_id == merge.closes)).mappings().all():
        same = (row.programme_id == bought["programme_id"]) & (row.year == bought["year"])
        there = update(qualifying_day).where(row.member_id == merge.stays, same, row.day == bought["day"])
        more = there.values(amount_minor=row.amount_minor + bought["amount_minor"])
        if not conn.execute(more).rowcount:
            sql_of(qualifying_day, conn).insert(conn, [{**bought, "member_id": merge.stays}])
    conn.execute(delete(qualifying_day).where(row.member_id == merge.closes))
    _add_totals(conn, merge)
    return []


def _add_totals(conn: Connection, merge: Merge) -> None:
    t = member_tier.c
    for stood in conn.execute(select(member_tier).where(t.member_id == merge.closes)).mappings().all():
        mine = (t.member_id == merge.stays) & (t.programme_id == stood["programme_id"])
        more = update(member_tier).where(mine).values(total_minor=t.total_minor + stood["total_minor"])
        if not conn.execute(more).rowcount:
            fresh = {**stood, "member_id": merge.stays, "level": 0, "until_day": None}
            sql_of(member_tier, conn).insert(conn, [fresh])
    conn.execute(delete(member_tier).where(t.member_id == merge.closes))
