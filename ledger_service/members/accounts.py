"""A member's account gives way to another: the member's own rows, and the history of where it was."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, RowMapping, func, select, update

from ledger_service.db.bulk import sql_of
from ledger_service.kernel.clock import seconds_floor
from ledger_service.members.device_rows import FreshDevice, device_rows, signer_intent, view_of
from ledger_service.members.devices import devices_of, end_household_keys, mark_revoked
from ledger_service.members.models import device, former_account, member
from ledger_service.members.numbers import take_ids
from ledger_service.members.requests import DeviceView
from ledger_service.outbox.service import NewIntent


@dataclass(frozen=True, slots=True)
class Change:
    """Where a member goes: the new account, its salt and its one signer; why, and whether the chain links
    both."""

    account: bytes
    salt: bytes
    signer: FreshDevice
    custody: str
    reason: str
    linked: bool


def moves_so_far(conn: Connection, member_id: int) -> int:
    """How many accounts the member had before."""
    mine = former_account.c.member_id == member_id
    return int(conn.execute(select(func.count()).select_from(former_account).where(mine)).scalar_one())


def forget_salts(conn: Connection, member_id: int) -> None:
    """Nobody can show any more whose the accounts were that the member had before."""
    mine = former_account.c.member_id == member_id
    conn.execute(update(former_account).where(mine).values(salt=None))


def is_known(conn: Connection, account: bytes) -> bool:
    """Whether a member is at this account, or was."""
    now, before = select(member.c.account), select(former_account.c.account)
    here = now.where(member.c.account == account).union_all(before.where(former_account.c.account == account))
    return conn.execute(here.limit(1)).first() is not None


def owner_of(conn: Connection, account: bytes) -> int | None:
    """Who has what went to an account, wherever its member has moved since; None where it is nobody's."""
    now: bytes | None = account
    while now is not None:
        account = now
        given_way = select(former_account.c.successor).where(former_account.c.account == account)
        now = conn.execute(given_way).scalar_one_or_none()
    return conn.execute(select(member.c.member_id).where(member.c.account == account)).scalar_one_or_none()


def change_account(
    conn: Connection, owner: RowMapping, change: Change, one_time_master: bytes, at: datetime
) -> tuple[DeviceView, list[NewIntent]]:
    """From now on the member is at the new account, whose one signer is the new device; the old ones sign
    nothing more.

    Returns:
        the new device with what its app needs, and the intents that enrol it and end the old devices' keys of
        households; the caller enqueues them.

    Locks: those households' accounts; the member's own row must be locked.
    """
    member_id = owner["member_id"]
    was = {
        "account": owner["account"], "member_id": member_id, "salt": owner["salt"],
        "successor": change.account, "reason": change.reason, "linked": change.linked, "until": at,
    }  # fmt: skip
    sql_of(former_account, conn).insert(conn, [was])
    now = {"account": change.account, "salt": change.salt, "custody": change.custody}
    conn.execute(update(member).where(member.c.member_id == member_id).values(now))
    old = [d.device_id for d in devices_of(conn, member_id) if d.revoked_at is None]
    mark_revoked(conn, old, at)
    ended = end_household_keys(conn, old, at)
    rows = device_rows([(member_id, change.signer)], take_ids(conn, device.c.device_id, 1), at)
    sql_of(device, conn).insert(conn, rows)
    enrols = signer_intent(member_id, change.account, change.signer, seconds_floor(at))
    return view_of(rows[0], one_time_master), [enrols, *ended]
