"""Ties between members as arrays, and as graphs of the compiled library."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import networkit
import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.int64]


@dataclass(frozen=True)
class Network:
    """Directed ties: ``source`` shared, ``target`` acted, with a ``weight`` >= 1 for how strong the act was.

    ``members`` are the ids in ascending order; ``source`` and ``target`` are positions in it, so every array
    of results is read against ``members``. Several ties may join the same two.
    """

    members: Numbers
    source: Numbers
    target: Numbers
    weight: Numbers

    @property
    def size(self) -> int:
        """How many members."""
        return len(self.members)

    @cached_property
    def undirected(self) -> Any:
        """Who has to do with whom, whichever way: the library's graph without direction or repetition."""
        low, high = np.minimum(self.source, self.target), np.maximum(self.source, self.target)
        pairs = np.unique(low * np.int64(max(self.size, 1)) + high)
        graph = networkit.Graph(self.size)
        graph.addEdges(((pairs // self.size).astype(np.uint64), (pairs % self.size).astype(np.uint64)))
        return graph

    def place(self, member: int) -> int:
        """Where this member stands in the arrays.

        Raises:
            KeyError: no tie has this member.
        """
        place = int(np.searchsorted(self.members, member))
        if place == self.size or self.members[place] != member:
            raise KeyError(member)
        return place


def network_of(ties: Iterable[tuple[int, int, int]]) -> Network:
    """The network of (source, target, weight) in member ids.

    Raises:
        ValueError: a tie to oneself, or a weight below 1.
    """
    rows = np.array(list(ties), dtype=np.int64).reshape(-1, 3)
    return network_of_arrays(rows[:, 0], rows[:, 1], rows[:, 2])


def network_of_arrays(source: Numbers, target: Numbers, weight: Numbers) -> Network:
    """As ``network_of``, from three columns of one length.

    Raises:
        ValueError: columns of several lengths, a tie to oneself, or a weight below 1.
    """
    if not len(source) == len(target) == len(weight):
        raise ValueError("the columns of ties differ in length")
    if bool(np.any(source == target)):
        raise ValueError("a tie leads from a member to the same member")
    if bool(np.any(weight < 1)):
        raise ValueError("the weight of a tie is below 1")
    members, places = np.unique(np.concatenate([source, target]), return_inverse=True)
    return Network(members, places[: len(source)], places[len(source) :], weight.astype(np.int64))


def directed(network: Network) -> Any:
    """The library's directed graph; several ties of the same two count once."""
    graph = networkit.Graph(network.size, directed=True)
    graph.addEdges((network.source.astype(np.uint64), network.target.astype(np.uint64)))
    graph.removeMultiEdges()
    return graph
