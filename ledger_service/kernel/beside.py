"""Operations of contracts beside the ClearingHouse: what a merchant signs of one, and its form in an intent.

A merchant signs whole ABI words: kind, op_id, merchant and acceptance time, then those of the kind. Their
hash is the operation's leaf, as the contract computes it (``ISignedBatches``). What only proves something,
its witness, nobody signs.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any, Protocol

from ledger_service.kernel.eip712 import word
from ledger_service.kernel.secp256k1 import keccak256

DOMAIN_NAME = "Alliance Batches"
# Of the one function by which the relayer hands batches to such a contract.
SUBMIT_SELECTOR = keccak256(b"submitBatch(uint64,(uint64,bytes,(bytes,bytes32[])[])[])")[:4]
# An operation is one list with a list for each of its tuples.
_MOST_LISTS = 8
_ENCODER = json.JSONEncoder(separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class Proven:
    """An operation that was applied, and the way from its leaf to its batch's root."""

    operation: BesideOperation
    batch: int
    proof: tuple[bytes, ...]


class BesideOperation(Protocol):
    """One operation of a contract beside the ClearingHouse: a frozen dataclass of ints, bytes and tuples."""

    @property
    def kind(self) -> int:
        """The kind word that starts what is signed."""

    @property
    def op_id(self) -> bytes:
        """16 bytes, unique over all contracts."""

    @property
    def merchant(self) -> int:
        """Whose operations key signs it."""

    @property
    def accepted_at(self) -> int:
        """Seconds since 1970."""

    @property
    def original_op_id(self) -> bytes | None:
        """The operation that it proves with a batch root, and that must be applied before it goes."""

    @property
    def needs(self) -> frozenset[int]:
        """What of the contract's state it reads."""

    @property
    def writes(self) -> frozenset[int]:
        """What of it it changes: whatever needs one of these stands behind it."""

    def words(self) -> bytes:
        """What its merchant signs."""

    def witness(self, original: Proven | None) -> tuple[bytes, ...]:
        """What proves it, 32 bytes each."""


def words_of(operation: BesideOperation, *members: int | bytes) -> bytes:
    """The four words that every operation begins with, and its own."""
    head = word(operation.kind) + operation.op_id + bytes(16) + word(operation.merchant)
    return head + word(operation.accepted_at) + b"".join(word(member) for member in members)


def leaf_of(operation: BesideOperation) -> bytes:
    """The operation's Merkle leaf."""
    return keccak256(operation.words())


def refused_outcome(leaf: bytes, reason: bytes, index: int) -> bytes:
    """What stands in a batch's tree for an operation that the contract refused for a reason of four bytes."""
    return keccak256(leaf + reason.ljust(32, b"\0") + word(index))


class Codec:
    """Operations of one contract as JSON payloads and back, without loss."""

    def __init__(self, kinds: Sequence[type[Any]]) -> None:
        self._kinds: dict[int, type[Any]] = {int(kind.kind): kind for kind in kinds}

    def payload_of(self, operation: BesideOperation) -> str:
        """Compact JSON text: the kind and the fields in their order; bytes as hex."""
        names = [field.name for field in fields(self._kinds[operation.kind])]
        return _ENCODER.encode([int(operation.kind), *(_plain(getattr(operation, name)) for name in names)])

    def read(self, payload: str) -> BesideOperation | None:
        """The operation of text that somebody may have altered; None where it is no whole operation."""
        # Deep nesting ends a process whose recursion limit was raised, as the EVM's library does.
        if payload.count("[") > _MOST_LISTS or "{" in payload:
            return None
        try:
            kind, *values = json.loads(payload)
            cls = self._kinds[kind]
            columns = [(field.name, str(field.type)) for field in fields(cls)]
            made = cls(**{n: _READERS[t](v) for (n, t), v in zip(columns, values, strict=True)})
            operation: BesideOperation = made
            operation.words()
        except (KeyError, ValueError, TypeError, OverflowError, RecursionError):
            return None
        return operation


def _plain(value: object) -> object:
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    # Coupon ids exceed what JSON readers keep exactly.
    return str(value) if isinstance(value, int) and value > 2**53 - 1 else value


def _many(value: Any) -> tuple[bytes, ...]:
    if not isinstance(value, list):
        raise TypeError(value)
    return tuple(bytes.fromhex(item) for item in value)


_READERS: dict[str, Callable[[Any], Any]] = {
    "bytes": bytes.fromhex,
    "int": int,
    "tuple[bytes, ...]": _many,
}
