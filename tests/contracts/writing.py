"""ABI tuples of kernel operations; shares no code with the service's encoder."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ledger_service.kernel.operations import (
    AccountMove,
    Clawback,
    Convert,
    Expire,
    Extend,
    Gift,
    Issue,
    Operation,
    Redeem,
    Restore,
    SignerChange,
)
from ledger_service.kernel.points import Leg


@dataclass(frozen=True)
class Placed:
    """Where an operation stands, for proofs."""

    operation: Operation
    batch: int
    proof: tuple[bytes, ...]


def group_by_merchant(operations: Iterable[Operation]) -> dict[int, list[Operation]]:
    """The operations by merchant, rising."""
    slices: dict[int, list[Operation]] = {}
    for operation in operations:
        if not isinstance(operation, SignerChange):
            slices.setdefault(operation.merchant, []).append(operation)
    return dict(sorted(slices.items()))


def legs_of(operation: Operation) -> tuple[Leg, ...]:
    if isinstance(operation, SignerChange):
        return ()
    return operation.legs if isinstance(operation, Redeem | Gift | Clawback) else (operation.leg,)


@dataclass
class Writer:
    """ABI tuples of operations against one table."""

    table: list[tuple[int, int]]
    placed: Mapping[bytes, Placed]
    rows: dict[tuple[int, int], int] = field(init=False)

    def __post_init__(self) -> None:
        self.rows = {key: row for row, key in enumerate(self.table)}

    def word(self, leg: Leg) -> int:
        return self.rows[leg.programme, leg.terms_version] << 96 | leg.epoch << 64 | leg.amount

    def signer(self, o: SignerChange) -> tuple[Any, ...]:
        return o.op_id, o.account, o.signer, o.flags, o.accepted_at, o.valid_until, o.authorisation

    def write(self, o: Operation) -> list[Any]:
        match o:
            case Issue():
                row, low = divmod(self.word(o.leg), 2**96)
                op_id = int.from_bytes(o.op_id, "big")
                what = op_id << 128 | o.accepted_at << 88 | o.reason << 80 | row
                return [what, int.from_bytes(o.account, "big") * 2**96 + low]
            case Expire():
                return [o.op_id, o.account, o.accepted_at, self.word(o.leg)]
            case Redeem():
                return [
                    o.op_id, o.account, o.nonce, o.max_value_micros, o.valid_until, o.accepted_at, o.flags,
                    [self.word(leg) for leg in o.legs], o.signature,
                ]  # fmt: skip
            case Gift():
                return [
                    o.op_id, o.account, o.recipient, o.nonce, o.valid_until, o.accepted_at,
                    [self.word(leg) for leg in o.legs], o.signature,
                ]  # fmt: skip
            case Restore():
                was = self.placed[o.original_leaf]
                return [
                    o.op_id, was.operation.account, o.accepted_at, was.batch, redeem_ref(was.operation),
                    o.leg_index,
                    self.word(o.leg), was.proof,
                ]  # fmt: skip
            case Clawback():
                was = self.placed[o.original_leaf]
                first = was.operation
                return [
                    o.op_id, first.account, o.accepted_at, was.batch,
                    [first.op_id, first.accepted_at, first.reason, first.leg.word()],
                    [self.word(leg) for leg in o.legs], was.proof,
                ]  # fmt: skip
        raise TypeError(o)


def write_move(o: AccountMove) -> list[Any]:
    return [
        o.op_id, o.account, o.successor, o.reason, o.accepted_at, o.valid_until, o.signer,
        [leg.word() for leg in o.legs], o.authorisation,
    ]  # fmt: skip


def write_extension(o: Extend) -> list[Any]:
    return [o.op_id, o.account, o.accepted_at, o.into_epoch, o.leg.word()]


def write_conversion(o: Convert) -> list[Any]:
    return [
        o.op_id, o.account, o.nonce, o.least_points, o.valid_until, o.accepted_at, o.terms,
        [leg.word() for leg in o.legs], o.signature,
    ]  # fmt: skip


def redeem_ref(o: Any) -> list[Any]:
    legs = [leg.word() for leg in o.legs]
    return [o.op_id, o.merchant, o.nonce, o.accepted_at, o.flags, o.permit_digest, legs]
