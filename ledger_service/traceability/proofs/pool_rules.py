"""What a pool's bundle is worth against what a chain says. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ledger_service.kernel.merkle import root_of
from ledger_service.traceability.prizes.rules import (
    Beacon,
    Pool,
    pool_leaf,
    pool_of,
    root_with_pool,
    slot_leaves,
    winners,
)
from ledger_service.traceability.proofs.pool_bundle import LATE, UNCLAIMED, PoolBundle
from ledger_service.traceability.proofs.rules import BatchWord, DrawWord, Finding, of_block

# What may become of an item that wins; "none" is of those that do not.
_OF_A_WINNER = frozenset({UNCLAIMED, LATE, "waiting", "given", "lapsed", "stopped", "void"})


@dataclass(frozen=True, slots=True)
class PoolWord:
    """What the chain says of the root, of the block, and of items: claimed and void by index."""

    batch: BatchWord
    draw: DrawWord | None
    marks: Mapping[int, tuple[bool, bool]]


def judge_pool(bundle: PoolBundle, word: PoolWord) -> list[Finding]:
    """Everything that is wrong with a pool: its commitment, its draw, its winners.

    Recomputes all slots, a million in about ten seconds.
    """
    try:
        pool = pool_of(bundle.pool)
    except ValueError as odd:
        return [Finding("prize-pool-differs", str(odd))]
    found = [*_of_commitment(bundle, pool, word.batch)]
    if found or bundle.block is None:
        return found or [Finding("prizes-not-open", "no block has drawn yet")]
    found = [*of_block(pool, bundle.block, word.draw)]
    if bundle.secret is None:
        return found or [Finding("prizes-not-open", "the secret is not open yet")]
    return found or [*_of_winners(bundle, (pool, bundle.secret, bundle.block), word)]


def judge_issues(bundle: PoolBundle, issued: Mapping[bytes, int]) -> list[Finding]:
    """Whatever is wrong with the issues that a pool names for prizes that were given.

    Args:
        bundle: of an open pool.
        issued: points by operation, as the chain has them.
    """
    found, used = [], set[bytes]()
    for one in bundle.winners or ():
        # A coupon is not issued on chain: it shows there when it is used.
        # What went against a debt of the winner never was on chain: that is the ledger's word.
        wanted = max(0, (one.points or 0) - one.owed)
        if one.state != "given" or one.operation is None or not wanted:
            continue
        points = issued.get(one.operation)
        if points is None:
            found.append(Finding("prize-unissued", f"item {one.index}: the chain has not issued its points"))
        elif points != wanted or one.operation in used:
            told = f"item {one.index}: the operation that it names issued {points} points, or is another's"
            found.append(Finding("prize-withheld", told))
        used.add(one.operation)
    return found


def _of_commitment(bundle: PoolBundle, pool: Pool, batch: BatchWord) -> Iterator[Finding]:
    if batch.count == 0:
        yield Finding("batch-missing", f"the root 0x{bundle.root.hex()} was never anchored")
    elif (batch.owner, batch.gtin, batch.count) != (bundle.owner, int(pool.gtin), pool.size):
        yield Finding("batch-differs", f"{batch.owner} anchored {batch.count} of {batch.gtin:014d}")
    elif not batch.of_lot:
        yield Finding("batch-differs", f"the root was not anchored for lot {pool.lot}")
    leaf = pool_leaf(bundle.pool, bundle.slots_root)
    if root_with_pool(bundle.items_root, leaf) != bundle.root:
        yield Finding("prize-pool-differs", "the batch's root does not hold these prizes")


def _of_winners(bundle: PoolBundle, draw: tuple[Pool, bytes, Beacon], word: PoolWord) -> Iterator[Finding]:
    pool, secret, _ = draw
    # As by the service: subtrees of whole powers of two end in the same root.
    if root_of(list(slot_leaves(pool, secret, range(pool.size)))) != bundle.slots_root:
        yield Finding("prize-slots-differ", "the secret does not lead to the slots that were committed to")
        return
    told = bundle.winners or ()
    if {one.index: one.prize for one in told} != winners(*draw) or len(told) != pool.total:
        yield Finding("prize-winners-differ", "the list is not what the draw comes to")
        return
    for one in told:
        claimed, void = word.marks.get(one.index, (False, False))
        if one.state == UNCLAIMED and claimed and not void:
            yield Finding("prize-withheld", f"item {one.index} was claimed, and is listed as never claimed")
        if one.state not in _OF_A_WINNER:
            yield Finding("prize-withheld", f"item {one.index} wins, and is listed as {one.state}")
        if one.state == "given" and not claimed:
            yield Finding("prize-withheld", f"item {one.index} is listed as given, and was never claimed")
        elif one.state == "given" and one.points != pool.prizes[one.prize - 1].points:
            yield Finding("prize-withheld", f"item {one.index} is listed as given, with {one.points} points")
