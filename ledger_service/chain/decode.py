"""Logs of the contracts as facts: operations with their leaves, batches, terms, merchants' keys.

A leaf is hashed over the event's own words, so nothing that the event does not say can enter it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ledger_service.chain.conversion.facts import ConversionPublished, WindDownAnnounced
from ledger_service.chain.reserves import facts
from ledger_service.chain.reserves.facts import ReserveFact
from ledger_service.kernel.operations import Kind
from ledger_service.kernel.points import Leg
from ledger_service.kernel.secp256k1 import keccak256


@dataclass(frozen=True, slots=True)
class MinedOperation:
    """One operation as its event tells it; ``data`` is the event's data, enough to tell it again.

    The ``legs`` of an extension are two: the points where they were, and where they are now. The last leg of
    a conversion is what it issued.
    """

    batch: int
    position: int
    kind: Kind
    op_id: bytes
    account: bytes
    merchant: int
    leaf: bytes
    legs: tuple[Leg, ...]
    recipient: bytes | None
    data: bytes

    @property
    def spread_bps(self) -> int:
        """What the source's issuer keeps of a conversion's value."""
        return _int(self.data, 4) & 0xFFFF if self.kind is Kind.CONVERT else 0

    @property
    def original(self) -> tuple[bytes, int] | None:
        """Leaf and leg index of the redemption that a restore gives back."""
        return (self.data[96:128], _int(self.data, 0) >> 48 & 255) if self.kind is Kind.RESTORE else None


@dataclass(frozen=True, slots=True)
class BatchApplied:
    """The contract applied a batch; count and root bind every operation event that goes with it."""

    number: int
    period: int
    count: int
    root: bytes


@dataclass(frozen=True, slots=True)
class ProgrammeCreated:
    """A programme's number, issuer and token."""

    programme: int
    issuer: int
    token: bytes


@dataclass(frozen=True, slots=True)
class TermsPublished:
    """One version of a programme's terms; micros per point, fee in basis points.

    With an ``acceptor`` it is a pair's, which states neither cap nor validity; value 0 ends the pair's terms.
    """

    programme: int
    version: int
    effective_from: int
    point_value_micros: int
    fee_bps: int
    issuance_cap: int = 0
    validity_epochs: int = 0
    acceptor: int = 0


@dataclass(frozen=True, slots=True)
class BasisPublished:
    """On which basis a programme is settled from an instant on, with which merchant's pool."""

    programme_id: int
    number: int
    effective_from: int
    kind: int
    reserve_bps: int
    pool: int


@dataclass(frozen=True, slots=True)
class MerchantKeys:
    """The keys of a merchant in force from this log on."""

    merchant: int
    admin: bytes
    operations: bytes
    settlement: bytes


@dataclass(frozen=True, slots=True)
class PeriodClosed:
    """Batches after ``last_batch`` count for the next period."""

    period: int
    last_batch: int


@dataclass(frozen=True, slots=True)
class HouseInForce:
    """From this log on the ClearingHouse at ``address`` takes batches; the one before it takes none."""

    address: bytes
    predecessor: bytes


Fact = (
    MinedOperation
    | BatchApplied
    | ProgrammeCreated
    | TermsPublished
    | BasisPublished
    | ConversionPublished
    | WindDownAnnounced
    | ReserveFact
    | MerchantKeys
    | PeriodClosed
    | HouseInForce
)

_KIND_WORD = {kind: int(kind).to_bytes(32, "big") for kind in Kind}
# Where the words of an event begin to differ by kind: the leg, or the length of the legs.
_LEG_AT = {Kind.ISSUE: 3, Kind.RESTORE: 4, Kind.EXPIRE: 3}
_LEGS_AT = {Kind.REDEEM: 6, Kind.CLAWBACK: 5, Kind.GIFT: 7, Kind.MOVE: 5, Kind.CONVERT: 7}
_WITH_RECIPIENT = frozenset({Kind.GIFT, Kind.MOVE})
_AMOUNT = (1 << 64) - 1


def operation_from(kind: Kind, data: bytes) -> MinedOperation:
    """The operation of an event's kind and data; batch, index, merchant, time and detail stand in its
    first word."""
    head = _int(data, 0)
    merchant, accepted_at, detail = head >> 96 & (1 << 64) - 1, head >> 56 & (1 << 40) - 1, head >> 48 & 255
    start = _KIND_WORD[kind] + data[32:64] + _word(merchant) + data[64:96]
    time, third = _word(accepted_at), data[96:128]
    recipient = data[108:128] if kind in _WITH_RECIPIENT else None
    match kind:
        case Kind.ISSUE:
            body = time + _word(detail) + third
        case Kind.EXPIRE | Kind.EXTEND:
            body = time + data[96 : 160 if kind is Kind.EXTEND else 128]
        case Kind.REDEEM:
            body = third + time + _word(detail) + data[128:160] + _legs_hash(data, 6)
        case Kind.RESTORE:
            body = time + third + _word(detail) + data[128:160]
        case Kind.CLAWBACK:
            body = time + third + _legs_hash(data, 5)
        case Kind.GIFT:
            body = third + data[128:160] + time + data[160:192] + _legs_hash(data, 7)
        case Kind.CONVERT:
            body = third + time + data[128:192] + _legs_hash(data, 7)
        case Kind.SIGNER:
            body = third + _word(detail) + time
        case Kind.MOVE:
            body = third + _word(detail) + time + _legs_hash(data, 5, bare=True)
    return MinedOperation(
        head >> 192,
        head >> 160 & (1 << 32) - 1,
        kind,
        data[32:48],
        data[76:96],
        merchant,
        keccak256(start + body),
        legs_in(kind, data),
        recipient,
        data,
    )


def legs_in(kind: Kind, data: bytes) -> tuple[Leg, ...]:
    """The legs of an event's data; none where the kind has none."""
    if kind is Kind.EXTEND:
        leg = Leg.of_word(_int(data, 3))
        return leg, replace(leg, epoch=_small(data, 4))
    at = _LEG_AT.get(kind)
    if at is not None:
        return (Leg.of_word(_int(data, at)),)
    start = _LEGS_AT.get(kind)
    if start is None:
        return ()
    number = _int(data, start)
    # A node may claim any number of legs; only so many as the data holds are read.
    if len(data) != 32 * (start + 1 + number):
        raise ValueError("an event whose legs are not all there")
    return tuple([Leg.of_word(_int(data, start + 1 + i)) for i in range(number)])


def _legs_hash(data: bytes, length_at: int, *, bare: bool = False) -> bytes:
    first = 32 * (length_at + 1)
    legs = data[first : first + 32 * _int(data, length_at)]
    if bare:
        legs = b"".join(_word(_int(legs, i) & ~_AMOUNT) for i in range(len(legs) // 32))
    return keccak256(legs)


def _int(data: bytes, word: int) -> int:
    return int.from_bytes(data[32 * word : 32 * word + 32], "big")


def _small(data: bytes, word: int) -> int:
    value = _int(data, word)
    if value >> 63:
        raise ValueError("a number that no event of ours holds")
    return value


def _address(topic: bytes) -> bytes:
    if len(topic) != 32:
        raise ValueError("a topic that is no address")
    return topic[12:]


def _word(value: int) -> bytes:
    return value.to_bytes(32, "big")


_OPERATIONS = {
    "OperationIssued(uint256,bytes16,address,uint256)": Kind.ISSUE,
    "OperationRedeemed(uint256,bytes16,address,uint256,bytes32,uint256[])": Kind.REDEEM,
    "OperationRestored(uint256,bytes16,address,bytes32,uint256)": Kind.RESTORE,
    "OperationClawedBack(uint256,bytes16,address,bytes32,uint256[])": Kind.CLAWBACK,
    "OperationExpired(uint256,bytes16,address,uint256)": Kind.EXPIRE,
    "OperationGifted(uint256,bytes16,address,address,uint256,bytes32,uint256[])": Kind.GIFT,
    "OperationSignerChanged(uint256,bytes16,address,address,uint40)": Kind.SIGNER,
    "OperationMoved(uint256,bytes16,address,address,uint256[])": Kind.MOVE,
    "OperationExtended(uint256,bytes16,address,uint256,uint256)": Kind.EXTEND,
    "OperationConverted(uint256,bytes16,address,uint256,uint256,bytes32,uint256[])": Kind.CONVERT,
}


def _keys(topics: list[bytes], data: bytes) -> MerchantKeys:
    return MerchantKeys(_small(topics[1], 0), data[12:32], data[44:64], data[76:96])


_OTHERS: dict[str, Callable[[list[bytes], bytes], Fact]] = {
    "BatchApplied(uint64,uint32,uint32,bytes32)": lambda t, d: BatchApplied(
        _small(t[1], 0), _small(t[2], 0), _small(d, 0), d[32:64]
    ),
    "PeriodClosed(uint32,uint64)": lambda t, d: PeriodClosed(_small(t[1], 0), _small(d, 0)),
    "ProgrammeCreated(uint32,uint64,address,string,string)": lambda t, d: ProgrammeCreated(
        _small(t[1], 0), _small(t[2], 0), d[12:32]
    ),
    "TermsPublished(uint32,uint16,uint40,uint64,uint16,uint64,uint16)": lambda t, d: TermsPublished(
        _small(t[1], 0), _small(t[2], 0), *(_small(d, i) for i in range(5))
    ),
    "PairTermsPublished(uint32,uint16,uint64,uint40,uint64,uint16)": lambda t, d: TermsPublished(
        _small(t[1], 0), _small(t[2], 0), _small(d, 0), _small(d, 1), _small(d, 2), acceptor=_small(t[3], 0)
    ),
    "BasisPublished(uint32,uint32,uint40,uint8,uint16,uint64)": lambda t, d: BasisPublished(
        _small(t[1], 0), _small(t[2], 0), *(_small(d, i) for i in range(4))
    ),
    "ConversionPublished(uint32,uint32,uint32,uint40,uint16)": lambda t, d: ConversionPublished(
        _small(t[1], 0), _small(t[2], 0), _small(t[3], 0), _small(d, 0), _small(d, 1)
    ),
    "WindDownAnnounced(uint32,uint32,uint40,uint40,uint16)": lambda t, d: WindDownAnnounced(
        _small(t[1], 0), _small(t[2], 0), *(_small(d, i) for i in range(3))
    ),
    facts.LIMITED: facts.limited,
    facts.STATED: facts.stated,
    "MerchantAdmitted(uint64,address,address,address)": _keys,
    "ClearingHouseSet(address,address)": lambda t, d: HouseInForce(_address(t[1]), _address(t[2])),
    "MerchantKeysChanged(uint64,address,address,address)": _keys,
}
_KIND_OF_TOPIC = {"0x" + keccak256(s.encode()).hex(): kind for s, kind in _OPERATIONS.items()}
_READER_OF_TOPIC = {"0x" + keccak256(s.encode()).hex(): reader for s, reader in _OTHERS.items()}
SIGNATURES = (*_OPERATIONS, *_OTHERS)
HOUSE_IN_FORCE_TOPIC = "0x" + keccak256(b"ClearingHouseSet(address,address)").hex()


def fact_of(log: Mapping[str, Any]) -> Fact | None:
    """The fact of one JSON-RPC log; None for an event that the mirror does not keep.

    Raises:
        ValueError: a log whose topics or data cannot be those of its event.
    """
    topics = log["topics"]
    kind = _KIND_OF_TOPIC.get(topics[0])
    data = bytes.fromhex(log["data"][2:])
    if kind is not None:
        return operation_from(kind, data)
    reader = _READER_OF_TOPIC.get(topics[0])
    return None if reader is None else reader([bytes.fromhex(t[2:]) for t in topics], data)
