"""Adding and revoking signers of a member's account (D1), each with its intent in the same unit of work."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection, RowMapping, select, update

from ledger_service.db.bulk import sql_of
from ledger_service.kernel.clock import instant_of_seconds, seconds_floor
from ledger_service.kernel.eip712 import Domain
from ledger_service.kernel.intents import readable_operation
from ledger_service.kernel.operations import SignerChange
from ledger_service.kernel.permits import FLAG_CUSTODIAL, FLAG_REVOKE, SIGNER_DELAY_SECONDS, SignerGrant
from ledger_service.kernel.text import clean_text
from ledger_service.members import rules
from ledger_service.members.device_rows import (
    FreshDevice,
    SignerRevocation,
    device_of,
    device_rows,
    revocation_intent,
    signer_intent,
    view_of,
)
from ledger_service.members.errors import DeviceUnknown, MemberFrozen, MemberUnknown
from ledger_service.members.households.errors import HouseholdAccount
from ledger_service.members.households.models import household_key
from ledger_service.members.models import device, member
from ledger_service.members.numbers import take_ids
from ledger_service.members.requests import DeviceView, NewDevice, RevokeDevice
from ledger_service.outbox.models import intent
from ledger_service.outbox.service import NewIntent, enqueue_now

_LONGEST_LABEL = 64


@dataclass(frozen=True, slots=True)
class DeviceDesk:
    """Commands on devices; each runs in the caller's unit of work and never commits."""

    domain: Domain
    one_time_master: bytes

    def add(
        self, conn: Connection, number: str, new: NewDevice, at: datetime, *, of_household: bool = False
    ) -> DeviceView:
        """The key is a signer of the member's account: at once if first or granted, else in a day.

        Raises:
            MemberUnknown, MemberFrozen: nobody who may add a device.
            HouseholdAccount: a household's number, and the caller is not the household's own desk.
            SignerKnown: the account has or had this key.
            DeviceLimitReached: sixteen devices are active.
            DeviceProofInvalid: the key did not sign its own grant.
            GrantInvalid: an authorisation that is no active device's.

        Locks: the member's row; the head row last.
        """
        owner = lock_member(conn, number, of_household=of_household)
        devices = devices_of(conn, owner["member_id"])
        rules.check_new_signer(devices, new.signer)
        grant = SignerGrant(owner["account"], new.signer, 0, new.valid_until)
        rules.check_proof(self.domain, grant, new.proof, at)
        if new.authorisation:
            rules.check_grant(self.domain, grant, new.authorisation, devices, at)
        fresh = FreshDevice(
            lane=rules.next_lane(devices),
            signer=new.signer,
            flags=0,
            active_from=rules.active_from(at, first=not devices, granted=bool(new.authorisation)),
            label=None if new.label is None else clean_text(new.label, "label", _LONGEST_LABEL),
            valid_until=new.valid_until if new.authorisation else 0,
            authorisation=new.authorisation,
        )
        return self._write(conn, owner, fresh, at)

    def add_custodial(self, conn: Connection, member_number: str, signer: bytes, at: datetime) -> DeviceView:
        """The signing process's key is a signer too, so that the member can pay with 18 digits.

        Args:
            conn: the db transaction.
            member_number: whose account.
            signer: the custodial address of that account, asked for before.
            at: now; the key counts a day later unless it is the account's first.

        Raises:
            MemberUnknown, MemberFrozen, SignerKnown, DeviceLimitReached: as for ``add``.

        Locks: the member's row; the head row last.
        """
        owner = lock_member(conn, member_number)
        devices = devices_of(conn, owner["member_id"])
        rules.check_new_signer(devices, signer)
        lane = rules.next_lane(devices) if any(d.lane == 0 for d in devices) else 0
        since = rules.active_from(at, first=not devices, granted=False)
        return self._write(conn, owner, FreshDevice(lane, signer, FLAG_CUSTODIAL, since, None), at)

    def revoke(self, conn: Connection, request: RevokeDevice, at: datetime) -> None:
        """The device signs nothing from now on; no signature is needed, a lost phone cannot give one.

        Raises:
            MemberUnknown: no such member.
            DeviceUnknown: no active device in that lane.
            GrantInvalid: an authorisation that is no active device's.

        Locks: the member's row; the head row last.
        """
        owner = lock_member(conn, request.member_number, frozen_too=True, of_household=True)
        devices = devices_of(conn, owner["member_id"])
        gone = next((d for d in devices if d.lane == request.lane and d.revoked_at is None), None)
        if gone is None:
            raise DeviceUnknown
        if request.authorisation:
            grant = SignerGrant(owner["account"], gone.signer, FLAG_REVOKE, request.valid_until)
            rules.check_grant(self.domain, grant, request.authorisation, devices, at)
        change = SignerRevocation(
            accepted_at=rules.revocation_second(at),
            valid_until=request.valid_until if request.authorisation else 0,
            authorisation=request.authorisation,
        )
        mark_revoked(conn, [gone.device_id], at)
        elsewhere = end_household_keys(conn, [gone.device_id], at)
        mine = revocation_intent(owner["member_id"], owner["account"], gone, change)
        enqueue_now(conn, [mine, *elsewhere], at)

    def confirm(self, conn: Connection, op_id: bytes, mined_at: datetime) -> None:
        """A signer that waits for its day counts from a day after the block that was just seen.

        Called for every mined signer operation; those that count already stay as they are.
        Idempotency: a later call, after a reorg, moves the instant again.
        """
        found = conn.execute(
            select(intent.c.payload, intent.c.member_id).where(intent.c.op_id == op_id)
        ).one_or_none()
        if found is None:
            return
        change = readable_operation(found.payload)
        if not isinstance(change, SignerChange) or change.flags & FLAG_REVOKE:
            return
        mine = (device.c.member_id == found.member_id) & (device.c.signer == change.signer)
        # A first or granted signer counts from its acceptance, which a block's own time may precede.
        waits = device.c.active_from > instant_of_seconds(change.accepted_at)
        conn.execute(
            update(device).where(mine, waits).values(active_from=rules.confirmed_active_from(mined_at))
        )

    def _write(self, conn: Connection, owner: RowMapping, fresh: FreshDevice, at: datetime) -> DeviceView:
        member_id = owner["member_id"]
        rows = device_rows([(member_id, fresh)], take_ids(conn, device.c.device_id, 1), at)
        sql_of(device, conn).insert(conn, rows)
        enqueue_now(conn, [signer_intent(member_id, owner["account"], fresh, seconds_floor(at))], at)
        view = view_of(rows[0], self.one_time_master)
        if fresh.active_from > at:
            # What the member may expect; the row waits for the block and ``confirm``.
            expected = at.replace(microsecond=0) + timedelta(seconds=SIGNER_DELAY_SECONDS)
            return replace(view, active_from=expected)
        return view


def lock_member(
    conn: Connection, member_number: str, *, frozen_too: bool = False, of_household: bool = False
) -> RowMapping:
    """The member's row, locked until the end of the db transaction.

    Raises:
        MemberUnknown: no such number, or erased.
        HouseholdAccount: a household's, and the caller does not ask for those too.
        MemberFrozen: frozen, and the caller does not ask for frozen members too.
    """
    statement = select(member).where(member.c.member_number == member_number).with_for_update(key_share=True)
    row = conn.execute(statement).mappings().one_or_none()
    if row is None or row["status"] == "erased":
        raise MemberUnknown
    if row["household"] and not of_household:
        raise HouseholdAccount
    if row["status"] == "frozen" and not frozen_too:
        raise MemberFrozen
    return row


def lock_member_by_id(conn: Connection, member_id: int) -> RowMapping | None:
    """The member's row, locked until the end of the db transaction; None for one that is erased."""
    statement = select(member).where(member.c.member_id == member_id).with_for_update(key_share=True)
    row = conn.execute(statement).mappings().one()
    return None if row["status"] == "erased" else row


def devices_of(conn: Connection, member_id: int) -> list[rules.Device]:
    """Every device that the member ever had, by lane."""
    statement = select(device).where(device.c.member_id == member_id).order_by(device.c.lane)
    return [device_of(dict(row)) for row in conn.execute(statement).mappings()]


def mark_revoked(conn: Connection, device_ids: list[int], at: datetime) -> None:
    """The devices are revoked from this instant on."""
    conn.execute(
        update(device).where(device.c.device_id.in_(device_ids)).values(status="revoked", revoked_at=at)
    )


def end_household_keys(conn: Connection, own_device_ids: list[int], at: datetime) -> list[NewIntent]:
    """What lives on these devices of a member signs nothing for its households either; returns the intents.

    Locks: the rows of the households' accounts, behind the member's own: no sale there is acknowledged after
    this is.
    """
    mine = household_key.c.own_device_id.in_(own_device_ids)
    joined = household_key.join(device, device.c.device_id == household_key.c.device_id)
    active = device.c.revoked_at.is_(None)
    found = select(household_key.c.household_id).select_from(joined).where(mine, active)
    houses = set(conn.execute(found).scalars())
    if not houses:
        return []
    accounts = lock_accounts(conn, houses)
    mine_now = select(household_key.c.device_id).where(mine)
    keys = select(device).where(device.c.device_id.in_(mine_now), active)
    gone = [device_of(dict(row)) for row in conn.execute(keys.order_by(device.c.device_id)).mappings()]
    mark_revoked(conn, [key.device_id for key in gone], at)
    change = SignerRevocation(rules.revocation_second(at))
    return [revocation_intent(key.member_id, accounts[key.member_id], key, change) for key in gone]


def lock_accounts(conn: Connection, member_ids: Iterable[int]) -> dict[int, bytes]:
    """The accounts of these rows of ``member``, which stay locked until the end of the db transaction."""
    wanted = select(member.c.member_id, member.c.account).where(member.c.member_id.in_(list(member_ids)))
    rows = conn.execute(wanted.order_by(member.c.member_id).with_for_update(key_share=True))
    return {row.member_id: row.account for row in rows}
