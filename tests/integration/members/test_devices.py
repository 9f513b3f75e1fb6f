"""Devices: at once, in a day, never again; each with its intent."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta

import pytest

from ledger_service.db.engine import Database
from ledger_service.kernel.clock import seconds_floor
from ledger_service.kernel.errors import DomainError
from ledger_service.kernel.intents import operation_of
from ledger_service.kernel.operations import SignerChange
from ledger_service.kernel.paycode_errors import PayCodeAltered
from ledger_service.kernel.permits import FLAG_REVOKE, SignerGrant
from ledger_service.kernel.secp256k1 import address_of_key, sign_digest
from ledger_service.members import queries, rules
from ledger_service.members.device_rows import device_of
from ledger_service.members.errors import (
    DeviceLimitReached,
    DeviceProofInvalid,
    DeviceUnknown,
    GrantInvalid,
    MemberFrozen,
    MemberUnknown,
    SignerKnown,
)
from ledger_service.members.models import device
from ledger_service.members.requests import DeviceView, Enrolled, EnrolMember, NewDevice, RevokeDevice
from ledger_service.outbox.models import intent
from tests.integration.members.alliance import DOMAIN, FIRST_FROM, NOW, Alliance, key, new_device

NOBODY = "950000000000000000"


def add(alliance: Alliance, number: str, new: NewDevice) -> DeviceView:
    """Add a device in a unit of work."""
    return alliance.write(lambda conn: alliance.members.add_device(conn, number, new, NOW))


def revoke(alliance: Alliance, request: RevokeDevice) -> None:
    """Revoke a device in a unit of work."""
    alliance.write(lambda conn: alliance.members.revoke_device(conn, request, NOW))


def changes(alliance: Alliance) -> list[SignerChange]:
    """The signer operations in the outbox, in order."""
    found = [operation_of(str(row["payload"])) for row in alliance.rows(intent)]
    return [change for change in found if isinstance(change, SignerChange)]


def active(alliance: Alliance, member_id: int, at_minutes: int = 0) -> list[bytes]:
    """The signers that count some minutes from now."""
    devices = [device_of(row) for row in alliance.rows(device)]
    return [
        d.signer
        for d in devices
        if d.member_id == member_id and d.active_at(NOW + timedelta(minutes=at_minutes))
    ]


@pytest.fixture
def owner(alliance: Alliance) -> Enrolled:
    """A member with one device, key(1)."""
    return alliance.enrol(EnrolMember("Li", device=new_device(key(1))))[0]


def test_the_first_device_of_an_account_counts_at_once(alliance: Alliance) -> None:
    (bare,) = alliance.enrol(EnrolMember("Li"))
    view = add(alliance, bare.member_number, new_device(key(1), bare.account))
    assert (view.lane, view.active_from) == (1, FIRST_FROM)
    assert active(alliance, bare.member_id) == [address_of_key(key(1))]
    (change,) = changes(alliance)
    assert (change.account, change.flags, change.authorisation) == (bare.account, 0, b"")
    assert change.accepted_at == seconds_floor(FIRST_FROM), "from when the chain counts it too"


def test_a_further_device_with_a_grant_counts_at_once(alliance: Alliance, owner: Enrolled) -> None:
    new = new_device(key(2), owner.account, by=key(1))
    assert add(alliance, owner.member_number, new).lane == 2
    assert active(alliance, owner.member_id) == [address_of_key(key(1)), address_of_key(key(2))]
    change = changes(alliance)[-1]
    assert (change.authorisation, change.valid_until) == (new.authorisation, new.valid_until)


def test_a_further_device_without_a_grant_counts_a_day_after_its_block(
    alliance: Alliance, owner: Enrolled
) -> None:
    view = add(alliance, owner.member_number, new_device(key(2), owner.account))
    assert view.active_from == NOW.replace(microsecond=0) + timedelta(days=1)
    change = changes(alliance)[-1]
    assert (change.authorisation, change.valid_until) == (b"", 0)
    # Not before the chain has said when, however long that takes.
    assert len(active(alliance, owner.member_id, at_minutes=3 * 24 * 60)) == 1
    mined_at = NOW + timedelta(minutes=2)
    alliance.write(lambda conn: alliance.members.confirm_signer(conn, change.op_id, mined_at))
    assert len(active(alliance, owner.member_id, at_minutes=24 * 60)) == 1
    assert len(active(alliance, owner.member_id, at_minutes=24 * 60 + 5)) == 2


def test_a_confirmation_moves_nothing_that_counts_already(alliance: Alliance, owner: Enrolled) -> None:
    (change,) = changes(alliance)
    # A block's time may lie before the acceptance, within the clock skew.
    for mined_at in (NOW - timedelta(seconds=100), NOW + timedelta(days=1)):
        for op in (change.op_id, bytes(16)):
            alliance.write(lambda conn, op=op, at=mined_at: alliance.members.confirm_signer(conn, op, at))
    assert active(alliance, owner.member_id) == [address_of_key(key(1))]


def test_a_waiting_device_cannot_sign_a_payment_or_grant_another(alliance: Alliance, owner: Enrolled) -> None:
    add(alliance, owner.member_number, new_device(key(2), owner.account))
    with pytest.raises(GrantInvalid):
        add(alliance, owner.member_number, new_device(key(3), owner.account, by=key(2)))
    devices = [device_of(row) for row in alliance.rows(device)]
    with pytest.raises(PayCodeAltered):
        rules.active_device(devices, owner.member_id, address_of_key(key(2)), NOW)
    assert rules.active_device(devices, owner.member_id, address_of_key(key(1)), NOW).lane == 1


@pytest.mark.parametrize("authority", [key(9), key(2)])
def test_a_grant_by_a_stranger_or_by_the_new_key_itself_is_refused(
    alliance: Alliance, owner: Enrolled, authority: bytes
) -> None:
    with pytest.raises(GrantInvalid):
        add(alliance, owner.member_number, new_device(key(2), owner.account, by=authority))
    assert alliance.count(device) == 1


def test_a_proof_for_another_account_is_refused(alliance: Alliance, owner: Enrolled) -> None:
    with pytest.raises(DeviceProofInvalid):
        add(alliance, owner.member_number, new_device(key(2), b"\x01" * 20, by=key(1)))


def test_a_custodial_key_does_not_speed_a_device_up(alliance: Alliance) -> None:
    (one,) = alliance.enrol(EnrolMember("Li", custody="custodial"))
    custodian = alliance.custody.key_of(one.account)
    with pytest.raises(GrantInvalid):
        add(alliance, one.member_number, new_device(key(2), one.account, by=custodian))
    assert add(alliance, one.member_number, new_device(key(2), one.account)).lane == 1
    assert len(active(alliance, one.member_id)) == 1


def test_a_member_with_a_device_may_also_pay_with_digits_after_a_day(
    alliance: Alliance, owner: Enrolled
) -> None:
    signer = alliance.members.custodial_signer(owner.account)
    view = alliance.write(lambda conn: alliance.members.allow_digits(conn, owner.member_number, signer, NOW))
    assert (view.lane, view.custodial) == (0, True)
    assert view.digits is not None
    assert active(alliance, owner.member_id) == [address_of_key(key(1))]


def test_a_key_that_was_revoked_never_comes_back(alliance: Alliance, owner: Enrolled) -> None:
    revoke(alliance, RevokeDevice(owner.member_number, 1))
    with pytest.raises(SignerKnown):
        add(alliance, owner.member_number, new_device(key(1), owner.account))
    # The account had a signer once, so the next one waits: a thief cannot revoke and re-register.
    add(alliance, owner.member_number, new_device(key(2), owner.account))
    assert active(alliance, owner.member_id) == []


def test_a_revoked_device_counts_no_more_and_the_chain_is_told(alliance: Alliance, owner: Enrolled) -> None:
    revoke(alliance, RevokeDevice(owner.member_number, 1))
    assert active(alliance, owner.member_id) == []
    change = changes(alliance)[-1]
    assert (change.flags, change.signer, change.accepted_at) == (
        FLAG_REVOKE, address_of_key(key(1)), int(NOW.timestamp()) + 1,
    )  # fmt: skip
    with alliance.database.read() as conn:
        (view,) = queries.list_devices(conn, owner.member_id)
    assert view.revoked_at == NOW
    with pytest.raises(DeviceUnknown):
        revoke(alliance, RevokeDevice(owner.member_number, 1))


def test_a_revocation_may_carry_a_grant_which_must_then_be_good(alliance: Alliance, owner: Enrolled) -> None:
    add(alliance, owner.member_number, new_device(key(2), owner.account, by=key(1)))
    until = int(NOW.timestamp()) + 60
    digest = DOMAIN.digest(
        SignerGrant(owner.account, address_of_key(key(2)), FLAG_REVOKE, until).struct_hash()
    )
    request = RevokeDevice(owner.member_number, 2, until, sign_digest(key(9), digest))
    with pytest.raises(GrantInvalid):
        revoke(alliance, request)
    revoke(alliance, replace(request, authorisation=sign_digest(key(1), digest)))
    assert active(alliance, owner.member_id) == [address_of_key(key(1))]


def test_sixteen_devices_are_the_most(alliance: Alliance, owner: Enrolled) -> None:
    for i in range(2, 17):
        add(alliance, owner.member_number, new_device(key(i), owner.account))
    with pytest.raises(DeviceLimitReached):
        add(alliance, owner.member_number, new_device(key(17), owner.account))


def test_unknown_and_frozen_members_add_no_device_but_the_frozen_may_revoke(
    alliance: Alliance, owner: Enrolled
) -> None:
    with pytest.raises(MemberUnknown):
        add(alliance, NOBODY, new_device(key(2)))
    alliance.write(lambda conn: alliance.members.set_frozen(conn, owner.member_number, True, NOW))
    with pytest.raises(MemberFrozen):
        add(alliance, owner.member_number, new_device(key(2), owner.account))
    revoke(alliance, RevokeDevice(owner.member_number, 1))
    alliance.write(lambda conn: alliance.members.set_frozen(conn, owner.member_number, False, NOW))
    add(alliance, owner.member_number, new_device(key(2), owner.account))


def test_devices_added_at_once_by_two_writers_get_different_lanes(database: Database) -> None:
    rooms = [Alliance(database), Alliance(database)]
    (one,) = rooms[0].enrol(EnrolMember("Li"))
    failures: list[DomainError] = []

    def register(i: int) -> None:
        try:
            add(rooms[i % 2], one.member_number, new_device(key(i), one.account))
        except DomainError as refusal:
            failures.append(refusal)

    threads = [threading.Thread(target=register, args=(i,)) for i in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for room in rooms:
        room.close()
    assert failures == []
    assert sorted(row["lane"] for row in rooms[0].rows(device)) == list(range(1, 9))
    assert len(active(rooms[0], one.member_id)) == 1


def test_a_command_on_devices_takes_few_statements(alliance: Alliance, owner: Enrolled) -> None:
    for action in (
        lambda conn: alliance.members.add_device(
            conn, owner.member_number, new_device(key(2), owner.account), NOW
        ),
        lambda conn: alliance.members.revoke_device(conn, RevokeDevice(owner.member_number, 1), NOW),
    ):
        with alliance.database.begin() as conn:
            before = alliance.database.statements.count
            action(conn)
            assert alliance.database.statements.count - before <= 12


def test_of_many_devices_those_in_force_are_shown_and_the_latest_revoked(
    alliance: Alliance, owner: Enrolled, monkeypatch: pytest.MonkeyPatch
) -> None:
    for i in (2, 3, 4):
        add(alliance, owner.member_number, new_device(key(i), owner.account))
    for lane in (2, 3, 4):
        revoke(alliance, RevokeDevice(owner.member_number, lane))
    monkeypatch.setattr(queries, "MOST_LISTED", 3)
    with alliance.database.read() as conn:
        shown = queries.list_devices(conn, owner.member_id)
    assert [(view.lane, view.revoked_at is None) for view in shown] == [(1, True), (3, False), (4, False)]
