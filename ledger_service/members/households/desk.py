"""Beginning a household, inviting, joining, keys and rights; each command in the caller's unit of work."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import Connection, RowMapping, func, select, update

from ledger_service.db.bulk import sql_of
from ledger_service.kernel.eip712 import Domain
from ledger_service.kernel.errors import MalformedField
from ledger_service.kernel.ids import IdSource
from ledger_service.kernel.permits import SignerGrant
from ledger_service.kernel.text import clean_text
from ledger_service.members import rules as member_rules
from ledger_service.members.device_rows import FreshDevice
from ledger_service.members.devices import DeviceDesk, devices_of, lock_member
from ledger_service.members.enrolment import PreparedMember, Register
from ledger_service.members.errors import DeviceUnknown, MemberUnknown
from ledger_service.members.households import mates
from ledger_service.members.households.errors import (
    HouseholdConflict,
    HouseholdRightMissing,
    HouseholdUnknown,
)
from ledger_service.members.households.models import household, household_key, household_mate
from ledger_service.members.households.requests import Acceptance, Actor, NewHousehold, OwnKey, Rights
from ledger_service.members.households.rules import INVITATION_LIFE, MOST_MATES
from ledger_service.members.models import device, member
from ledger_service.members.requests import CUSTODY_DEVICE, DeviceView

_LONGEST_NAME = 64
_M = household_mate.c
OWNERS_RIGHTS = Rights("all", None, True)


@dataclass(frozen=True, slots=True)
class HouseholdDesk:
    """Commands on households that move no points."""

    domain: Domain
    ids: IdSource
    register: Register
    devices: DeviceDesk

    def begin(self, conn: Connection, new: NewHousehold, actor: Actor) -> str:
        """The household exists, with its account, its number and its owner; returns the number.

        Raises:
            MemberUnknown, MemberFrozen, DeviceUnknown, DeviceProofInvalid: no owner, or no key of it.
            HouseholdConflict: already-in. MalformedField: no such zone.

        Locks: the owner's row; the head row last.
        """
        zone = _zone(new.timezone)
        owner = lock_member(conn, new.owner_number)
        _check_free(conn, owner["member_id"])
        own = self._own_device(conn, owner["member_id"], new.key.own_lane, actor.at)
        name = None if new.name is None else clean_text(new.name, "name", _LONGEST_NAME)
        prepared = self._account(new.key, name, actor.at)
        enrolled = self.register.enrol(conn, [prepared], actor.at)[0]
        house = enrolled.member_id
        row = {
            "household_id": house, "state": "open", "parting": new.parting, "timezone": zone,
            "closing_at": None, "heir": None, "heir_asked_by": None, "created_at": actor.at,
        }  # fmt: skip
        sql_of(household, conn).insert(conn, [row])
        mate = {"household_id": house, "member_id": owner["member_id"]}
        joined = {**_fresh(OWNERS_RIGHTS, actor.at), "role": "owner", "state": "in", "joined_at": actor.at}
        sql_of(household_mate, conn).insert(conn, [{**mate, **joined}])
        self._bind(conn, house, prepared.first.signer if prepared.first else b"", (owner["member_id"], own))
        mates.note(conn, house, "begun", (owner["member_id"], actor.subject, actor.at))
        return enrolled.member_number

    def invite(self, conn: Connection, number: str, invited: str, rights: Rights, actor: Actor) -> None:
        """The member is invited, for fourteen days; it alone can accept.

        Raises:
            HouseholdUnknown, HouseholdRightMissing: not the owner's household.
            MemberUnknown: nobody to invite. HouseholdConflict: full, already-in, closing.

        Locks: the household's row.
        """
        house = open_house(conn, number, actor, owner=True)
        guest = conn.execute(
            select(member.c.member_id, member.c.household).where(member.c.member_number == invited)
        ).one_or_none()
        if guest is None or guest.household:
            raise MemberUnknown
        known = mate_row(conn, house, guest.member_id)
        if known is not None and known["state"] in ("in", "parting"):
            raise HouseholdConflict("already-in")
        if _count(conn, house, actor.at) >= MOST_MATES:
            raise HouseholdConflict("full")
        row = {**_fresh(rights, actor.at), "household_id": house, "member_id": guest.member_id}
        if known is None:
            sql_of(household_mate, conn).insert(conn, [row])
        else:
            _change(conn, (house, guest.member_id), **row)
        mates.note(conn, house, "invited", (guest.member_id, actor.subject, actor.at))

    def answer(self, conn: Connection, number: str, answer: Acceptance, actor: Actor) -> DeviceView | None:
        """The invited member is a mate, with its key where it brought one; or the invitation is gone.

        Raises:
            MemberFrozen: the member is frozen, or the household's account is.
            HouseholdUnknown: never invited.
            HouseholdConflict: not-invited, invitation-expired, already-in, closing.
            DeviceUnknown, SignerKnown, DeviceLimitReached, DeviceProofInvalid, GrantInvalid: its key.

        Locks: the member's row, the household's; the head row last.
        """
        own_number = conn.execute(
            select(member.c.member_number).where(member.c.member_id == actor.member_id)
        ).scalar_one_or_none()
        own = lock_member(conn, own_number or "")
        house = open_house(conn, number, actor)
        mate = mate_row(conn, house, own["member_id"])
        if mate is None or mate["state"] != "invited":
            raise HouseholdConflict("not-invited")
        key = (house, own["member_id"])
        if not answer.accept:
            _change(conn, key, state="out", left_at=actor.at)
            mates.note(conn, house, "declined", (own["member_id"], actor.subject, actor.at))
            return None
        if actor.at > mate["invited_at"] + INVITATION_LIFE:
            raise HouseholdConflict("invitation-expired")
        _check_free(conn, own["member_id"])
        _change(conn, key, state="in", joined_at=actor.at, left_at=None, shows_baskets=answer.shows_baskets)
        mates.note(conn, house, "joined", (own["member_id"], actor.subject, actor.at))
        return None if answer.key is None else self._add(conn, (house, number), answer.key, actor)

    def add_key(self, conn: Connection, number: str, key: OwnKey, actor: Actor) -> DeviceView:
        """A further phone speaks for the mate here: at once with another signer's grant, else a day later.

        Raises:
            As ``answer``; HouseholdConflict: not-in.
        """
        house = open_house(conn, number, actor)
        mate_in(conn, house, actor.member_id or 0)
        return self._add(conn, (house, number), key, actor)

    def set_rights(self, conn: Connection, number: str, whose: int, rights: Rights, actor: Actor) -> None:
        """The mate may do this from now on; an owner's own right stays whole.

        An operator can only take the right to spend away.

        Raises:
            HouseholdUnknown, HouseholdRightMissing: not the owner's.
            HouseholdConflict: mate-unknown, owner-stays.

        Locks: the household's row: a sale that is under way comes before, or is judged by the new right.
        """
        house = open_house(conn, number, actor, owner=True, closing_too=True)
        mate = mate_row(conn, house, whose)
        if mate is None or mate["state"] not in ("invited", "in"):
            raise HouseholdConflict("mate-unknown")
        if mate["role"] == "owner":
            raise HouseholdConflict("owner-stays")
        if actor.member_id is None and rights.spends != "none":
            raise HouseholdRightMissing
        _change(
            conn, (house, whose), spends=rights.spends, limit_micros=rights.limit_micros,
            sees_balances=rights.sees_balances,
        )  # fmt: skip
        mates.note(conn, house, "rights", (whose, actor.subject, actor.at))

    def show_baskets(self, conn: Connection, number: str, shown: bool, actor: Actor) -> None:
        """The mate lets the others see where and what it bought for the household, or does so no more.

        Raises:
            HouseholdUnknown, HouseholdConflict: not in it.
        """
        house = open_house(conn, number, actor, closing_too=True)
        mate_in(conn, house, actor.member_id or 0)
        _change(conn, (house, actor.member_id or 0), shows_baskets=shown)

    def _add(self, conn: Connection, house: tuple[int, str], key: OwnKey, actor: Actor) -> DeviceView:
        own = self._own_device(conn, actor.member_id or 0, key.own_lane, actor.at)
        view = self.devices.add(conn, house[1], key.device, actor.at, of_household=True)
        self._bind(conn, house[0], key.device.signer, (actor.member_id or 0, own))
        return view

    def _bind(self, conn: Connection, house: int, signer: bytes, whose: tuple[int, int]) -> None:
        its = (device.c.member_id == house) & (device.c.signer == signer)
        device_id = conn.execute(select(device.c.device_id).where(its)).scalar_one()
        row = {"device_id": device_id, "household_id": house}
        mate = {"member_id": whose[0], "own_device_id": whose[1]}
        sql_of(household_key, conn).insert(conn, [row | mate])

    def _account(self, key: OwnKey, name: str | None, at: datetime) -> PreparedMember:
        new, salt = key.device, self.ids.random_bytes(32)
        grant = SignerGrant(member_rules.NO_ACCOUNT, new.signer, 0, new.valid_until)
        member_rules.check_proof(self.domain, grant, new.proof, at)
        since = member_rules.active_from(at, first=True, granted=False)
        label = None if new.label is None else clean_text(new.label, "device.label", _LONGEST_NAME)
        first = FreshDevice(1, new.signer, 0, since, label)
        account = member_rules.account_of(salt)
        return PreparedMember(name, CUSTODY_DEVICE, salt, account, first, (), household=True)

    def _own_device(self, conn: Connection, member_id: int, lane: int, at: datetime) -> int:
        for own in devices_of(conn, member_id):
            if own.lane == lane and own.active_at(at) and not own.custodial:
                return own.device_id
        raise DeviceUnknown


def open_house(
    conn: Connection, number: str, actor: Actor, *, owner: bool = False, closing_too: bool = False
) -> int:
    """The household's id, its account locked; the actor is one of its mates (its owner), or an operator.

    Raises:
        HouseholdUnknown: no such household, or nothing of the actor's.
        HouseholdRightMissing: the owner's to do. HouseholdConflict: closing.
        MemberFrozen: the household's account is frozen.
    """
    try:
        row = lock_member(conn, number, of_household=True, frozen_too=closing_too)
    except MemberUnknown:
        raise HouseholdUnknown from None
    house: int = row["member_id"]
    found = select(household.c.state).where(household.c.household_id == house)
    state = conn.execute(found).scalar_one_or_none()
    if state in (None, "closed"):
        raise HouseholdUnknown
    if actor.member_id is not None:
        _check_mate(mate_row(conn, house, actor.member_id), owner=owner)
    if state != "open" and not closing_too:
        raise HouseholdConflict("closing")
    return house


def mate_row(conn: Connection, house: int, member_id: int) -> RowMapping | None:
    """The row of a member in a household, whatever its state."""
    mine = (_M.household_id == house) & (_M.member_id == member_id)
    return conn.execute(select(household_mate).where(mine)).mappings().one_or_none()


def mate_in(conn: Connection, house: int, member_id: int) -> RowMapping:
    """The row of a mate that is in the household.

    Raises:
        HouseholdConflict: not-in.
    """
    row = mate_row(conn, house, member_id)
    if row is None or row["state"] != "in":
        raise HouseholdConflict("not-in")
    return row


def _check_mate(row: RowMapping | None, *, owner: bool) -> None:
    if row is None or row["state"] == "out":
        raise HouseholdUnknown
    if owner and (row["role"] != "owner" or row["state"] != "in"):
        raise HouseholdRightMissing


def _check_free(conn: Connection, member_id: int) -> None:
    taken = select(_M.household_id).where(_M.member_id == member_id, _M.state == "in")
    if conn.execute(taken).first() is not None:
        raise HouseholdConflict("already-in")


def _count(conn: Connection, house: int, at: datetime) -> int:
    waiting = (_M.state == "invited") & (_M.invited_at >= at - INVITATION_LIFE)
    there = (_M.household_id == house) & (_M.state.in_(("in", "parting")) | waiting)
    return int(conn.execute(select(func.count()).select_from(household_mate).where(there)).scalar_one())


def _change(conn: Connection, key: tuple[int, int], **values: object) -> None:
    mine = (_M.household_id == key[0]) & (_M.member_id == key[1])
    conn.execute(update(household_mate).where(mine).values(**values))


def _fresh(rights: Rights, at: datetime) -> dict[str, Any]:
    return {
        "role": "mate", "state": "invited", "spends": rights.spends, "limit_micros": rights.limit_micros,
        "used_micros": 0, "used_period": "", "sees_balances": rights.sees_balances, "shows_baskets": False,
        "frozen_at": None, "invited_at": at, "joined_at": None, "left_at": None,
    }  # fmt: skip


def _zone(name: str) -> str:
    try:
        return ZoneInfo(name).key
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise MalformedField("timezone", "must be an IANA time zone") from None
