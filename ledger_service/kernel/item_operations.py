"""The three operations of the ItemRegistry contract, and the leaves of a batch of items.

A batch's tree (``kernel.merkle``) is over its items in the order of their indices. A leaf binds index, GTIN
and serial; its salt keeps the neighbours of whoever shows a proof from being guessed.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar

from ledger_service.kernel.beside import Codec, Proven, words_of
from ledger_service.kernel.eip712 import word
from ledger_service.kernel.secp256k1 import keccak256

TARGET = "items"
WORD_BYTES = 32


class ItemKind(IntEnum):
    """The kind word of the contract's operations."""

    ROOT = 1
    CLAIM = 2
    VOID = 3


def text_word(text: str) -> bytes:
    """A lot or serial as the contract has it: ASCII, left-aligned in a word.

    Raises:
        ValueError: no text, longer than 32 characters, or not ASCII.
    """
    raw = text.encode("ascii")
    if not 0 < len(raw) <= WORD_BYTES:
        raise ValueError("1 to 32 characters")
    return raw.ljust(WORD_BYTES, b"\0")


def item_leaf(index: int, gtin: str, serial: str, salt: bytes) -> bytes:
    """The leaf of an item: ``keccak256(abi.encode(index, gtin, serial, salt))``; the salt has 32 bytes."""
    numbers = index.to_bytes(WORD_BYTES, "big") + int(gtin).to_bytes(WORD_BYTES, "big")
    return keccak256(numbers + text_word(serial) + salt)


@dataclass(frozen=True, slots=True)
class AnchorItems:
    """A lot of a product is these items and no others, by the merchant whose product it is; once for ever.

    ``gtin`` as a number, ``lot`` as ``text_word`` has it; ``root`` is over the ``count`` items' leaves.
    """

    kind: ClassVar[ItemKind] = ItemKind.ROOT
    original_op_id: ClassVar[None] = None
    op_id: bytes
    merchant: int
    accepted_at: int
    root: bytes
    count: int
    gtin: int
    lot: bytes

    @property
    def needs(self) -> frozenset[int]:
        """The root."""
        return frozenset((_number(self.root),))

    @property
    def writes(self) -> frozenset[int]:
        """The root: claims of its items stand behind it."""
        return frozenset((_number(self.root),))

    def words(self) -> bytes:
        """What the owner signs."""
        return words_of(self, self.root, self.count, self.gtin, self.lot)

    def witness(self, original: Proven | None) -> tuple[bytes, ...]:
        """Nothing."""
        return ()


@dataclass(frozen=True, slots=True)
class ClaimItem:
    """A member has claimed an item of an anchored batch, once for ever (INV-12); by the batch's owner.

    ``account`` is the member's pseudonymous account, 20 bytes.
    """

    kind: ClassVar[ItemKind] = ItemKind.CLAIM
    original_op_id: ClassVar[None] = None
    op_id: bytes
    merchant: int
    accepted_at: int
    root: bytes
    index: int
    account: bytes

    @property
    def needs(self) -> frozenset[int]:
        """The batch and the item."""
        return frozenset((_number(self.root), _item(self.root, self.index)))

    @property
    def writes(self) -> frozenset[int]:
        """The item."""
        return frozenset((_item(self.root, self.index),))

    def words(self) -> bytes:
        """What the batch's owner signs."""
        return words_of(self, self.root, self.index, self.account)

    def witness(self, original: Proven | None) -> tuple[bytes, ...]:
        """Nothing: the root fixes what the index is."""
        return ()


@dataclass(frozen=True, slots=True)
class VoidItem:
    """An item is void and never claimed again: returned, destroyed or relabelled; by the batch's owner."""

    kind: ClassVar[ItemKind] = ItemKind.VOID
    original_op_id: ClassVar[None] = None
    op_id: bytes
    merchant: int
    accepted_at: int
    root: bytes
    index: int

    @property
    def needs(self) -> frozenset[int]:
        """The batch and the item."""
        return frozenset((_number(self.root), _item(self.root, self.index)))

    @property
    def writes(self) -> frozenset[int]:
        """The item."""
        return frozenset((_item(self.root, self.index),))

    def words(self) -> bytes:
        """What the batch's owner signs."""
        return words_of(self, self.root, self.index)

    def witness(self, original: Proven | None) -> tuple[bytes, ...]:
        """Nothing."""
        return ()


def _number(root: bytes) -> int:
    return int.from_bytes(root, "big")


def _item(root: bytes, index: int) -> int:
    """An item among all that the contract keeps; beyond every root's own number."""
    return int.from_bytes(keccak256(root + word(index)), "big") | 1 << 256


ItemOperation = AnchorItems | ClaimItem | VoidItem
CODEC = Codec((AnchorItems, ClaimItem, VoidItem))
