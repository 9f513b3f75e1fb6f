"""Freezing and erasing members; what is erased stays erased, what was booked stays provable (D15)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, delete, update

from ledger_service.members import rules
from ledger_service.members.cards.models import member_access, till_code
from ledger_service.members.device_rows import SignerRevocation, revocation_intent
from ledger_service.members.devices import devices_of, lock_member, mark_revoked
from ledger_service.members.households import mates
from ledger_service.members.models import (
    device,
    former_account,
    member,
    member_card,
    member_identity,
    member_preference,
)
from ledger_service.members.passkeys.models import passkey
from ledger_service.members.ports import MemberKeys
from ledger_service.outbox.service import enqueue_now

_PERSONAL = (member_identity, member_card, member_preference, member_access, till_code, passkey)
_GONE = {"status": "erased", "salt": None, "display_name": None, "member_number": None, "birthday": None}


def set_frozen(conn: Connection, member_number: str, frozen: bool, at: datetime) -> None:
    """The member is frozen since ``at``, or active again; a freeze in force keeps its beginning.

    Raises:
        MemberUnknown: no such number, or erased.

    Locks: the member's row.
    """
    owner = lock_member(conn, member_number, frozen_too=True, of_household=True)
    began = (owner["frozen_at"] or at) if frozen else None
    standing = {"status": "frozen" if frozen else "active", "frozen_at": began}
    conn.execute(update(member).where(member.c.member_id == owner["member_id"]).values(standing))
    mates.freeze(conn, owner["member_id"], began)


def freeze(conn: Connection, member_id: int, at: datetime) -> None:
    """An active member is frozen: what the chain refused of it must be settled first."""
    mine = (member.c.member_id == member_id) & (member.c.status == "active")
    conn.execute(update(member).where(mine).values(status="frozen", frozen_at=at))
    mates.freeze(conn, member_id, at)


def erase(conn: Connection, keys: MemberKeys, member_number: str, at: datetime) -> int:
    """Name, identities, passkeys, birthday, salt and number are destroyed, devices and API keys revoked; no
    booking is touched.

    What remains is a surrogate id and an account address that nothing personal leads to. Points that
    are left expire with their epochs.

    Returns:
        The member's id.

    Raises:
        MemberUnknown: no such number, or erased before.

    Locks: the member's row, those of its households; the head row last.
    """
    owner = lock_member(conn, member_number, frozen_too=True)
    member_id = owner["member_id"]
    for personal in _PERSONAL:
        conn.execute(delete(personal).where(personal.c.member_id == member_id))
    active = [d for d in devices_of(conn, member_id) if d.revoked_at is None]
    mark_revoked(conn, [d.device_id for d in active], at)
    conn.execute(update(device).where(device.c.member_id == member_id).values(label=None))
    conn.execute(update(member).where(member.c.member_id == member_id).values(**_GONE, erased_at=at))
    former = former_account.c.member_id == member_id
    conn.execute(update(former_account).where(former).values(salt=None))
    change = SignerRevocation(rules.revocation_second(at))
    keys.forget_member(conn, member_id, at)
    gone = [revocation_intent(member_id, owner["account"], d, change) for d in active]
    enqueue_now(conn, [*gone, *mates.forget(conn, member_id, at)], at)
    return int(member_id)


def erase_untouched(conn: Connection, member_ids: Sequence[int], at: datetime) -> None:
    """As ``erase``, for many members who never had a device or an API key of their own.

    Locks: the members' rows, which the caller holds already.
    """
    mine = list(member_ids)
    for personal in _PERSONAL:
        conn.execute(delete(personal).where(personal.c.member_id.in_(mine)))
    conn.execute(update(member).where(member.c.member_id.in_(mine)).values(**_GONE, erased_at=at))
