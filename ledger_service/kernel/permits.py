"""What is signed: spend and gift permits of members, grants of signers, slices of merchants (D1 to D4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ledger_service.kernel.eip712 import struct_hash
from ledger_service.kernel.points import Leg, legs_hash
from ledger_service.kernel.secp256k1 import keccak256

_SPEND = "SpendPermit(address account,uint256 nonce,uint64 maxValueMicros,uint40 validUntil)"
_GIFT = "GiftPermit(address account,address recipient,uint256 nonce,uint40 validUntil,bytes32 legsHash)"
_CONVERSION = (
    "ConversionPermit(address account,uint32 programme,uint64 points,uint32 target,uint64 leastPoints,"
    "uint256 nonce,uint40 validUntil)"
)
_GRANT = "SignerGrant(address account,address signer,uint8 flags,uint40 validUntil)"
_MOVE = "AccountMove(address account,address successor,address signer,uint40 validUntil)"
_OBJECTION = "Objection(address account,uint64 number)"
_SLICE = "Slice(uint64 batch,uint64 merchant,bytes32 operationsHash)"

MINING_WINDOW_SECONDS = 7 * 86_400
CAPTURE_WINDOW_SECONDS = 3 * 86_400
SIGNER_DELAY_SECONDS = 86_400
CLOCK_SKEW_SECONDS = 120
_ACCEPTANCE = "Acceptance(bytes32 permitDigest,uint40 acceptedAt)"

FLAG_CUSTODIAL = 1
FLAG_CONTRACT = 2
FLAG_REVOKE = 4


def nonce_of(lane: int, counter: int) -> int:
    """A permit nonce: the device's lane above its own counter, both 32 bits (D4)."""
    return lane << 32 | counter


@dataclass(frozen=True, slots=True)
class SpendPermit:
    """A member's leave to redeem up to a value, once, until an instant (D3).

    ``max_value_micros`` is settlement value, not points; ``valid_until`` is seconds since 1970.
    """

    account: bytes
    nonce: int
    max_value_micros: int
    valid_until: int

    def struct_hash(self) -> bytes:
        """The EIP-712 struct hash."""
        return struct_hash(_SPEND, self.account, self.nonce, self.max_value_micros, self.valid_until)


@dataclass(frozen=True, slots=True)
class GiftPermit:
    """A member's leave to give exactly these legs to one other account."""

    account: bytes
    recipient: bytes
    nonce: int
    valid_until: int
    legs: tuple[Leg, ...]

    def struct_hash(self) -> bytes:
        """The EIP-712 struct hash."""
        return struct_hash(
            _GIFT, self.account, self.recipient, self.nonce, self.valid_until, legs_hash(self.legs)
        )


@dataclass(frozen=True, slots=True)
class ConversionPermit:
    """A member's leave to convert so many points of one programme into at least so many of another."""

    account: bytes
    programme: int
    points: int
    target: int
    least_points: int
    nonce: int
    valid_until: int

    def struct_hash(self) -> bytes:
        """The EIP-712 struct hash."""
        return struct_hash(
            _CONVERSION, self.account, self.programme, self.points, self.target, self.least_points,
            self.nonce, self.valid_until,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class SignerGrant:
    """An existing signer's leave to add or (flag) revoke a signer of the account at once (D1)."""

    account: bytes
    signer: bytes
    flags: int
    valid_until: int

    def struct_hash(self) -> bytes:
        """The EIP-712 struct hash."""
        return struct_hash(_GRANT, self.account, self.signer, self.flags, self.valid_until)


@dataclass(frozen=True, slots=True)
class MovePermit:
    """A member's leave to move everything to a new account whose one signer is ``signer``."""

    account: bytes
    successor: bytes
    signer: bytes
    valid_until: int

    def struct_hash(self) -> bytes:
        """The EIP-712 struct hash."""
        return struct_hash(_MOVE, self.account, self.successor, self.signer, self.valid_until)


def objection_struct_hash(account: bytes, number: int) -> bytes:
    """What a signer of the account signs to stop its announced move (domain of the recovery desk)."""
    return struct_hash(_OBJECTION, account, number)


def slice_struct_hash(batch: int, merchant: int, leaves: Sequence[bytes]) -> bytes:
    """The struct hash that a merchant's operations key signs for its slice of one batch (D2)."""
    return struct_hash(_SLICE, batch, merchant, keccak256(b"".join(leaves)))


def acceptance_struct_hash(permit_digest: bytes, accepted_at: int) -> bytes:
    """What a till key signs when it takes a pay code: the permit and the second (D2)."""
    return struct_hash(_ACCEPTANCE, permit_digest, accepted_at)
