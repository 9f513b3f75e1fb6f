"""The five coupon operations of the AllianceCoupons contract, coupon ids, and leaves of code lists.

A coupon is its type and its serial. Its id is GCN type << 64 | digits << 56 | serial, so that serials of the
same number of digits are neighbours and zeros before a serial count.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar

from ledger_service.kernel.beside import Codec, Proven, words_of
from ledger_service.kernel.eip712 import word
from ledger_service.kernel.secp256k1 import keccak256

TARGET = "coupons"
NOBODY = bytes(20)
NO_ROOT = bytes(32)
MOST_DIGITS = 12


class CouponKind(IntEnum):
    """The kind word of the contract's operations."""

    TYPE = 1
    ROOT = 2
    CONSUME = 3
    REVERSE = 4
    GIVE = 5


class TransferRule(IntEnum):
    """Whether a coupon may be given to somebody else."""

    NONE = 0
    ONCE = 1
    ALLIANCE = 2


def serial_word(serial: str) -> int:
    """The serial as the low 64 bits of a coupon's id.

    Raises:
        ValueError: anything but one to twelve ASCII digits (GS1 General Specifications, AI 255).
    """
    if not 0 < len(serial) <= MOST_DIGITS or not (serial.isascii() and serial.isdigit()):
        raise ValueError("a serial has one to twelve digits")
    return len(serial) << 56 | int(serial)


def coupon_id(gcn: int, serial: str) -> int:
    """The id of one coupon: its 13-digit GCN type and its serial."""
    return gcn << 64 | serial_word(serial)


def gcn_and_serial(coupon: int) -> tuple[int, str]:
    """The type and the serial of an id."""
    low = coupon & (1 << 64) - 1
    return coupon >> 64, str(low & (1 << 56) - 1).zfill(low >> 56)


def commitment_of(opening: bytes) -> bytes:
    """What a code list says of a code before it is used; the 32-byte opening tells nobody the code itself."""
    return keccak256(opening)


def code_leaf(coupon: int, commitment: bytes) -> bytes:
    """The leaf of one code in its list's tree (``kernel.merkle``), which is in the order of the serials."""
    return keccak256(word(coupon) + commitment)


@dataclass(frozen=True, slots=True)
class RegisterType:
    """A type of coupon by its owner; a later version only widens cap, window and transfer rule.

    ``opens_at`` is the first second of the window, ``closes_at`` the first behind it. An ``open`` type (1)
    has no code lists: its serials are consumed without a proof, as many as the cap.
    """

    kind: ClassVar[CouponKind] = CouponKind.TYPE
    original_op_id: ClassVar[None] = None
    op_id: bytes
    merchant: int
    accepted_at: int
    gcn: int
    version: int
    cap: int
    opens_at: int
    closes_at: int
    rule: int
    open: int
    terms_hash: bytes

    @property
    def needs(self) -> frozenset[int]:
        """The type."""
        return frozenset((self.gcn,))

    writes = needs

    def words(self) -> bytes:
        """What its owner signs."""
        window = (self.opens_at, self.closes_at)
        return words_of(
            self, self.gcn, self.version, self.cap, *window, self.rule, self.open, self.terms_hash
        )

    def witness(self, original: Proven | None) -> tuple[bytes, ...]:
        """Nothing."""
        return ()


@dataclass(frozen=True, slots=True)
class AnchorRoot:
    """The root of a code list by the type's owner, before a code goes out; ``first`` is a serial word."""

    kind: ClassVar[CouponKind] = CouponKind.ROOT
    original_op_id: ClassVar[None] = None
    op_id: bytes
    merchant: int
    accepted_at: int
    gcn: int
    root: bytes
    first: int
    count: int

    @property
    def needs(self) -> frozenset[int]:
        """The type."""
        return frozenset((self.gcn,))

    writes = needs

    def words(self) -> bytes:
        """What its owner signs."""
        return words_of(self, self.gcn, self.root, self.first, self.count)

    def witness(self, original: Proven | None) -> tuple[bytes, ...]:
        """Nothing."""
        return ()


@dataclass(frozen=True, slots=True)
class Consume:
    """A coupon is used at the accepting merchant (INV-6).

    ``account`` holds it, or is NOBODY for who bears its code. ``root`` and ``opening`` are zero, and the
    proof is empty, where the type is open.
    """

    kind: ClassVar[CouponKind] = CouponKind.CONSUME
    original_op_id: ClassVar[None] = None
    op_id: bytes
    merchant: int
    accepted_at: int
    coupon: int
    account: bytes
    root: bytes
    opening: bytes
    proof: tuple[bytes, ...]

    @property
    def needs(self) -> frozenset[int]:
        """The coupon and its type."""
        return frozenset((self.coupon, self.coupon >> 64))

    @property
    def writes(self) -> frozenset[int]:
        """The coupon."""
        return frozenset((self.coupon,))

    def words(self) -> bytes:
        """What the acceptor signs."""
        return words_of(self, self.coupon, self.account, self.root, self.opening)

    def witness(self, original: Proven | None) -> tuple[bytes, ...]:
        """The proof from the code's leaf to its list's root."""
        return self.proof


@dataclass(frozen=True, slots=True)
class Reverse:
    """A consumption is taken back by its acceptor, once; the coupon can be used again."""

    kind: ClassVar[CouponKind] = CouponKind.REVERSE
    op_id: bytes
    merchant: int
    accepted_at: int
    coupon: int
    original_op_id: bytes
    original_leaf: bytes

    @property
    def needs(self) -> frozenset[int]:
        """The coupon and its type."""
        return frozenset((self.coupon, self.coupon >> 64))

    @property
    def writes(self) -> frozenset[int]:
        """The coupon."""
        return frozenset((self.coupon,))

    def words(self) -> bytes:
        """What the acceptor signs."""
        return words_of(self, self.coupon, self.original_leaf)

    def witness(self, original: Proven | None) -> tuple[bytes, ...]:
        """The consumption, and the proof that it was applied."""
        if original is None or not isinstance(original.operation, Consume):
            return ()
        used = original.operation
        told = (word(original.batch), used.op_id + bytes(16), word(used.accepted_at), word(used.account))
        return (*told, used.root, used.opening, *original.proof)


@dataclass(frozen=True, slots=True)
class Give:
    """A coupon goes from one account to another, recorded by the type's owner."""

    kind: ClassVar[CouponKind] = CouponKind.GIVE
    original_op_id: ClassVar[None] = None
    op_id: bytes
    merchant: int
    accepted_at: int
    coupon: int
    account: bytes
    recipient: bytes

    @property
    def needs(self) -> frozenset[int]:
        """The coupon and its type."""
        return frozenset((self.coupon, self.coupon >> 64))

    @property
    def writes(self) -> frozenset[int]:
        """The coupon."""
        return frozenset((self.coupon,))

    def words(self) -> bytes:
        """What the owner signs."""
        return words_of(self, self.coupon, self.account, self.recipient)

    def witness(self, original: Proven | None) -> tuple[bytes, ...]:
        """Nothing."""
        return ()


CouponOperation = RegisterType | AnchorRoot | Consume | Reverse | Give
CODEC = Codec((RegisterType, AnchorRoot, Consume, Reverse, Give))
