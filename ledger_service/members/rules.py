"""Pure rules of the members room: whose signature counts and since when, numbers, accounts, codes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ledger_service.kernel.clock import instant_of_seconds, seconds_floor
from ledger_service.kernel.eip712 import Domain
from ledger_service.kernel.gs1 import with_check_digit
from ledger_service.kernel.paycode_errors import PayCodeAltered, PayCodeLocked, PayCodeUsed
from ledger_service.kernel.permits import (
    CLOCK_SKEW_SECONDS,
    FLAG_CUSTODIAL,
    MINING_WINDOW_SECONDS,
    SIGNER_DELAY_SECONDS,
    SignerGrant,
)
from ledger_service.kernel.secp256k1 import keccak256, recover_address
from ledger_service.members.errors import (
    DeviceLimitReached,
    DeviceProofInvalid,
    GrantInvalid,
    NumbersExhausted,
    SignerKnown,
)

MOST_ACTIVE_DEVICES = 16
MOST_WRONG_CODES = 5
LOCK = timedelta(minutes=5)
PROOF_LIFE_SECONDS = 86_400
NO_ACCOUNT = bytes(20)
_ACCOUNT_LABEL = b"alliance-account"
_GSRN_BODY_DIGITS = 17


@dataclass(frozen=True, slots=True)
class Device:
    """A signer of an account as its row in ``device`` tells; active in [active_from, revoked_at)."""

    device_id: int
    member_id: int
    lane: int
    signer: bytes
    flags: int
    active_from: datetime
    revoked_at: datetime | None = None
    otp_failures: int = 0
    otp_locked_until: datetime | None = None

    @property
    def custodial(self) -> bool:
        """Whether the signing process holds this key (D1)."""
        return bool(self.flags & FLAG_CUSTODIAL)

    def active_at(self, at: datetime) -> bool:
        """Whether the signer counts at the instant."""
        return self.active_from <= at and (self.revoked_at is None or at < self.revoked_at)


def active_device(devices: Iterable[Device], member_id: int, signer: bytes | None, at: datetime) -> Device:
    """The one device of the member whose key signed and counts at the acceptance time (D1, INV-9).

    Args:
        devices: rows of ``device``; those of other members and other signers are passed over.
        member_id: whose account the permit names.
        signer: the address recovered from the permit; None for no proper signature.
        at: the acceptance time.

    Raises:
        PayCodeAltered: no such signer, or not active at that time.
    """
    for device in devices:
        if device.member_id == member_id and device.signer == signer and device.active_at(at):
            return device
    raise PayCodeAltered


def account_of(salt: bytes) -> bytes:
    """The pseudonymous 20-byte account address that only this salt explains (D15)."""
    return keccak256(_ACCOUNT_LABEL + salt)[-20:]


def member_number_of(gs1_prefix: str, member_id: int) -> str:
    """The GSRN of a member under the alliance's GS1 company prefix.

    Raises:
        NumbersExhausted: the digits that the prefix leaves do not hold the id.
    """
    room = _GSRN_BODY_DIGITS - len(gs1_prefix)
    if member_id >= 10**room:
        raise NumbersExhausted("member")
    return with_check_digit(f"{gs1_prefix}{member_id:0{room}d}")


def active_from(at: datetime, *, first: bool, granted: bool) -> datetime:
    """When a new signer counts: at once for the first or a granted one, else a day later (D1).

    The chain counts that day from the block, not from the acceptance, so that nobody can date a key
    back. A key that waits is therefore not counted before the last moment the contract may name,
    until ``confirmed_active_from`` says better. Whole seconds, rounded down as on chain.

    The first one counts from a clock's skew before: a till whose clock is that much behind signs earlier
    acceptance times, and who enrols in the shop pays there at once. An account without a signer has nothing
    that could be taken in that time.
    """
    if first:
        return instant_of_seconds(seconds_floor(at) - CLOCK_SKEW_SECONDS)
    delay = 0 if granted else MINING_WINDOW_SECONDS + SIGNER_DELAY_SECONDS
    return instant_of_seconds(seconds_floor(at) + delay)


def confirmed_active_from(mined_at: datetime) -> datetime:
    """When a waiting signer counts, once the chain has it; ``mined_at`` is when we saw its block."""
    return instant_of_seconds(seconds_floor(mined_at) + SIGNER_DELAY_SECONDS + CLOCK_SKEW_SECONDS)


def revocation_second(at: datetime) -> int:
    """The chain's acceptance time of a revocation: the next whole second.

    What was accepted earlier within the present second stays valid on chain, as it is in SQL.
    """
    return seconds_floor(at) + 1


def check_proof(domain: Domain, grant: SignerGrant, proof: bytes, at: datetime) -> None:
    """The new key itself signed the grant, within its validity of at most a day.

    Raises:
        DeviceProofInvalid: another key's signature, none, or a validity out of range.
    """
    now = seconds_floor(at)
    in_time = now <= grant.valid_until <= now + PROOF_LIFE_SECONDS
    if not in_time or recover_address(domain.digest(grant.struct_hash()), proof) != grant.signer:
        raise DeviceProofInvalid


def check_grant(
    domain: Domain, grant: SignerGrant, authorisation: bytes, devices: Iterable[Device], at: datetime
) -> None:
    """A device of the member that is active now gave leave for the change.

    A custodial key's word does not count, or the custodian could free itself of its limits.

    Raises:
        GrantInvalid: nobody's, a stranger's, a custodial or an inactive signer's signature, or an
            expired grant.
    """
    granter = recover_address(domain.digest(grant.struct_hash()), authorisation)
    known = any(d.signer == granter and not d.custodial and d.active_at(at) for d in devices)
    if granter is None or not known or granter == grant.signer or seconds_floor(at) > grant.valid_until:
        raise GrantInvalid


def check_new_signer(devices: Sequence[Device], signer: bytes) -> None:
    """The signer is new to the account, which has room for one more.

    Raises:
        SignerKnown: registered before, revoked or not.
        DeviceLimitReached: sixteen devices are not revoked.
    """
    check_unknown_signer(devices, signer)
    if sum(d.revoked_at is None for d in devices) >= MOST_ACTIVE_DEVICES:
        raise DeviceLimitReached(MOST_ACTIVE_DEVICES)


def check_unknown_signer(devices: Iterable[Device], signer: bytes) -> None:
    """No account of the member has or had this key; for one that will be the only one of its account.

    Raises:
        SignerKnown: registered before, revoked or not.
    """
    if any(d.signer == signer for d in devices):
        raise SignerKnown


def next_lane(devices: Iterable[Device]) -> int:
    """The lane of a further device: one above the highest ever given; lane 0 is the custodial key's."""
    return max((d.lane for d in devices), default=0) + 1


def check_lock(device: Device, at: datetime) -> None:
    """The 18-digit form of the device is not locked.

    Raises:
        PayCodeLocked: with the whole seconds that remain.
    """
    if device.otp_locked_until is not None and at < device.otp_locked_until:
        raise PayCodeLocked(-((at - device.otp_locked_until) // timedelta(seconds=1)))


def check_digits_use(device: Device, *, used: bool, at: datetime) -> None:
    """An 18-digit code that was right may be used now: what a checkout decides within its unit of work.

    Args:
        device: its row, loaded in the same unit of work.
        used: whether ``otp_use`` has a row for the device and step.
        at: the acceptance time.

    Raises:
        PayCodeUsed: the code's one use is behind it.
        PayCodeLocked: too many wrong codes meanwhile.
        PayCodeAltered: the custodial signer is revoked or not active yet.
    """
    if used:
        raise PayCodeUsed
    check_lock(device, at)
    if not device.active_at(at):
        raise PayCodeAltered
