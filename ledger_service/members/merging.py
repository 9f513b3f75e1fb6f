"""Two members become one: identities, cards and birthday of who closes are those of who stays."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, RowMapping, delete, select, update

from ledger_service.db.bulk import sql_of
from ledger_service.members.cards.models import member_access, till_code
from ledger_service.members.devices import devices_of, mark_revoked
from ledger_service.members.models import (
    device,
    former_account,
    member,
    member_card,
    member_identity,
    member_preference,
)
from ledger_service.members.passkeys.models import passkey

_GONE = {"status": "erased", "salt": None, "display_name": None, "member_number": None, "birthday": None}


@dataclass(frozen=True, slots=True)
class Merge:
    """Everything of member ``closes`` is ``stays``'s from ``at`` on; both rows are locked."""

    closes: int
    stays: int
    at: datetime


def close_into(conn: Connection, merge: Merge, closes: RowMapping, stays: RowMapping) -> None:
    """Nothing leads to the member that closes any more but its surrogate id; its account has a successor.

    Cards go over with their numbers, and so does each identity of a kind that who stays has none of; the
    others are forgotten, for a member has one of a kind. Devices of who closes sign nothing more.

    Locks: both members' rows must be locked.
    """
    was = {
        "account": closes["account"], "member_id": merge.stays, "salt": None,
        "successor": stays["account"], "reason": "merge", "linked": True, "until": merge.at,
    }  # fmt: skip
    sql_of(former_account, conn).insert(conn, [was])
    _take_identities(conn, merge)
    mine = member_card.c.member_id == merge.closes
    conn.execute(update(member_card).where(mine).values(member_id=merge.stays))
    for personal in (member_preference, member_access, till_code, passkey):
        conn.execute(delete(personal).where(personal.c.member_id == merge.closes))
    mark_revoked(
        conn, [d.device_id for d in devices_of(conn, merge.closes) if d.revoked_at is None], merge.at
    )
    conn.execute(update(device).where(device.c.member_id == merge.closes).values(label=None))
    gone = member.c.member_id == merge.closes
    conn.execute(update(member).where(gone).values(**_GONE, erased_at=merge.at))
    if stays["birthday"] is None and closes["birthday"] is not None:
        here = member.c.member_id == merge.stays
        conn.execute(update(member).where(here).values(birthday=closes["birthday"]))


def _take_identities(conn: Connection, merge: Merge) -> None:
    i = member_identity.c
    own = select(i.kind).where(i.member_id == merge.stays)
    known = set(conn.execute(own).scalars())
    mine = i.member_id == merge.closes
    conn.execute(delete(member_identity).where(mine, i.kind.in_(known)))
    conn.execute(update(member_identity).where(mine).values(member_id=merge.stays))
