"""The stacking rules of a basket's offers as bit masks: what another one closes, and what bounds a search.

Bit i stands for offer i. ``offers.lawful`` is the rule itself; what is here says the same, faster.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ledger_service.coupons.deciding.effects import Effect
from ledger_service.coupons.deciding.offers import Offer, Stack, clash
from ledger_service.coupons.deciding.weighing import bits


class Rules:
    """What may stand beside what.

    ``twins`` are the offers that do the same in this basket. Of the set ``members[n]`` at most ``room[n]``
    can be in one basket; ``sets_of[i]`` are the numbers of the sets that hold offer i and can bind. Any two
    sets are apart or one within the other: only then is what the heaviest first come to the most.
    """

    def __init__(self, offers: Sequence[Offer], pieces: Sequence[int]) -> None:
        """Work the rules out once for a search."""
        self.offers, self.pieces = offers, pieces
        self.clashes = _clashes(offers)
        self._wanting = _wanting(offers, pieces)
        self._users = _users(offers, len(pieces))
        groups: dict[str, int] = {}
        definitions: dict[int, int] = {}
        self.twins: dict[tuple[int, int, Effect, Stack], int] = {}
        for i, offer in enumerate(offers):
            groups[offer.stack.group] = groups.get(offer.stack.group, 0) | 1 << i
            definitions[offer.definition] = definitions.get(offer.definition, 0) | 1 << i
            self.twins[offer.twin] = self.twins.get(offer.twin, 0) | 1 << i
        self._counted = _all_counted(offers, groups, definitions)
        sets = [*_together(offers, groups), *_of_one(offers, definitions)]
        sets += [(mask, 1) for mask in self._rivals()]
        binding = _nested(sets)
        self.members = [mask for mask, _ in binding]
        self.room = [most for _, most in binding]
        self.sets_of: list[list[int]] = [[] for _ in offers]
        for number, mask in enumerate(self.members):
            for i in bits(mask):
                self.sets_of[i].append(number)

    def open_after(self, chosen: int, open_: int, i: int) -> int:
        """What may still be added to ``chosen``, which has just got ``i``."""
        open_ &= ~(self.clashes[i] | 1 << i)
        for counted in self._counted[i]:
            open_ = counted.left_open(chosen, open_)
        for line, _ in self.offers[i].effect.uses:
            if open_ & self._wanting[line][0]:
                open_ &= ~self._wanting[line][self._left_on(line, chosen)]
        return open_

    def _left_on(self, line: int, chosen: int) -> int:
        """Pieces of the line that no chosen offer uses."""
        users, counts = self._users[line]
        return self.pieces[line] - sum([counts[j] for j in bits(chosen & users)])

    def _rivals(self) -> list[int]:
        """Sets of offers of which any two want the same pieces: one of each set can be used."""
        sets: list[int] = []
        for i, offer in enumerate(self.offers):
            rivals = 0
            for line, count in offer.effect.uses:
                rivals |= self._wanting[line][self.pieces[line] - count]
            for at, mask in enumerate(sets):
                if not mask & ~rivals:
                    sets[at] = mask | 1 << i
                    break
            else:
                if rivals:
                    sets.append(1 << i)
        return sets


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


def _all_counted(
    offers: Sequence[Offer], groups: dict[str, int], definitions: dict[int, int]
) -> list[list[_Counted]]:
    """For each offer the sets of few that it is in: its group and its definition, if they bind."""
    per_group = [offer.stack.most_per_group for offer in offers]
    alike = [offer.most_of_definition for offer in offers]
    sets = [_counted(mates, per_group) for mates in groups.values()]
    sets += [_counted(mates, alike) for mates in definitions.values()]
    found: list[list[_Counted]] = [[] for _ in offers]
    for one in sets:
        if any(one.full):
            for i in bits(one.mates):
                found[i].append(one)
    return found


def _users(offers: Sequence[Offer], lines: int) -> list[tuple[int, dict[int, int]]]:
    """For each line who uses pieces of it, as a mask, and how many each."""
    counts: list[dict[int, int]] = [{} for _ in range(lines)]
    for i, offer in enumerate(offers):
        for line, count in offer.effect.uses:
            counts[line][i] = count
    return [(sum(1 << i for i in on_line), on_line) for on_line in counts]


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


def _nested(sets: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """The sets that can bind, cut where they cross one before; a part may hold as many as the whole."""
    kept: list[tuple[int, int]] = []
    for mask, most in sets:
        parts = [mask]
        for other, _ in kept:
            parts = [piece for part in parts for piece in _cut(part, other)]
        kept += [(part, most) for part in parts if part.bit_count() > most]
    return kept


def _cut(mask: int, other: int) -> tuple[int, ...]:
    within, beyond = mask & other, mask & ~other
    return (within, beyond) if within and beyond and within != other else (mask,)


def _of_one(offers: Sequence[Offer], definitions: dict[int, int]) -> list[tuple[int, int]]:
    """Sets (who, how many at most) of the offers of one definition."""
    return [
        (mates, max(offers[j].most_of_definition for j in bits(mates))) for mates in definitions.values()
    ]


def _together(offers: Sequence[Offer], groups: dict[str, int]) -> list[tuple[int, int]]:
    """Sets (who, how many at most) of groups.

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
    return [(members, cap) for _, members, cap in sets]


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
