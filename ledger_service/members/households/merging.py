"""Two members become one: who stays takes the other's place in its household, with rights and part."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, delete, func, select, update

from ledger_service.db.bulk import sql_of
from ledger_service.kernel.ids import derive_id
from ledger_service.members.devices import lock_accounts
from ledger_service.members.households import mates
from ledger_service.members.households.errors import HouseholdConflict
from ledger_service.members.households.models import (
    household_due,
    household_gift,
    household_key,
    household_mate,
)
from ledger_service.members.merging import Merge
from ledger_service.outbox.service import NewIntent

_M, _G, _D = household_mate.c, household_gift.c, household_due.c


def would_clash(conn: Connection, closes: int, stays: int) -> bool:
    """Whether each is in a household of its own: one of them must leave before they can be one."""
    mine = select(_M.household_id).where(_M.member_id.in_((closes, stays)), _M.state == "in").distinct()
    return len(conn.execute(mine.limit(2)).all()) > 1


def follow_merge(conn: Connection, merge: Merge) -> list[NewIntent]:
    """Whatever ``closes`` was in households, ``stays`` is; the keys of the former end there too.

    For whoever merges two members: in the same unit of work, with both members' rows locked.

    Returns:
        the revocations of those keys; the caller enqueues them.

    Raises:
        HouseholdConflict: already-in, where each is in a household of its own: one must leave first.

    Locks: the households' accounts.
    """
    closes, stays, at = merge.closes, merge.stays, merge.at
    places = select(household_mate).where(_M.member_id == closes, _M.state != "out").order_by(_M.household_id)
    rows = conn.execute(places).mappings().all()
    accounts = lock_accounts(conn, [row["household_id"] for row in rows])
    intents: list[NewIntent] = []
    for row in rows:
        house = row["household_id"]
        intents += mates.end_keys(conn, (house, accounts[house]), closes, at)
        there = (_M.household_id == house) & (_M.member_id == stays)
        own = conn.execute(select(household_mate).where(there)).mappings().one_or_none()
        if row["state"] == "in" and (own is None or own["state"] != "in"):
            _check_free(conn, stays)
        mine = (_M.household_id == house) & (_M.member_id == closes)
        conn.execute(update(household_mate).where(mine).values(state="out", left_at=row["left_at"] or at))
        _take_place(conn, dict(row), None if own is None else dict(own), stays)
        _take_gifts(conn, (house, closes, stays), (row["joined_at"], at))
        its = (household_key.c.household_id == house) & (household_key.c.member_id == closes)
        conn.execute(update(household_key).where(its).values(member_id=stays))
        mates.note(conn, house, "merged", (stays, "merge", at))
    return intents


def _check_free(conn: Connection, member_id: int) -> None:
    taken = select(_M.household_id).where(_M.member_id == member_id, _M.state == "in")
    if conn.execute(taken).first() is not None:
        raise HouseholdConflict("already-in")


def _take_place(conn: Connection, was: dict[str, object], own: dict[str, object] | None, stays: int) -> None:
    place = {**was, "member_id": stays}
    if own is None:
        sql_of(household_mate, conn).insert(conn, [place])
        return
    # Both were mates: who stays keeps its own rights, but for the ownership, and what waits is still waiting.
    better = own["state"] == "in" and was["role"] != "owner"
    if better or (own["state"] == "parting" and was["state"] != "in"):
        return
    there = (_M.household_id == was["household_id"]) & (_M.member_id == stays)
    conn.execute(update(household_mate).where(there).values(**place))


def _take_gifts(
    conn: Connection, what: tuple[int, int, int], times: tuple[datetime | None, datetime]
) -> None:
    """What was given since ``closes`` joined, and what waits; ``times``: when that was, and now."""
    (house, closes, stays), (since, at) = what, times
    lots = (_G.programme_id, _G.epoch)
    mine = (_G.household_id == house) & (_G.member_id == closes)
    if since is not None:
        # What it gave when it was a mate before is the household's.
        mine &= _G.at >= since
    sums = select(*lots, func.sum(_G.points).label("points")).where(mine).group_by(*lots)
    for row in conn.execute(sums.having(func.sum(_G.points) != 0)).all():
        for member_id, points in ((closes, -int(row.points)), (stays, int(row.points))):
            op_id = derive_id("household-merge", house, closes, stays, member_id, row.programme_id)
            gift = {"op_id": op_id, "epoch": row.epoch, "household_id": house, "member_id": member_id}
            more = {"programme_id": row.programme_id, "points": points, "at": at}
            sql_of(household_gift, conn).insert(conn, [gift | more])
    owed = (_D.household_id == house) & (_D.member_id == closes)
    for due in conn.execute(select(household_due).where(owed)).mappings().all():
        lot = (_D.programme_id == due["programme_id"]) & (_D.epoch == due["epoch"])
        there = (_D.household_id == house) & (_D.member_id == stays) & lot
        added = update(household_due).where(there).values(points=_D.points + due["points"])
        if not conn.execute(added).rowcount:
            sql_of(household_due, conn).insert(conn, [{**due, "member_id": stays}])
    conn.execute(delete(household_due).where(owed))
