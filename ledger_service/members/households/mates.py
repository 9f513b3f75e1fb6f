"""A mate's standing follows the member's own: frozen with it at once, gone with it for good."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, RowMapping, func, select, update

from ledger_service.db.bulk import sql_of
from ledger_service.members.device_rows import SignerRevocation, device_of, revocation_intent
from ledger_service.members.devices import lock_accounts, mark_revoked
from ledger_service.members.households.models import (
    household,
    household_due,
    household_event,
    household_key,
    household_mate,
)
from ledger_service.members.models import device, member
from ledger_service.members.rules import revocation_second
from ledger_service.outbox.service import NewIntent

_M = household_mate.c


def freeze(conn: Connection, member_id: int, began: datetime | None) -> None:
    """No code of the member pays at its households since ``began``, or (None) they do again.

    Locks: the households' accounts, behind the member's row: a sale under way comes before, or is refused.
    """
    lock_accounts(conn, _houses_of(conn, member_id))
    conn.execute(update(household_mate).where(_M.member_id == member_id).values(frozen_at=began))


def forget(conn: Connection, member_id: int, at: datetime) -> list[NewIntent]:
    """The erased member is in no household any more, and what waited for it is the household's; an owner is
    followed by who has been there longest, and the last one's household ends.

    Returns:
        the revocations of its keys there.
    """
    intents: list[NewIntent] = []
    houses = _houses_of(conn, member_id)
    accounts = lock_accounts(conn, houses)
    for house in houses:
        mine = (_M.household_id == house) & (_M.member_id == member_id)
        was = conn.execute(select(household_mate).where(mine)).mappings().one()
        due = (household_due.c.household_id == house) & (household_due.c.member_id == member_id)
        conn.execute(household_due.delete().where(due))
        conn.execute(update(household_mate).where(mine).values(state="out", left_at=was["left_at"] or at))
        intents += end_keys(conn, (house, accounts[house]), member_id, at)
        note(conn, house, "erased", (member_id, "erasure", at))
        if was["role"] == "owner" and was["state"] == "in":
            _next_owner(conn, house, at)
    return intents


def end_keys(conn: Connection, house: tuple[int, bytes], member_id: int, at: datetime) -> list[NewIntent]:
    """The mate's keys sign nothing more for the household (its id and account); returns the intents."""
    keys = household_key.c
    its = select(keys.device_id).where(keys.household_id == house[0], keys.member_id == member_id)
    active = select(device).where(device.c.device_id.in_(its), device.c.revoked_at.is_(None))
    gone = [device_of(dict(row)) for row in conn.execute(active.order_by(device.c.lane)).mappings()]
    mark_revoked(conn, [key.device_id for key in gone], at)
    change = SignerRevocation(revocation_second(at))
    return [revocation_intent(house[0], house[1], key, change) for key in gone]


def note(conn: Connection, house: int, kind: str, what: tuple[int | None, str, datetime]) -> None:
    """An event of the household: its kind, the member whom it concerns, who did it, when."""
    mine = household_event.c.household_id == house
    position = conn.execute(select(func.count()).select_from(household_event).where(mine)).scalar_one()
    member_id, by, at = what
    row = {"household_id": house, "position": position, "kind": kind, "member_id": member_id}
    sql_of(household_event, conn).insert(conn, [{**row, "by_whom": by, "at": at}])


def close(conn: Connection, house: int, at: datetime) -> None:
    """The household has ended; its name and salt are destroyed, its account stays provable."""
    conn.execute(update(household).where(household.c.household_id == house).values(state="closed"))
    gone = {"display_name": None, "salt": None}
    conn.execute(update(member).where(member.c.member_id == house).values(**gone))


def _next_owner(conn: Connection, house: int, at: datetime) -> None:
    heir: RowMapping | None = (
        conn.execute(
            select(household_mate)
            .where(_M.household_id == house, _M.state == "in")
            .order_by(_M.joined_at, _M.member_id)
            .limit(1)
        )
        .mappings()
        .one_or_none()
    )
    if heir is None:
        close(conn, house, at)
        return
    follows = (_M.household_id == house) & (_M.member_id == heir["member_id"])
    conn.execute(update(household_mate).where(follows).values(role="owner", spends="all", limit_micros=None))
    note(conn, house, "owner", (heir["member_id"], "erasure", at))


def _houses_of(conn: Connection, member_id: int) -> list[int]:
    found = select(_M.household_id).where(_M.member_id == member_id, _M.state != "out")
    return list(conn.execute(found.order_by(_M.household_id)).scalars())
