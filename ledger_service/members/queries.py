"""Reads of the members room, and the loads by which a checkout's working set finds members and signers.

How a checkout decides whose code was shown, in its own unit of work:

* QR: ``signer = paycode.signer_of(code, domain)``; declare ``MEMBER_BY_ACCOUNT.of(permit.account)`` as a
  lock and ``DEVICES_BY_SIGNER.of(signer)`` as a read; in ``apply``:
  ``devices = map(device_of, draft.find(DEVICES_BY_SIGNER, signer))`` and
  ``rules.active_device(devices, member_id, signer, accepted_at)``.
* 18 digits: ``digits.DigitDesk.resolve`` before the command gives a ``Shown``; declare
  ``DEVICE_BY_ID.of(device_id)`` and ``OTP_USE.of(device_id, step)``; in ``apply``
  ``rules.check_digits_use`` and ``draft.add(otp_use, digits.use_row(shown, at))``. From there on it is
  the signed permit that ``resolve``'s caller got from custody, as if it had been a QR code.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, Text, bindparam, literal_column, select

from ledger_service.db.workset import load_by
from ledger_service.ledger.standing import Standing, standing_columns, standing_of
from ledger_service.members.device_rows import view_of
from ledger_service.members.identities import Identity, IdentityVault
from ledger_service.members.models import device, member, member_card, member_identity, otp_use
from ledger_service.members.requests import DeviceView

MEMBER_BY_NUMBER = load_by(member, "member_number")
MEMBER_BY_ACCOUNT = load_by(member, "account")
MEMBER_BY_ID = load_by(member, "member_id")
DEVICES_BY_SIGNER = load_by(device, "signer")
DEVICE_BY_ID = load_by(device, "device_id")
OTP_USE = load_by(otp_use, "device_id", "step")
MOST_LISTED = 100


@dataclass(frozen=True, slots=True)
class MemberView:
    """A member as its row tells; name and number are None once erased."""

    member_id: int
    member_number: str | None
    account: bytes
    display_name: str | None
    status: str
    custody: str
    ledger_base: int
    created_at: datetime
    household: bool | None = None


def find_by_number(conn: Connection, member_number: str) -> MemberView | None:
    """The member with this GSRN; None also for an erased one."""
    row = conn.execute(_BY_NUMBER, {"wanted": member_number}).one_or_none()
    return None if row is None else MemberView(*row)


def find_with_points(conn: Connection, member_number: str) -> tuple[MemberView, Standing] | None:
    """The member with this GSRN and what it holds and owes, of one moment: one statement, one row."""
    row = conn.execute(_WITH_POINTS[conn.dialect.name], {"wanted": member_number}).fetchone()
    return None if row is None else (MemberView(*row[:-2]), standing_of(*row[-2:]))


def find_by_id(conn: Connection, member_id: int) -> MemberView | None:
    """The member with this internal id, erased or not."""
    return _one(conn, _members().where(member.c.member_id == member_id))


def find_by_account(conn: Connection, account: bytes) -> MemberView | None:
    """The member behind a chain account, erased or not."""
    return _one(conn, _members().where(member.c.account == account))


def find_by_identity(conn: Connection, vault: IdentityVault, identity: Identity) -> MemberView | None:
    """The member with this phone, e-mail or external identity."""
    found = member_identity.c.value_hash == vault.hash_of(identity)
    joined = _members().join(member_identity, member_identity.c.member_id == member.c.member_id)
    return _one(conn, joined.where(found, member_identity.c.kind == identity.kind))


def find_by_card(conn: Connection, vault: IdentityVault, card: Identity) -> MemberView | None:
    """The member whose card in force has this number."""
    joined = _members().join(member_card, member_card.c.member_id == member.c.member_id)
    mine = (member_card.c.number_hash == vault.hash_of(card)) & member_card.c.ended_at.is_(None)
    return _one(conn, joined.where(mine))


def accounts_of(conn: Connection, member_ids: Sequence[int]) -> dict[int, bytes]:
    """The chain accounts of members by their ids."""
    wanted = member.c.member_id.in_(member_ids)
    return {
        row.member_id: row.account
        for row in conn.execute(select(member.c.member_id, member.c.account).where(wanted))
    }


def list_devices(conn: Connection, member_id: int) -> list[DeviceView]:
    """The member's devices by lane, at most ``MOST_LISTED``: those in force, then the latest revoked ones.

    Secrets are not among what is shown.
    """
    mine = select(device).where(device.c.member_id == member_id)
    last_first = mine.order_by(device.c.revoked_at.is_not(None), device.c.lane.desc()).limit(MOST_LISTED)
    found = [view_of(dict(row)) for row in conn.execute(last_first).mappings()]
    return sorted(found, key=lambda view: view.lane)


def list_identities(conn: Connection, vault: IdentityVault, member_id: int) -> list[Identity]:
    """The member's identities in clear, for the member's own eyes."""
    mi = member_identity.c
    statement = select(mi.kind, mi.value_sealed).where(mi.member_id == member_id).order_by(mi.kind)
    return [Identity(row.kind, vault.open(row.kind, row.value_sealed)) for row in conn.execute(statement)]


def _members() -> Select[Any]:
    m = member.c
    who = (m.member_id, m.member_number, m.account, m.display_name)
    return select(*who, m.status, m.custody, m.ledger_base, m.created_at, m.household)


_BY_NUMBER = _members().where(member.c.member_number == bindparam("wanted"))


def _with_points(dialect: str) -> Select[Any]:
    own = [literal_column(sql, Text) for sql in standing_columns(dialect, member.name)]
    return _BY_NUMBER.add_columns(*own)


# Built once, for every balance is one of these; and not of text, whose columns would be found anew each time.
_WITH_POINTS = {dialect: _with_points(dialect) for dialect in ("sqlite", "postgresql")}


def _one(conn: Connection, statement: Select[Any]) -> MemberView | None:
    row = conn.execute(statement).one_or_none()
    return None if row is None else MemberView(*row)


def digits_number(conn: Connection, member_id: int, at: datetime) -> str | None:
    """The device number with which the member shows 18-digit codes now, or None for no such device."""
    d = device.c
    mine = (d.member_id == member_id) & d.otp_number.is_not(None) & d.revoked_at.is_(None)
    found = conn.execute(select(d.otp_number).where(mine, d.active_from <= at).order_by(d.lane).limit(1))
    number: str | None = found.scalar_one_or_none()
    return number
