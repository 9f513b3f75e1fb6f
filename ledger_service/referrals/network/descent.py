"""The forest of attributions: each member was brought by one at most, and nobody brought an ancestor."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ledger_service.referrals.network.graph import Network, Numbers

NOBODY = -1


@dataclass(frozen=True, slots=True)
class Descent:
    """Per member: who brought them (a position, or NOBODY), how many steps from a root, and how many came
    of them at any depth (``reach``)."""

    parent: Numbers
    level: Numbers
    reach: Numbers

    def levels(self) -> list[int]:
        """How many members stand at each level, roots first."""
        return [int(count) for count in np.bincount(self.level)]


def descent_of(network: Network) -> Descent:
    """Levels and reach of a network whose ties are attributions.

    Raises:
        ValueError: somebody has two who brought them, or ties lead in a circle.
    """
    parent: Numbers = np.full(network.size, NOBODY, np.int64)
    pairs = np.unique(np.stack([network.target, network.source]), axis=1)
    if len(np.unique(pairs[0])) != pairs.shape[1]:
        raise ValueError("a member was brought by two")
    parent[pairs[0]] = pairs[1]
    level = _levels(parent)
    return Descent(parent, level, _reach(parent, level))


def deepest_chain(network: Network, descent: Descent) -> list[int]:
    """Members from a root to the deepest level; of equal chains the one that ends with the lowest id."""
    if not network.size:
        return []
    place, chain = int(np.argmax(descent.level)), []
    while place != NOBODY:
        chain.append(int(network.members[place]))
        place = int(descent.parent[place])
    return chain[::-1]


def _levels(parent: Numbers) -> Numbers:
    """Steps to the root by doubling: after k rounds everybody looks 2**k generations up."""
    ancestor = parent.copy()
    steps: Numbers = (parent != NOBODY).astype(np.int64)
    for _ in range(len(parent).bit_length() + 1):
        rising = ancestor != NOBODY
        if not rising.any():
            return steps
        up = ancestor[rising]
        steps[rising] += steps[up]
        ancestor[rising] = ancestor[up]
    raise ValueError("attributions lead in a circle")


def _reach(parent: Numbers, level: Numbers) -> Numbers:
    """Descendants of each, added up from the deepest level to the roots."""
    reach = np.zeros(len(parent), np.int64)
    order = np.argsort(level, kind="stable")[::-1]
    ends = np.flatnonzero(np.diff(level[order])) + 1
    for places in np.split(order, ends):
        brought = places[parent[places] != NOBODY]
        np.add.at(reach, parent[brought], reach[brought] + 1)
    return reach
