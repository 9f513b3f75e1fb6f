"""Two members become one: what was promised to, earned by and owed by who closes is who stays's."""

from __future__ import annotations

from sqlalchemy import Connection, delete, select, update

from ledger_service.db.bulk import sql_of
from ledger_service.kernel.clock import seconds_floor
from ledger_service.members.merging import Merge
from ledger_service.members.models import member
from ledger_service.outbox.service import NewIntent
from ledger_service.points.models import (
    adjustment,
    custodial_use,
    earned_on_day,
    member_programme,
    pending_issue,
)

DAY_SECONDS = 86_400


def debts_of(conn: Connection, member_id: int) -> list[tuple[int, int]]:
    """(programme, points) of what the member owes."""
    row = member_programme.c
    owing = select(row.programme_id, row.debt).where(row.member_id == member_id, row.debt > 0)
    return [(programme, debt) for programme, debt in conn.execute(owing.order_by(row.programme_id))]


def follow_merge(conn: Connection, merge: Merge) -> list[NewIntent]:
    """Promises, adjustments, debts and what counts against the caps of days are who stays's.

    Whoever merges moves the ledger's parts, the debts' too, in the same unit of work.
    """
    for table in (pending_issue, adjustment):
        mine = table.c.member_id == merge.closes
        conn.execute(update(table).where(mine).values(member_id=merge.stays))
    for programme, debt in debts_of(conn, merge.closes):
        _owe(conn, merge.stays, programme, debt)
    conn.execute(update(member_programme).where(member_programme.c.member_id == merge.closes).values(debt=0))
    _add_days(conn, merge)
    _add_custodial(conn, merge)
    return []


def _owe(conn: Connection, member_id: int, programme_id: int, points: int) -> None:
    row = member_programme.c
    mine = (row.member_id == member_id) & (row.programme_id == programme_id)
    if not conn.execute(update(member_programme).where(mine).values(debt=row.debt + points)).rowcount:
        fresh = {"member_id": member_id, "programme_id": programme_id, "debt": points, "frozen": False}
        sql_of(member_programme, conn).insert(conn, [fresh])


def _add_custodial(conn: Connection, merge: Merge) -> None:
    """What custody paid for both today counts for one; the contract counts by account, and allows no less."""
    use, who = custodial_use.c, member.c
    its = select(who.member_id, who.account).where(who.member_id.in_((merge.closes, merge.stays)))
    accounts = dict(conn.execute(its).all())
    gone, stays = accounts[merge.closes], accounts[merge.stays]
    today = seconds_floor(merge.at) // DAY_SECONDS
    mine = select(use.day, use.spent_micros).where(use.account == gone, use.day >= today - 1)
    for day, spent in conn.execute(mine).all():
        there = update(custodial_use).where(use.account == stays, use.day == day)
        if not conn.execute(there.values(spent_micros=use.spent_micros + spent)).rowcount:
            fresh = {"account": stays, "day": day, "spent_micros": spent}
            sql_of(custodial_use, conn).insert(conn, [fresh])


def _add_days(conn: Connection, merge: Merge) -> None:
    row = earned_on_day.c
    for of_closes in (
        conn.execute(select(earned_on_day).where(row.member_id == merge.closes)).mappings().all()
    ):
        same = (row.programme_id == of_closes["programme_id"]) & (row.day == of_closes["day"])
        more = update(earned_on_day).where(row.member_id == merge.stays, same)
        if not conn.execute(more.values(points=row.points + of_closes["points"])).rowcount:
            sql_of(earned_on_day, conn).insert(conn, [{**of_closes, "member_id": merge.stays}])
    conn.execute(delete(earned_on_day).where(row.member_id == merge.closes))
