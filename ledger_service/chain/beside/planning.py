"""Pure: which queued operations make a contract's next batch.

They are taken in their order. What cannot go now holds back whatever needs what it writes. Slices rise by
merchant, so an operation also waits where it needs what a later slice of the same batch writes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ledger_service.chain.beside.targets import Target
from ledger_service.kernel.beside import BesideOperation, Proven

_GAS_PER_BATCH = 150_000
_GAS_PER_SLICE = 70_000
_BYTES_PER_BATCH = 160
_BYTES_PER_SLICE = 320
_BYTES_PER_OPERATION = 160


@dataclass(frozen=True, slots=True)
class Queued:
    """A queued intent; ``intact`` is False where the payload no longer is the operation that was accepted."""

    operation: BesideOperation
    intact: bool = True


@dataclass(frozen=True, slots=True)
class Around:
    """What stands around the queue.

    Args:
        held: merchants that wait, without their key say.
        until: the latest acceptance time that may go now, seconds.
        originals: the proven original by the op_id that an operation cites; absent: not applied yet.
        refused: originals that were refused for good: what cites them can never be proven.
    """

    held: frozenset[int] = frozenset()
    until: int = 2**40
    originals: Mapping[bytes, Proven] = field(default_factory=dict)
    refused: frozenset[bytes] = frozenset()


@dataclass(frozen=True, slots=True)
class Bounds:
    """The bounds of one batch."""

    operations: int
    gas: int
    bytes: int


@dataclass(slots=True)
class BesidePlan:
    """The operations of one batch by merchant; ``orphans`` can never be proven."""

    slices: dict[int, list[BesideOperation]] = field(default_factory=dict)
    witnesses: dict[bytes, tuple[bytes, ...]] = field(default_factory=dict)
    orphans: list[BesideOperation] = field(default_factory=list)
    gas: int = _GAS_PER_BATCH
    bytes: int = _BYTES_PER_BATCH

    def ordered(self) -> list[BesideOperation]:
        """The operations by position."""
        return [operation for merchant in sorted(self.slices) for operation in self.slices[merchant]]


def plan_beside(target: Target, queue: Sequence[Queued], around: Around, bounds: Bounds) -> BesidePlan:
    """The next batch from the front of the queue."""
    plan, blocked = BesidePlan(), set[int]()
    written: dict[int, int] = {}
    for item in queue:
        operation, original = item.operation, item.operation.original_op_id
        if original in around.refused:
            plan.orphans.append(operation)
            continue
        later = any(written.get(key, 0) > operation.merchant for key in operation.needs)
        if later or operation.needs & blocked or not _may_go(item, around):
            blocked |= operation.writes
            continue
        witness = operation.witness(None if original is None else around.originals[original])
        if not _fits(plan, target, operation, witness, bounds):
            break
        plan.witnesses[operation.op_id] = witness
        plan.slices.setdefault(operation.merchant, []).append(operation)
        written |= {key: max(written.get(key, 0), operation.merchant) for key in operation.writes}
    return plan


def _may_go(item: Queued, around: Around) -> bool:
    operation = item.operation
    if not item.intact or operation.merchant in around.held or operation.accepted_at > around.until:
        return False
    return operation.original_op_id is None or operation.original_op_id in around.originals


def _fits(
    plan: BesidePlan, target: Target, operation: BesideOperation, witness: Sequence[bytes], bounds: Bounds
) -> bool:
    fresh = operation.merchant not in plan.slices
    gas = plan.gas + target.gas_of(operation, witness) + _GAS_PER_SLICE * fresh
    size = plan.bytes + _BYTES_PER_OPERATION + len(operation.words()) + 32 * len(witness)
    size += _BYTES_PER_SLICE * fresh
    if len(plan.witnesses) >= bounds.operations or gas > bounds.gas or size > bounds.bytes:
        return False
    plan.gas, plan.bytes = gas, size
    return True
