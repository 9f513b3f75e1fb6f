"""What the library measures, as integers: shares are parts per million, so that two runs compare exactly.

Betweenness visits every pair of members; above ``EXACT_MOST`` members it is sampled (KADABRA, Borassi and
Natale 2016), and the figures say how far they may be off and how often. Whatever has chance in it runs on one
thread from a fixed seed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import networkit
import numpy as np

from ledger_service.referrals.network.graph import Network, Numbers, directed

MILLION = 1_000_000
EXACT_MOST = 10_000
SAMPLED_ERROR_PPM = 10_000
SAMPLED_DOUBT_PPM = 100_000
_SEED = 20170101


@dataclass(frozen=True, slots=True)
class Betweenness:
    """Share of the shortest paths between others that pass each member, in parts per million.

    ``error_ppm`` is 0 for exact values; else each value is within it with a chance of 1 - ``doubt_ppm``.
    """

    ppm: Numbers
    error_ppm: int
    doubt_ppm: int


@dataclass(frozen=True, slots=True)
class Clustering:
    """How far a member's neighbours know each other: per member, on average, and over all open triples."""

    local_ppm: Numbers
    mean_ppm: int
    transitivity_ppm: int


@dataclass(frozen=True, slots=True)
class Communities:
    """The community of each member (numbered by size, 0 the largest), and the modularity of the division."""

    of: Numbers
    count: int
    modularity_ppm: int


@dataclass(frozen=True, slots=True)
class Degrees:
    """Per member: others reached and reached by, and the weights of the ties out and in."""

    out: Numbers
    into: Numbers
    strength_out: Numbers
    strength_in: Numbers

    def distribution(self) -> list[tuple[int, int]]:
        """(out-degree, members) for every degree that occurs."""
        degree, count = np.unique(self.out, return_counts=True)
        return [(int(d), int(c)) for d, c in zip(degree, count, strict=True)]


def degrees(network: Network) -> Degrees:
    """Degrees count each other member once; strengths add up every tie."""
    size = max(network.size, 1)
    pairs = np.unique(network.source * np.int64(size) + network.target)
    return Degrees(
        np.bincount(pairs // size, minlength=network.size),
        np.bincount(pairs % size, minlength=network.size),
        _added(network.source, network.weight, network.size),
        _added(network.target, network.weight, network.size),
    )


def clustering(network: Network) -> Clustering:
    """Local clustering coefficients (Watts and Strogatz) and transitivity, without direction."""
    graph = network.undirected
    if not graph.numberOfEdges():
        return Clustering(np.zeros(network.size, np.int64), 0, 0)
    networkit.setNumberOfThreads(1)
    local = np.array(networkit.centrality.LocalClusteringCoefficient(graph, True).run().scores())
    degree = np.array([graph.degree(u) for u in range(network.size)], dtype=np.int64)
    pairs = degree * (degree - 1) // 2
    triangles = np.rint(local * pairs)
    open_triples = int(pairs.sum())
    closed = int(triangles.sum()) * MILLION // open_triples if open_triples else 0
    return Clustering(_ppm(local), int(np.rint(local.mean() * MILLION)), closed)


def cores(network: Network) -> Numbers:
    """The greatest k of each member such that it belongs to the k-core."""
    scores = networkit.centrality.CoreDecomposition(network.undirected).run().scores()
    return np.array(scores, dtype=np.int64)


def betweenness(network: Network, exact_most: int = EXACT_MOST) -> Betweenness:
    """Betweenness without direction, exact up to ``exact_most`` members."""
    if network.size < 3:
        return Betweenness(np.zeros(network.size, np.int64), 0, 0)
    graph = network.undirected
    if network.size <= exact_most:
        exact = networkit.centrality.Betweenness(graph, normalized=True).run()
        return Betweenness(_ppm(np.array(exact.scores())), 0, 0)
    _seeded()
    error, doubt = SAMPLED_ERROR_PPM / MILLION, SAMPLED_DOUBT_PPM / MILLION
    sampled = networkit.centrality.KadabraBetweenness(graph, error, doubt, True).run()
    # The library counts a path in both directions over pairs in one: its own exact values are half of these.
    return Betweenness(_ppm(np.array(sampled.scores()) / 2), SAMPLED_ERROR_PPM, SAMPLED_DOUBT_PPM)


def communities(network: Network) -> Communities:
    """A division of high modularity (Louvain), the same for the same ties."""
    graph = network.undirected
    if not graph.numberOfEdges():
        return Communities(np.arange(network.size, dtype=np.int64), network.size, 0)
    _seeded()
    division = networkit.community.PLM(graph, refine=True, par="none").run().getPartition()
    modularity = networkit.community.Modularity().getQuality(division, graph)
    found, count = _by_size(np.array(division.getVector(), dtype=np.int64))
    return Communities(found, count, int(np.rint(modularity * MILLION)))


def shortest_path(network: Network, first: int, last: int) -> list[int]:
    """Members on a shortest way of shares from one to another, both in it; empty where none leads there.

    Raises:
        KeyError: no tie has one of them.
    """
    start, end = network.place(first), network.place(last)
    search = networkit.distance.BFS(directed(network), start, True, False, end).run()
    return [int(network.members[place]) for place in search.getPath(end)]


def _by_size(division: Numbers) -> tuple[Numbers, int]:
    """Numbers by falling size; of equal ones the one with the lower member first."""
    labels, first, inverse, size = np.unique(
        division, return_index=True, return_inverse=True, return_counts=True
    )
    order = np.lexsort((first, -size))
    rank = np.empty(len(labels), np.int64)
    rank[order] = np.arange(len(labels))
    found: Numbers = rank[inverse]
    return found, len(labels)


def _added(places: Numbers, weight: Numbers, size: int) -> Numbers:
    total = np.zeros(size, np.int64)
    np.add.at(total, places, weight)
    return total


def _ppm(values: Any) -> Numbers:
    found: Numbers = np.rint(values * MILLION).astype(np.int64)
    return found


def _seeded() -> None:
    networkit.setNumberOfThreads(1)
    networkit.setSeed(_SEED, False)
