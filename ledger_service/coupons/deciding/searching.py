"""The best lawful combination, by branch and bound under a fixed number of nodes.

At each node the coupons still allowed are walked by falling weight: once under relaxed rules, which bounds
what the node can reach, and once under the real ones, which gives a combination. Where both weigh the same,
the node is solved; so a basket whose coupons do not compete needs one node. A node budget, not a clock, ends
the search, so the same basket has the same answer on every machine.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ledger_service.coupons.deciding.allowing import Rules
from ledger_service.coupons.deciding.covering import Coverage, Covered
from ledger_service.coupons.deciding.offers import Offer
from ledger_service.coupons.deciding.weighing import Weights, bits

MOST_NODES = 250


@dataclass(frozen=True, slots=True)
class Found:
    """The best combination seen; no lawful one takes more than ``gap_minor`` beyond it."""

    chosen: tuple[Offer, ...]
    gap_minor: int
    nodes: int


class _Node(NamedTuple):
    chosen: int
    weight: int
    open: int
    slots: int
    covered: Covered

    def order(self) -> list[int]:
        """The open offers by what each can still add, most first."""
        places = bits(self.open)
        if not self.covered.sorted:
            places.sort(key=self.covered.single.__getitem__, reverse=True)
        return places


def search(weights: Weights, most_coupons: int, most_nodes: int = MOST_NODES) -> Found:
    """The combination of the greatest weight.

    Args:
        weights: the offers of the basket, weighed.
        most_coupons: the basket's published limit.
        most_nodes: how many nodes may be looked at before the best so far is given.
    """
    rules, coverage = Rules(weights.offers, weights.pieces), Coverage(weights)
    best = (0, 0)
    alone = 0
    if most_coupons > 0:
        for i, offer in enumerate(weights.offers):
            if offer.stack.exclusive:
                alone |= 1 << i
                best = max(best, (weights.of(1 << i), 1 << i))
    everything = (1 << len(weights.offers)) - 1
    stack, nodes, bound_left = [_Node(0, 0, everything & ~alone, most_coupons, coverage.start())], 0, 0
    while stack:
        node = stack.pop()
        order = node.order()
        bound = node.weight + _bound(rules, node, order)
        if bound <= best[0]:
            continue
        if nodes >= most_nodes:
            bound_left = max(bound_left, bound)
            continue
        nodes += 1
        most, full = _lawful_walk(rules, node, order)
        if most > best[0]:
            best = max(best, (weights.of(full), full))
        if best[0] < bound and node.open and node.slots:
            stack += _branches(coverage, rules, node, order[0])
    gap = max(0, weights.minor_of(bound_left) - weights.minor_of(best[0]))
    # A finished search has found the greatest weight, which a coupon used for nothing would lower.
    mask = _trimmed(weights, best[1]) if bound_left else best[1]
    return Found(tuple(weights.chosen(mask)), gap, nodes)


def _branches(coverage: Coverage, rules: Rules, node: _Node, i: int) -> tuple[_Node, _Node]:
    """Without offer ``i``, and with it; the last is looked at first."""
    chosen = node.chosen | 1 << i
    # A twin of what is left out could only do the same with a later expiry.
    without = node.open & ~rules.twins[rules.offers[i].twin]
    beside = rules.open_after(chosen, node.open, i)
    return (
        _Node(node.chosen, node.weight, without, node.slots, node.covered),
        _Node(
            chosen,
            node.weight + node.covered.single[i],
            beside,
            node.slots - 1,
            coverage.after(node.covered, i, beside),
        ),
    )


def _bound(rules: Rules, node: _Node, order: Sequence[int]) -> int:
    """The most that open offers can add: of offers that exclude each other only the first ones count."""
    single, total, slots, shut = node.covered.single, 0, node.slots, 0
    room = list(rules.room)
    for i in order:
        if not slots or single[i] <= 0:
            break
        if shut >> i & 1:
            continue
        total += single[i]
        slots -= 1
        for one in rules.sets_of[i]:
            room[one] -= 1
            if room[one] <= 0:
                shut |= rules.members[one]
    return total


def _lawful_walk(rules: Rules, node: _Node, order: Sequence[int]) -> tuple[int, int]:
    """A combination that holds the node's, and what it weighs at most."""
    chosen, open_, slots, most = node.chosen, node.open, node.slots, node.weight
    for i in order:
        if not slots or not open_:
            break
        if open_ >> i & 1:
            chosen |= 1 << i
            slots -= 1
            most += node.covered.single[i]
            open_ = rules.open_after(chosen, open_, i)
    return most, chosen


def _trimmed(weights: Weights, mask: int) -> int:
    """Without coupons that would be used up for nothing, of which an unfinished search can leave some."""
    best = weights.of(mask)
    for i in bits(mask):
        without = weights.of(mask & ~(1 << i))
        if without > best:
            best, mask = without, mask & ~(1 << i)
    return mask
