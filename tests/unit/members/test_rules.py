"""Whose signature counts (INV-9), since when, and the numbers that members get."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ledger_service.kernel.eip712 import Domain
from ledger_service.kernel.gs1 import is_key
from ledger_service.kernel.paycode_errors import PayCodeAltered, PayCodeLocked, PayCodeUsed
from ledger_service.kernel.permits import CLOCK_SKEW_SECONDS, FLAG_CUSTODIAL, SignerGrant
from ledger_service.kernel.secp256k1 import address_of_key, sign_digest
from ledger_service.members import rules
from ledger_service.members.errors import (
    DeviceLimitReached,
    DeviceProofInvalid,
    GrantInvalid,
    NumbersExhausted,
    SignerKnown,
)

NOW = datetime(2026, 5, 1, 12, 0, 0, 500_000, tzinfo=UTC)
NOW_SECONDS = int(datetime(2026, 5, 1, 12, tzinfo=UTC).timestamp())
DOMAIN = Domain(1, b"\xcc" * 20)
OLD, NEW = bytes([1]) * 32, bytes([2]) * 32
ACCOUNT = b"\xaa" * 20
DEVICE = rules.Device(1, 7, 1, address_of_key(OLD), 0, NOW - timedelta(days=1))
GRANT = SignerGrant(ACCOUNT, address_of_key(NEW), 0, NOW_SECONDS + 60)


def signed(key: bytes, grant: SignerGrant = GRANT) -> bytes:
    """The key's signature of a grant."""
    return sign_digest(key, DOMAIN.digest(grant.struct_hash()))


def test_a_device_is_active_from_its_first_instant_until_before_its_revocation() -> None:
    device = replace(DEVICE, active_from=NOW, revoked_at=NOW + timedelta(hours=1))
    assert not device.active_at(NOW - timedelta(microseconds=1))
    assert device.active_at(NOW)
    assert device.active_at(NOW + timedelta(minutes=59))
    assert not device.active_at(NOW + timedelta(hours=1))


@pytest.mark.parametrize(
    ("devices", "member", "signer"),
    [
        ([], 7, DEVICE.signer),
        ([DEVICE], 8, DEVICE.signer),
        ([DEVICE], 7, b"\x01" * 20),
        ([DEVICE], 7, None),
        ([replace(DEVICE, active_from=NOW + timedelta(hours=1))], 7, DEVICE.signer),
        ([replace(DEVICE, revoked_at=NOW)], 7, DEVICE.signer),
    ],
)
def test_nobody_elses_and_no_inactive_signature_spends(
    devices: list[rules.Device], member: int, signer: bytes | None
) -> None:
    with pytest.raises(PayCodeAltered):
        rules.active_device(devices, member, signer, NOW)


def test_of_several_devices_the_one_that_signed_is_found() -> None:
    stranger = replace(DEVICE, member_id=8)
    assert rules.active_device([stranger, DEVICE], 7, DEVICE.signer, NOW) == DEVICE


def test_a_granted_signer_counts_at_once_in_whole_seconds() -> None:
    assert rules.active_from(NOW, first=False, granted=True) == NOW.replace(microsecond=0)


def test_a_first_signer_counts_at_tills_whose_clock_is_behind() -> None:
    since = rules.active_from(NOW, first=True, granted=False)
    assert since == NOW.replace(microsecond=0) - timedelta(seconds=CLOCK_SKEW_SECONDS)


def test_a_further_signer_waits_a_day_from_its_block() -> None:
    waiting = rules.active_from(NOW, first=False, granted=False)
    mined = NOW + timedelta(minutes=3)
    assert waiting >= NOW.replace(microsecond=0) + timedelta(days=8)
    assert (
        timedelta(days=1)
        <= rules.confirmed_active_from(mined) - mined.replace(microsecond=0)
        < timedelta(days=1, minutes=5)
    )


def test_what_was_accepted_before_a_revocation_in_the_same_second_stays_valid_on_chain() -> None:
    assert rules.revocation_second(NOW) == NOW_SECONDS + 1


def test_the_new_key_proves_itself_by_signing_its_own_grant() -> None:
    rules.check_proof(DOMAIN, GRANT, signed(NEW), NOW)


@pytest.mark.parametrize(
    ("grant", "proof"),
    [
        (GRANT, signed(OLD)),
        (GRANT, b""),
        (GRANT, signed(NEW, replace(GRANT, account=bytes(20)))),
        (
            replace(GRANT, valid_until=NOW_SECONDS - 1),
            signed(NEW, replace(GRANT, valid_until=NOW_SECONDS - 1)),
        ),
        (
            replace(GRANT, valid_until=NOW_SECONDS + 86_401),
            signed(NEW, replace(GRANT, valid_until=NOW_SECONDS + 86_401)),
        ),
    ],
)
def test_any_other_proof_of_possession_is_invalid(grant: SignerGrant, proof: bytes) -> None:
    with pytest.raises(DeviceProofInvalid):
        rules.check_proof(DOMAIN, grant, proof, NOW)


def test_an_active_device_may_grant() -> None:
    rules.check_grant(DOMAIN, GRANT, signed(OLD), [DEVICE], NOW)


@pytest.mark.parametrize(
    ("devices", "authorisation", "at"),
    [
        ([DEVICE], signed(NEW), NOW),
        ([DEVICE], signed(b"\x03" * 32), NOW),
        ([DEVICE], bytes(65), NOW),
        ([replace(DEVICE, revoked_at=NOW)], signed(OLD), NOW),
        ([replace(DEVICE, flags=FLAG_CUSTODIAL)], signed(OLD), NOW),
        ([DEVICE], signed(OLD), NOW + timedelta(seconds=61)),
        ([replace(DEVICE, signer=address_of_key(NEW))], signed(NEW), NOW),
    ],
)
def test_a_grant_by_anybody_else_or_too_late_is_invalid(
    devices: list[rules.Device], authorisation: bytes, at: datetime
) -> None:
    with pytest.raises(GrantInvalid):
        rules.check_grant(DOMAIN, GRANT, authorisation, devices, at)


def test_a_key_is_registered_once_in_its_life() -> None:
    with pytest.raises(SignerKnown):
        rules.check_new_signer([replace(DEVICE, revoked_at=NOW)], DEVICE.signer)


def test_a_member_has_at_most_sixteen_active_devices() -> None:
    many = [replace(DEVICE, lane=i, signer=bytes([i]) * 20) for i in range(16)]
    with pytest.raises(DeviceLimitReached):
        rules.check_new_signer(many, b"\xff" * 20)
    rules.check_new_signer([replace(many[0], revoked_at=NOW), *many[1:]], b"\xff" * 20)


def test_lanes_are_never_given_twice_and_begin_at_one() -> None:
    assert rules.next_lane([]) == 1
    assert rules.next_lane([replace(DEVICE, lane=4, revoked_at=NOW)]) == 5


@pytest.mark.parametrize("prefix", ["952000", "9520001", "952000112345"])
def test_a_member_number_is_a_gsrn_of_the_prefix(prefix: str) -> None:
    number = rules.member_number_of(prefix, 42)
    assert is_key(number, 18)
    assert number.startswith(prefix)


def test_a_prefix_that_leaves_no_room_says_so() -> None:
    rules.member_number_of("952000112345", 99_999)
    with pytest.raises(NumbersExhausted):
        rules.member_number_of("952000112345", 100_000)


def test_an_account_follows_from_its_salt_alone() -> None:
    assert rules.account_of(bytes(32)) == rules.account_of(bytes(32))
    assert rules.account_of(bytes(32)) != rules.account_of(b"\x01" + bytes(31))
    assert len(rules.account_of(bytes(32))) == 20


def test_a_locked_device_tells_the_seconds_that_remain_rounded_up() -> None:
    locked = replace(DEVICE, otp_locked_until=NOW + timedelta(seconds=90, microseconds=1))
    with pytest.raises(PayCodeLocked) as refusal:
        rules.check_lock(locked, NOW)
    assert refusal.value.retry_after_seconds == 91
    rules.check_lock(locked, NOW + timedelta(seconds=91))


def test_the_use_of_digits_is_refused_when_used_locked_or_inactive() -> None:
    rules.check_digits_use(DEVICE, used=False, at=NOW)
    with pytest.raises(PayCodeUsed):
        rules.check_digits_use(DEVICE, used=True, at=NOW)
    with pytest.raises(PayCodeLocked):
        rules.check_digits_use(replace(DEVICE, otp_locked_until=NOW + timedelta(1)), used=False, at=NOW)
    with pytest.raises(PayCodeAltered):
        rules.check_digits_use(replace(DEVICE, revoked_at=NOW), used=False, at=NOW)
