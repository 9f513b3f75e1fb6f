"""Calldata of ``submitBatch`` from kernel operations, written word by word (about 10 µs an operation).

The position of an operation here is its index in the batch: signer changes, then slice by slice
its issues, restores, gifts, redemptions, clawbacks, expiries, each in intent order.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from ledger_service.kernel.operations import (
    AccountMove,
    Clawback,
    Convert,
    Expire,
    Extend,
    Gift,
    Issue,
    Kind,
    Operation,
    Redeem,
    Restore,
    SignerChange,
)
from ledger_service.kernel.points import Leg
from ledger_service.kernel.secp256k1 import keccak256

SUBMIT_SIGNATURE = (
    "submitBatch(uint64,(uint32,uint16)[],(bytes16,address,address,uint8,uint40,uint40,bytes)[],"
    "(uint64,bytes,(uint256,uint256)[],"
    "(bytes16,address,uint40,uint64,(bytes16,uint64,uint256,uint40,uint8,bytes32,uint256[]),uint8,uint256,bytes32[])[],"
    "(bytes16,address,address,uint256,uint40,uint40,uint256[],bytes)[],"
    "(bytes16,address,uint256,uint64,uint40,uint40,uint8,uint256[],bytes)[],"
    "(bytes16,address,uint40,uint64,(bytes16,uint40,uint8,uint256),uint256[],bytes32[])[],"
    "(bytes16,address,uint40,uint256)[])[])"
)
SUBMIT_SELECTOR = keccak256(SUBMIT_SIGNATURE.encode())[:4]
MOVE_SIGNATURE = (
    "moveAccounts(uint64,(bytes16,address,address,uint8,uint40,uint40,address,uint256[],bytes)[])"
)
MOVE_SELECTOR = keccak256(MOVE_SIGNATURE.encode())[:4]
EXTEND_SIGNATURE = "extendPoints(uint64,(uint64,bytes,(bytes16,address,uint40,uint16,uint256)[])[])"
EXTEND_SELECTOR = keccak256(EXTEND_SIGNATURE.encode())[:4]
CONVERT_SIGNATURE = (
    "convertPoints(uint64,(uint64,bytes,"
    "(bytes16,address,uint256,uint64,uint40,uint40,uint32,uint256[],bytes)[])[])"
)
CONVERT_SELECTOR = keccak256(CONVERT_SIGNATURE.encode())[:4]
SLICE_ORDER = (Kind.ISSUE, Kind.RESTORE, Kind.GIFT, Kind.REDEEM, Kind.CLAWBACK, Kind.EXPIRE)

TermsRow = tuple[int, int]
_ZERO16 = bytes(16)


@dataclass(frozen=True, slots=True)
class Original:
    """The proven operation that a restore or clawback reverses: where it stands and its path to the root."""

    operation: Redeem | Issue
    batch: int
    proof: tuple[bytes, ...]


@dataclass(slots=True)
class SlicePlan:
    """One merchant's operations by kind; ``signature`` comes last, over the leaves in order."""

    merchant: int
    by_kind: dict[Kind, list[Operation]] = field(default_factory=dict)
    signature: bytes = b""

    def add(self, operation: Operation) -> None:
        """Append an operation to its kind."""
        self.by_kind.setdefault(operation.kind, []).append(operation)

    def in_order(self) -> list[Operation]:
        """The slice's operations in the order of their positions."""
        kinds = (*SLICE_ORDER, Kind.EXTEND, Kind.CONVERT)
        return [operation for kind in kinds for operation in self.by_kind.get(kind, ())]


def legs_of(operation: Operation) -> tuple[Leg, ...]:
    """The legs whose terms the batch's table must have."""
    match operation:
        case SignerChange() | AccountMove() | Extend() | Convert():
            return ()
        case Issue() | Restore() | Expire():
            return (operation.leg,)
        case _:
            return operation.legs


def moved_legs(operation: Operation) -> tuple[Leg, ...]:
    """Every leg that the operation's event tells, in its order."""
    if isinstance(operation, Extend):
        return operation.legs()
    return operation.legs if isinstance(operation, Convert) else legs_of(operation)


def table_of(operations: Sequence[Operation]) -> list[TermsRow]:
    """The rising table of (programme, terms version) that the operations' legs use."""
    return sorted(
        {(leg.programme, leg.terms_version) for operation in operations for leg in legs_of(operation)}
    )


@dataclass(frozen=True)
class Encoder:
    """Writes operations against one table of terms and the originals that reversals cite (by op_id)."""

    rows: Mapping[TermsRow, int]
    originals: Mapping[bytes, Original]

    def submit_batch(
        self, number: int, signers: Sequence[SignerChange], slices: Sequence[SlicePlan]
    ) -> bytes:
        """The calldata of one batch."""
        table = _words(len(self.rows)) + b"".join(_words(p, v) for p, v in self.rows)
        signer_part = _dynamic([_signer(change) for change in signers])
        slice_part = _dynamic([self._slice(plan) for plan in slices])
        at_signers = 128 + len(table)
        head = _words(number, 128, at_signers, at_signers + len(signer_part))
        return SUBMIT_SELECTOR + head + table + signer_part + slice_part

    def _slice(self, plan: SlicePlan) -> bytes:
        parts = [_bytes(plan.signature)]
        for kind in SLICE_ORDER:
            write, is_static = self._writers()[kind]
            items = [write(operation) for operation in plan.by_kind.get(kind, ())]
            parts.append(_words(len(items)) + b"".join(items) if is_static else _dynamic(items))
        at, head = 32 * 8, [_words(plan.merchant)]
        for part in parts:
            head.append(_words(at))
            at += len(part)
        return b"".join(head) + b"".join(parts)

    def _writers(self) -> dict[Kind, tuple[Callable[..., bytes], bool]]:
        return {
            Kind.ISSUE: (self._issue, True),
            Kind.RESTORE: (self._restore, False),
            Kind.GIFT: (self._gift, False),
            Kind.REDEEM: (self._redeem, False),
            Kind.CLAWBACK: (self._clawback, False),
            Kind.EXPIRE: (self._expire, True),
        }

    def _leg(self, leg: Leg) -> int:
        return self.rows[leg.programme, leg.terms_version] << 96 | leg.epoch << 64 | leg.amount

    def _legs(self, legs: Sequence[Leg]) -> bytes:
        return _words(len(legs), *map(self._leg, legs))

    def _issue(self, o: Issue) -> bytes:
        row = self.rows[o.leg.programme, o.leg.terms_version]
        what = o.accepted_at << 88 | o.reason << 80 | row
        whom = o.leg.epoch << 64 | o.leg.amount
        return b"".join((o.op_id, what.to_bytes(16, "big"), o.account, whom.to_bytes(12, "big")))

    def _expire(self, o: Expire) -> bytes:
        return _head(o) + _words(o.accepted_at, self._leg(o.leg))

    def _redeem(self, o: Redeem) -> bytes:
        legs = self._legs(o.legs)
        fixed = _words(
            o.nonce, o.max_value_micros, o.valid_until, o.accepted_at, o.flags, 288, 288 + len(legs)
        )
        return _head(o) + fixed + legs + _bytes(o.signature)

    def _gift(self, o: Gift) -> bytes:
        legs = self._legs(o.legs)
        fixed = _words(
            int.from_bytes(o.recipient, "big"), o.nonce, o.valid_until, o.accepted_at, 256, 256 + len(legs)
        )
        return _head(o) + fixed + legs + _bytes(o.signature)

    def _restore(self, o: Restore) -> bytes:
        original = self.originals[o.original_op_id]
        reference = _redeem_reference(original.operation)
        fixed = _words(
            o.accepted_at, original.batch, 256, o.leg_index, self._leg(o.leg), 256 + len(reference)
        )
        return _head(o, original) + fixed + reference + _nodes(original.proof)

    def _clawback(self, o: Clawback) -> bytes:
        original = self.originals[o.original_op_id]
        issue, legs = original.operation, self._legs(o.legs)
        if not isinstance(issue, Issue):
            raise TypeError("a clawback reverses an issue")
        reference = issue.op_id + _ZERO16 + _words(issue.accepted_at, issue.reason, issue.leg.word())
        fixed = _words(o.accepted_at, original.batch) + reference + _words(320, 320 + len(legs))
        return _head(o, original) + fixed + legs + _nodes(original.proof)


def _redeem_reference(o: Operation) -> bytes:
    if not isinstance(o, Redeem):
        raise TypeError("a restore reverses a redemption")
    words = _words(o.merchant, o.nonce, o.accepted_at, o.flags) + o.permit_digest + _words(224, len(o.legs))
    return o.op_id + _ZERO16 + words + _words(*(leg.word() for leg in o.legs))


def _signer(o: SignerChange) -> bytes:
    fixed = _words(int.from_bytes(o.signer, "big"), o.flags, o.accepted_at, o.valid_until, 224)
    return _head(o) + fixed + _bytes(o.authorisation)


def move_batch(number: int, moves: Sequence[AccountMove]) -> bytes:
    """The calldata of one batch of account moves."""
    return MOVE_SELECTOR + _words(number, 64) + _dynamic([_move(move) for move in moves])


def _move(o: AccountMove) -> bytes:
    legs = _words(len(o.legs), *(leg.word() for leg in o.legs))
    fixed = _words(
        int.from_bytes(o.successor, "big"), o.reason, o.accepted_at, o.valid_until,
        int.from_bytes(o.signer, "big"), 288, 288 + len(legs),
    )  # fmt: skip
    return _head(o) + fixed + legs + _bytes(o.authorisation)


def extension_batch(number: int, slices: Sequence[SlicePlan]) -> bytes:
    """The calldata of one batch of extensions."""
    return EXTEND_SELECTOR + _words(number, 64) + _dynamic([_extension_slice(plan) for plan in slices])


def _extension_slice(plan: SlicePlan) -> bytes:
    signature, extensions = _bytes(plan.signature), plan.in_order()
    items = [_extension(o) for o in extensions if isinstance(o, Extend)]
    head = _words(plan.merchant, 96, 96 + len(signature))
    return head + signature + _words(len(items)) + b"".join(items)


def _extension(o: Extend) -> bytes:
    return _head(o) + _words(o.accepted_at, o.into_epoch, o.leg.word())


def batch_of_its_own(number: int, first: Operation, slices: Sequence[SlicePlan]) -> bytes | None:
    """The calldata of a batch of what does not share one with others; None where the first of it does."""
    match first:
        case Extend():
            return extension_batch(number, slices)
        case Convert():
            return conversion_batch(number, slices)
        case _:
            return None


def conversion_batch(number: int, slices: Sequence[SlicePlan]) -> bytes:
    """The calldata of one batch of conversions."""
    return CONVERT_SELECTOR + _words(number, 64) + _dynamic([_conversion_slice(plan) for plan in slices])


def _conversion_slice(plan: SlicePlan) -> bytes:
    signature = _bytes(plan.signature)
    items = [_conversion(o) for o in plan.in_order() if isinstance(o, Convert)]
    return _words(plan.merchant, 96, 96 + len(signature)) + signature + _dynamic(items)


def _conversion(o: Convert) -> bytes:
    legs = _words(len(o.legs), *(leg.word() for leg in o.legs))
    fixed = _words(
        o.nonce, o.least_points, o.valid_until, o.accepted_at, o.terms, 288, 288 + len(legs)
    )  # fmt: skip
    return _head(o) + fixed + legs + _bytes(o.signature)


def _head(o: Operation, original: Original | None = None) -> bytes:
    # The contract finds a reversal's account itself: the one that the original's has moved to.
    account = o.account if original is None else original.operation.account
    return b"".join((o.op_id, _ZERO16, bytes(12), account))


def _words(*values: int) -> bytes:
    return b"".join([value.to_bytes(32, "big") for value in values])


def _nodes(nodes: Sequence[bytes]) -> bytes:
    return _words(len(nodes)) + b"".join(nodes)


def _bytes(raw: bytes) -> bytes:
    return _words(len(raw)) + raw + bytes(-len(raw) % 32)


def _dynamic(items: Sequence[bytes]) -> bytes:
    at, offsets = 32 * len(items), [_words(len(items))]
    for item in items:
        offsets.append(_words(at))
        at += len(item)
    return b"".join(offsets) + b"".join(items)
