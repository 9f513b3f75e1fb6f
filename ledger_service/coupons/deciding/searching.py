"""The best lawful combination, by branch and bound under a fixed number of nodes.

At each node the coupons still allowed are walked by falling weight: once under relaxed rules, which bounds
what the node can reach, and once under the real ones, which gives a combination. Where both weigh the same,
the node is solved; so a basket whose coupons do not compete needs one node. A node budget, not a clock, ends
the search, so the same basket has the same answer on every machine.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ledger_service.coupons.deciding.covering import Coverage, Covered
from ledger_service.coupons.deciding.effects import Effect
from ledger_service.coupons.deciding.offers import Offer, Stack, clash, fit
from ledger_service.coupons.deciding.weighing import Weights, bits

MOST_NODES = 250


@dataclass(frozen=True, slots=True)
class Found:
    """The best combination seen; no lawful one takes more than ``gap_minor`` beyond it."""

    chosen: tuple[Offer, ...]
    gap_minor: int
    nodes: int


@dataclass(frozen=True, slots=True)
class _Node:
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


class _Rules:
    """The stacking rules of some offers as bit masks."""

    def __init__(self, offers: Sequence[Offer], pieces: Sequence[int]) -> None:
        self.offers = offers
        self.pieces = pieces
        self.most_per_group = [offer.stack.most_per_group for offer in offers]
        self.most_of_definition = [offer.most_of_definition for offer in offers]
        self.users = sum(1 << i for i, offer in enumerate(offers) if offer.effect.uses)
        self.wanting = _wanting(offers, pieces)
        self.clashes = _clashes(offers)
        self.groups: dict[str, int] = {}
        self.definitions: dict[int, int] = {}
        self.twins: dict[tuple[int, int, Effect, Stack], int] = {}
        for i, offer in enumerate(offers):
            self.groups[offer.stack.group] = self.groups.get(offer.stack.group, 0) | 1 << i
            self.definitions[offer.definition] = self.definitions.get(offer.definition, 0) | 1 << i
            self.twins[offer.twin] = self.twins.get(offer.twin, 0) | 1 << i
        groups = {group: _counted(mates, self.most_per_group) for group, mates in self.groups.items()}
        alike = {one: _counted(mates, self.most_of_definition) for one, mates in self.definitions.items()}
        self.counted = [(groups[offer.stack.group], alike[offer.definition]) for offer in offers]
        self.relaxed = _relaxed(offers, self.groups)
        for i, offer in enumerate(offers):
            same = self.definitions[offer.definition]
            most = max(self.most_of_definition[j] for j in bits(same))
            self.relaxed[i].append(("of one", same, most))
        for mask in self._rivals():
            for i in bits(mask):
                self.relaxed[i].append(("pieces", mask, 1))

    def _free(self, chosen: int) -> dict[int, int]:
        """Pieces that are left on the lines of which chosen offers use some."""
        free: dict[int, int] = {}
        for j in bits(chosen & self.users):
            for line, count in self.offers[j].effect.uses:
                free[line] = free.get(line, self.pieces[line]) - count
        return free

    def _rivals(self) -> list[int]:
        """Sets of offers of which any two want the same pieces: one of each set can be used."""
        sets: list[int] = []
        for i in bits(self.users):
            for at, mask in enumerate(sets):
                if not any(fit((self.offers[i], self.offers[j]), self.pieces) for j in bits(mask)):
                    sets[at] = mask | 1 << i
                    break
            else:
                sets.append(1 << i)
        return sets

    def open_after(self, chosen: int, open_: int, i: int) -> int:
        """What may still be added to ``chosen``, which has just got ``i``."""
        offer = self.offers[i]
        open_ &= ~(self.clashes[i] | 1 << i)
        for counted in self.counted[i]:
            open_ = counted.left_open(chosen, open_)
        if offer.effect.uses:
            free = self._free(chosen)
            for line, _ in offer.effect.uses:
                open_ &= ~self.wanting[line][free[line]]
        return open_


@dataclass(frozen=True, slots=True)
class _Counted:
    """A set of which few may be chosen: ``full[n]`` are those of it that n chosen ones are enough for."""

    mates: int
    full: Sequence[int]

    def left_open(self, chosen: int, open_: int) -> int:
        """What stays open: each may stand among as many as it allows, and beside none that allows no more."""
        members = chosen & self.mates
        full = self.full[min(members.bit_count(), len(self.full) - 1)]
        return open_ & ~(self.mates if members & full else full)


def _counted(mates: int, most: Sequence[int]) -> _Counted:
    places = bits(mates)
    # Beyond the greatest bound that so many can reach, more chosen ones close nothing further.
    deepest = max((most[j] for j in places if most[j] <= len(places)), default=0)
    full = [0] * (deepest + 1)
    for j in places:
        for count in range(most[j], deepest + 1):
            full[count] |= 1 << j
    return _Counted(mates, full)


def search(weights: Weights, most_coupons: int, most_nodes: int = MOST_NODES) -> Found:
    """The combination of the greatest weight.

    Args:
        weights: the offers of the basket, weighed.
        most_coupons: the basket's published limit.
        most_nodes: how many nodes may be looked at before the best so far is given.
    """
    rules, coverage = _Rules(weights.offers, weights.pieces), Coverage(weights)
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
    return Found(tuple(weights.chosen(_trimmed(weights, best[1]))), gap, nodes)


def _branches(coverage: Coverage, rules: _Rules, node: _Node, i: int) -> tuple[_Node, _Node]:
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


def _bound(rules: _Rules, node: _Node, order: Sequence[int]) -> int:
    """The most that open offers can add: of offers that exclude each other only the first ones count."""
    single, total, slots, shut = node.covered.single, 0, node.slots, 0
    used: dict[tuple[str, int, int], int] = {}
    for i in order:
        if not slots or single[i] <= 0:
            break
        if shut >> i & 1:
            continue
        total += single[i]
        slots -= 1
        for one in rules.relaxed[i]:
            used[one] = used.get(one, 0) + 1
            if used[one] >= one[2]:
                shut |= one[1]
    return total


def _lawful_walk(rules: _Rules, node: _Node, order: Sequence[int]) -> tuple[int, int]:
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
    """Without coupons that would be used up for nothing; only an unfinished search can leave some."""
    best = weights.of(mask)
    for i in bits(mask):
        without = weights.of(mask & ~(1 << i))
        if without > best:
            best, mask = without, mask & ~(1 << i)
    return mask


def _wanting(offers: Sequence[Offer], pieces: Sequence[int]) -> list[list[int]]:
    """For each line and each number of pieces that are left, who wants more of it than that."""
    wanting = [[0] * (count + 1) for count in pieces]
    for i, offer in enumerate(offers):
        for line, count in offer.effect.uses:
            for left in range(min(count, len(wanting[line]))):
                wanting[line][left] |= 1 << i
    return wanting


def _clashes(offers: Sequence[Offer]) -> list[int]:
    """For each offer, the others that its groups keep out; worked out once per distinct rule of stacking."""
    kinds: dict[object, tuple[Offer, int]] = {}
    for i, offer in enumerate(offers):
        stack = offer.stack
        key = (stack.group, stack.exclusive, stack.combines_with, stack.excludes)
        sample, mask = kinds.get(key, (offer, 0))
        kinds[key] = (sample, mask | 1 << i)
    found = [0] * len(offers)
    for one, members in kinds.values():
        mask = 0
        for other, others in kinds.values():
            if clash(one, other):
                mask |= others
        for i in bits(members):
            found[i] = mask & ~(1 << i)
    return found


def _relaxed(offers: Sequence[Offer], groups: dict[str, int]) -> list[list[tuple[str, int, int]]]:
    """For each offer the sets (what for, who, how many at most) of which few can be in one basket.

    Groups of which all coupons keep out all of another are put together: only one of them can be used.
    """
    sets: list[tuple[list[str], int, int]] = []
    apart = _groups_apart(offers)
    for group, mask in sorted(groups.items()):
        most = max(offers[i].stack.most_per_group for i in bits(mask))
        for at, (names, members, cap) in enumerate(sets):
            if all((group, name) in apart for name in names):
                sets[at] = ([*names, group], members | mask, max(cap, most))
                break
        else:
            sets.append(([group], mask, most))
    found: list[list[tuple[str, int, int]]] = [[] for _ in offers]
    for _, members, cap in sets:
        for i in bits(members):
            found[i].append(("together", members, cap))
    return found


def _groups_apart(offers: Sequence[Offer]) -> set[tuple[str, str]]:
    samples: dict[object, Offer] = {}
    for o in offers:
        samples.setdefault((o.stack.group, o.stack.combines_with, o.stack.excludes, o.stack.exclusive), o)
    pairs: dict[tuple[str, str], bool] = {}
    for one in samples.values():
        for other in samples.values():
            key = (one.stack.group, other.stack.group)
            pairs[key] = pairs.get(key, True) and clash(one, other)
    return {pair for pair, always in pairs.items() if always}
