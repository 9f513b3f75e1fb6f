"""The ten chain operations, their Merkle leaves, and their form in an outbox intent.

A leaf is fixed when the operation is accepted; batch number and position come later, so receipts
can name an operation before the chain has seen it (D13). The ClearingHouse computes the same leaf.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum
from typing import ClassVar

from ledger_service.kernel.eip712 import word
from ledger_service.kernel.points import Leg, legs_hash
from ledger_service.kernel.secp256k1 import keccak256

FLAG_SERIES = 1


class Kind(IntEnum):
    """The kind word that starts every leaf."""

    ISSUE = 1
    REDEEM = 2
    RESTORE = 3
    CLAWBACK = 4
    EXPIRE = 5
    GIFT = 6
    SIGNER = 7
    MOVE = 8
    EXTEND = 9
    CONVERT = 10


class IssueReason(IntEnum):
    """Why points were issued."""

    EARN = 0
    ADJUSTMENT = 1
    CONVERSION = 2
    REWARD = 3  # for sharing: only as the desk of campaigns has it promised (INV-14)


class MoveReason(IntEnum):
    """Why an account gave way to another: its member's will, or what two operators found (INV-9)."""

    ROTATION = 1
    RECOVERY = 2
    MERGE = 3


_KIND_WORDS = {kind: word(kind) for kind in Kind}
_HALF_WORD = bytes(16)


def leaf_of(kind: Kind, op_id: bytes, *words: int | bytes) -> bytes:
    """keccak256 over kind, op_id (left-aligned, as ABI ``bytes16``) and the further words."""
    # Integers, which most words are, are spared the call.
    further = [w.to_bytes(32, "big") if type(w) is int else word(w) for w in words]
    return keccak256(b"".join((_KIND_WORDS[kind], op_id, _HALF_WORD, *further)))


@dataclass(frozen=True, slots=True)
class Issue:
    """Issue points of the merchant's own programme to an account."""

    kind: ClassVar[Kind] = Kind.ISSUE
    op_id: bytes
    merchant: int
    account: bytes
    accepted_at: int
    reason: int
    leg: Leg

    def leaf(self) -> bytes:
        """The operation's Merkle leaf."""
        return leaf_of(
            self.kind, self.op_id, self.merchant, self.account, self.accepted_at, self.reason, self.leg.word()
        )


@dataclass(frozen=True, slots=True)
class Redeem:
    """Redeem one to eight legs at the accepting merchant under one spend permit (D5).

    ``permit_digest`` is the EIP-712 digest that was signed; ``signature`` its bytes.
    """

    kind: ClassVar[Kind] = Kind.REDEEM
    op_id: bytes
    merchant: int
    account: bytes
    nonce: int
    max_value_micros: int
    valid_until: int
    accepted_at: int
    flags: int
    permit_digest: bytes
    legs: tuple[Leg, ...]
    signature: bytes

    def leaf(self) -> bytes:
        """The operation's Merkle leaf."""
        return leaf_of(
            self.kind, self.op_id, self.merchant, self.account, self.nonce, self.accepted_at, self.flags,
            self.permit_digest, legs_hash(self.legs),
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Restore:
    """Give redeemed points back: part of one leg of a redemption that a batch root proves (D10).

    ``leg`` carries the restored epoch and amount and the original terms version.
    """

    kind: ClassVar[Kind] = Kind.RESTORE
    op_id: bytes
    merchant: int
    account: bytes
    accepted_at: int
    original_op_id: bytes
    original_leaf: bytes
    leg_index: int
    leg: Leg

    def leaf(self) -> bytes:
        """The operation's Merkle leaf."""
        return leaf_of(
            self.kind, self.op_id, self.merchant, self.account, self.accepted_at, self.original_leaf,
            self.leg_index, self.leg.word(),
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Clawback:
    """Take back points of one programme, never more than one proven issue gave (INV-9)."""

    kind: ClassVar[Kind] = Kind.CLAWBACK
    op_id: bytes
    merchant: int
    account: bytes
    accepted_at: int
    original_op_id: bytes
    original_leaf: bytes
    legs: tuple[Leg, ...]

    def leaf(self) -> bytes:
        """The operation's Merkle leaf."""
        return leaf_of(
            self.kind, self.op_id, self.merchant, self.account, self.accepted_at, self.original_leaf,
            legs_hash(self.legs),
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Expire:
    """Burn what is left of an ended epoch on one account (D9)."""

    kind: ClassVar[Kind] = Kind.EXPIRE
    op_id: bytes
    merchant: int
    account: bytes
    accepted_at: int
    leg: Leg

    def leaf(self) -> bytes:
        """The operation's Merkle leaf."""
        return leaf_of(self.kind, self.op_id, self.merchant, self.account, self.accepted_at, self.leg.word())


@dataclass(frozen=True, slots=True)
class Gift:
    """Move legs of the merchant's programme from one account to another under the giver's gift permit."""

    kind: ClassVar[Kind] = Kind.GIFT
    op_id: bytes
    merchant: int
    account: bytes
    recipient: bytes
    nonce: int
    valid_until: int
    accepted_at: int
    permit_digest: bytes
    legs: tuple[Leg, ...]
    signature: bytes

    def leaf(self) -> bytes:
        """The operation's Merkle leaf."""
        return leaf_of(
            self.kind, self.op_id, self.merchant, self.account, self.recipient, self.nonce, self.accepted_at,
            self.permit_digest, legs_hash(self.legs),
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class SignerChange:
    """Add or revoke a signer of an account; ``authorisation`` is an existing signer's, or empty (D1)."""

    kind: ClassVar[Kind] = Kind.SIGNER
    op_id: bytes
    account: bytes
    signer: bytes
    flags: int
    accepted_at: int
    valid_until: int
    authorisation: bytes
    merchant: ClassVar[int] = 0

    def leaf(self) -> bytes:
        """The operation's Merkle leaf."""
        return leaf_of(self.kind, self.op_id, 0, self.account, self.signer, self.flags, self.accepted_at)


@dataclass(frozen=True, slots=True)
class AccountMove:
    """All that an account has of the named programmes and epochs goes to its successor, for good.

    ``legs`` have neither terms version nor amount: what moves is known to the block alone. A rotation has the
    successor's one ``signer`` and the member's ``authorisation``; otherwise they are zero and empty.
    """

    kind: ClassVar[Kind] = Kind.MOVE
    op_id: bytes
    account: bytes
    successor: bytes
    reason: int
    accepted_at: int
    valid_until: int
    signer: bytes
    legs: tuple[Leg, ...]
    authorisation: bytes
    merchant: ClassVar[int] = 0

    def leaf(self) -> bytes:
        """The operation's Merkle leaf."""
        return leaf_of(
            self.kind, self.op_id, 0, self.account, self.successor, self.reason, self.accepted_at,
            legs_hash(self.legs),
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Extend:
    """Points of the merchant's own programme go to an epoch that ends later; ``leg`` names no terms."""

    kind: ClassVar[Kind] = Kind.EXTEND
    op_id: bytes
    merchant: int
    account: bytes
    accepted_at: int
    leg: Leg
    into_epoch: int

    def leaf(self) -> bytes:
        """The operation's Merkle leaf."""
        return leaf_of(
            self.kind, self.op_id, self.merchant, self.account, self.accepted_at, self.leg.word(),
            self.into_epoch,
        )  # fmt: skip

    def legs(self) -> tuple[Leg, Leg]:
        """The points where they were, and where they are then."""
        return self.leg, replace(self.leg, epoch=self.into_epoch)


@dataclass(frozen=True, slots=True)
class Convert:
    """Points of one programme become points of the merchant's own, under the member's permit.

    The last leg is what is issued, those before it are what is redeemed. ``terms`` numbers the conversion
    terms of the two programmes; 0 where the one has ended, which needs no permit: then what is signed is
    empty (INV-9).
    """

    kind: ClassVar[Kind] = Kind.CONVERT
    op_id: bytes
    merchant: int
    account: bytes
    nonce: int
    least_points: int
    valid_until: int
    accepted_at: int
    terms: int
    spread_bps: int
    permit_digest: bytes
    legs: tuple[Leg, ...]
    signature: bytes

    def leaf(self) -> bytes:
        """The operation's Merkle leaf."""
        return leaf_of(
            self.kind, self.op_id, self.merchant, self.account, self.nonce, self.accepted_at,
            self.terms << 16 | self.spread_bps, self.permit_digest, legs_hash(self.legs),
        )  # fmt: skip


Operation = (
    Issue | Redeem | Restore | Clawback | Expire | Gift | SignerChange | AccountMove | Extend | Convert
)
