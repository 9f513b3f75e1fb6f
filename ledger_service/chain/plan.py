"""Pure: which queued intents make the next batch, and in what order their operations stand in it.

Intents are taken in their order. One that cannot go now holds back everything behind it that touches
the same account and programme; all else goes on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

from ledger_service.chain.encode import Original, SlicePlan, TermsRow, legs_of, moved_legs
from ledger_service.chain.queue import Waiting
from ledger_service.kernel.operations import (
    AccountMove,
    Clawback,
    Convert,
    Extend,
    Gift,
    Issue,
    IssueReason,
    Kind,
    Operation,
    Redeem,
    Restore,
    SignerChange,
)

Key = tuple[bytes, int]
_EVERY_PROGRAMME = -1

# Upper bounds with every slot new; gas that is not used is not paid.
_GAS = {
    Kind.ISSUE: 42_000,
    Kind.REDEEM: 62_000,
    Kind.RESTORE: 80_000,
    Kind.CLAWBACK: 62_000,
    Kind.EXPIRE: 30_000,
    Kind.GIFT: 85_000,
    Kind.SIGNER: 90_000,
    Kind.MOVE: 180_000,
    Kind.EXTEND: 160_000,
    Kind.CONVERT: 420_000,
}
# What the desk of campaigns adds to an issue.
_GAS_PER_REWARD = 25_000
_GAS_PER_MOVED_LEG = 60_000
_GAS_PER_FURTHER_LEG = 27_000
_GAS_PER_BATCH = 150_000
_GAS_PER_SLICE = 70_000
_GAS_PER_PROGRAMME = 45_000
_GAS_PER_PROOF_NODE = 700
_BYTES_PER_SLICE = 640
_BYTES = {
    Kind.ISSUE: 160,
    Kind.REDEEM: 544,
    Kind.RESTORE: 900,
    Kind.CLAWBACK: 600,
    Kind.EXPIRE: 128,
    Kind.GIFT: 512,
    Kind.SIGNER: 416,
    Kind.MOVE: 512,
    Kind.EXTEND: 160,
    Kind.CONVERT: 608,
}


class Lookup(Enum):
    """Why an original cannot be cited."""

    NOT_YET = "not-yet"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class Limits:
    """The bounds of one batch: operations, gas by upper bounds, calldata bytes, rows of the table.

    ``ahead_seconds`` is how much later than the oldest waiting operation anything of it may be accepted:
    in replay the batch dates its block, and would leave what waits too old for good. None: no bound.
    """

    operations: int
    gas: int
    bytes: int
    rows: int
    ahead_seconds: int | None = None


@dataclass(frozen=True, slots=True)
class Situation:
    """What stands around the queue.

    Args:
        dead: batches of which D8 knows that they are dead.
        unresolved: accounts and programmes of operations whose batch was refused and is not dead yet.
        originals: for every restore and clawback the proven original, or why there is none, by original
            op_id. held: op_ids that wait for another reason (their merchant's key, a time that has not come).
        moving: accounts of moves that are on their way, which everything else waits for.
        flying: what is on its way and moves wait for.
        stuck: accounts of moves that were refused, which everything but the move that mends it waits for.
        unpromised: rewards that the contract would never issue, for nobody promised them.
    """

    dead: frozenset[int] = frozenset()
    unresolved: frozenset[Key] = frozenset()
    originals: Mapping[bytes, Original | Lookup] = field(default_factory=dict)
    held: frozenset[bytes] = frozenset()
    moving: frozenset[Key] = frozenset()
    flying: frozenset[Key] = frozenset()
    stuck: frozenset[Key] = frozenset()
    unpromised: frozenset[bytes] = frozenset()


@dataclass(slots=True)
class Plan:
    """The operations of one batch. ``orphans`` can never be carried out, for their original or promise never
    will be.

    Moves have batches of their own: a plan with ``moves`` has nothing else. So have extensions,
    and conversions: either all operations of ``slices`` are, or none is.
    """

    taken: list[Waiting] = field(default_factory=list)
    moves: list[AccountMove] = field(default_factory=list)
    signers: list[SignerChange] = field(default_factory=list)
    slices: dict[int, SlicePlan] = field(default_factory=dict)
    rows: set[TermsRow] = field(default_factory=set)
    gas: int = _GAS_PER_BATCH
    bytes: int = 512
    orphans: list[Waiting] = field(default_factory=list)
    full: bool = False

    def ordered(self) -> list[Operation]:
        """The operations by position."""
        return [*self.moves, *self.signers, *(o for plan in self.slices.values() for o in plan.in_order())]


def touched(operation: Operation) -> set[Key]:
    """The account and programme pairs that an operation depends on or changes."""
    keys = {(operation.account, leg.programme) for leg in legs_of(operation)}
    if isinstance(operation, Gift):
        keys |= {(operation.recipient, leg.programme) for leg in operation.legs}
    if isinstance(operation, (Extend, Convert)):
        keys = {(operation.account, leg.programme) for leg in moved_legs(operation)}
    if isinstance(operation, SignerChange):
        keys = {(operation.account, _EVERY_PROGRAMME)}
    if isinstance(operation, AccountMove):
        keys = {(account, _EVERY_PROGRAMME) for account in (operation.account, operation.successor)}
    return keys


def plan_batch(queue: Sequence[Waiting], situation: Situation, limits: Limits) -> Plan:
    """The next batch from the front of the queue."""
    plan, blocked = Plan(), set(situation.unresolved | situation.moving)
    stuck = set(situation.stuck)
    here: set[bytes] = set()
    latest = _latest(queue, limits)
    for item in queue:
        operation, keys = item.operation, touched(item.operation)
        original = getattr(operation, "original_op_id", None)
        if _is_orphan(operation, original, situation):
            plan.orphans.append(item)
            continue
        if _is_blocked(keys, stuck) and not isinstance(operation, AccountMove):
            stuck |= keys
            continue
        late = latest is not None and operation.accepted_at > latest
        if late or _is_blocked(keys, blocked) or not _joins(plan, operation, situation):
            blocked |= keys
            continue
        if not _may_go(item, situation, here, original):
            blocked |= keys
            continue
        if not _fits(plan, operation, situation, limits):
            plan.full = True
            break
        _take(plan, item, situation)
        here.add(operation.op_id)
    # The contract wants slices to rise by merchant, so that none can be sent twice under its one signature.
    plan.slices = dict(sorted(plan.slices.items()))
    return plan


def _is_orphan(operation: Operation, original: bytes | None, situation: Situation) -> bool:
    never = original is not None and situation.originals.get(original) is Lookup.NEVER
    return never or operation.op_id in situation.unpromised


def _joins(plan: Plan, operation: Operation, situation: Situation) -> bool:
    """Moves go with moves alone, and only when nothing of their accounts is on its way; extensions with
    extensions, conversions with conversions."""
    if plan.taken and _company(plan.taken[0].operation) is not _company(operation):
        return False
    moves = isinstance(operation, AccountMove)
    return not moves or not _is_blocked(touched(operation), set(situation.flying))


def _company(operation: Operation) -> type[AccountMove] | type[Extend] | type[Convert] | None:
    """What an operation shares its batch with; None for everything that a usual batch takes."""
    return next((kind for kind in (AccountMove, Extend, Convert) if isinstance(operation, kind)), None)


def _latest(queue: Sequence[Waiting], limits: Limits) -> int | None:
    """The last acceptance time that may go while the oldest of the queue waits; None for any."""
    if limits.ahead_seconds is None or not queue:
        return None
    return min(item.operation.accepted_at for item in queue) + limits.ahead_seconds


def _is_blocked(keys: set[Key], blocked: set[Key]) -> bool:
    if not blocked:
        return False
    for account, programme in keys:
        if (account, programme) in blocked or (account, _EVERY_PROGRAMME) in blocked:
            return True
        if programme == _EVERY_PROGRAMME and any(other == account for other, _ in blocked):
            return True
    return False


def _may_go(item: Waiting, situation: Situation, here: set[bytes], original: bytes | None) -> bool:
    if item.former_batch is not None and item.former_batch not in situation.dead:
        return False
    if not item.intact or item.operation.op_id in situation.held:
        return False
    if original is None:
        return True
    # The root of a batch proves its operations only once that batch is applied: never in the same batch.
    return original not in here and isinstance(situation.originals.get(original), Original)


def _fits(plan: Plan, operation: Operation, situation: Situation, limits: Limits) -> bool:
    gas, size = _cost(plan, operation, situation)
    rows = plan.rows | {(leg.programme, leg.terms_version) for leg in legs_of(operation)}
    return (
        len(plan.taken) < limits.operations
        and plan.gas + gas <= limits.gas
        and plan.bytes + size <= limits.bytes
        and len(rows) <= limits.rows
    )


def _cost(plan: Plan, operation: Operation, situation: Situation) -> tuple[int, int]:
    legs = legs_of(operation)
    gas, size = _GAS[operation.kind], _BYTES[operation.kind]
    told = operation.legs if isinstance(operation, Convert) else legs
    gas += _GAS_PER_FURTHER_LEG * max(len(told) - 1, 0)
    size += 32 * len(told)
    if isinstance(operation, Issue) and operation.reason == IssueReason.REWARD:
        gas += _GAS_PER_REWARD
    if isinstance(operation, AccountMove):
        signed = len(operation.authorisation)
        return gas + _GAS_PER_MOVED_LEG * len(operation.legs), size + 32 * len(operation.legs) + signed
    if not isinstance(operation, SignerChange) and operation.merchant not in plan.slices:
        gas, size = gas + _GAS_PER_SLICE, size + _BYTES_PER_SLICE
    fresh = {(leg.programme, leg.terms_version) for leg in legs} - plan.rows
    gas, size = gas + _GAS_PER_PROGRAMME * len(fresh), size + 64 * len(fresh)
    if isinstance(operation, (Restore, Clawback)):
        original = situation.originals.get(operation.original_op_id)
        nodes = len(original.proof) if isinstance(original, Original) else 0
        gas, size = gas + _GAS_PER_PROOF_NODE * nodes, size + 32 * nodes
    if isinstance(operation, (Redeem, Gift, Convert)):
        size += len(operation.signature)
    return gas, size


def _take(plan: Plan, item: Waiting, situation: Situation) -> None:
    operation = item.operation
    gas, size = _cost(plan, operation, situation)
    plan.gas, plan.bytes = plan.gas + gas, plan.bytes + size
    plan.taken.append(item)
    plan.rows |= {(leg.programme, leg.terms_version) for leg in legs_of(operation)}
    if isinstance(operation, SignerChange):
        plan.signers.append(operation)
    elif isinstance(operation, AccountMove):
        plan.moves.append(operation)
    else:
        plan.slices.setdefault(operation.merchant, SlicePlan(operation.merchant)).add(operation)


def accepted_last(plan: Plan) -> int:
    """The latest acceptance time in the batch, in seconds."""
    return max(item.operation.accepted_at for item in plan.taken)


def reverses(operation: Operation, original: Operation) -> bool:
    """Whether ``operation`` may cite ``original``: a restore cites a redemption, a clawback an issue, by
    its leaf."""
    if isinstance(operation, Restore):
        return isinstance(original, Redeem) and original.leaf() == operation.original_leaf
    return (
        isinstance(operation, Clawback)
        and isinstance(original, Issue)
        and original.leaf() == operation.original_leaf
    )
