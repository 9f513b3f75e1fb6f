"""The measures against networkx on its own real graphs, and the forest of attributions by hand."""

from __future__ import annotations

from itertools import pairwise

import networkx
import numpy as np
import pytest

from ledger_service.referrals.network import descent, measures
from ledger_service.referrals.network.beside import betweenness_beside
from ledger_service.referrals.network.graph import Network, network_of, network_of_arrays

REAL = {
    "karate club": networkx.karate_club_graph,
    "Les Misérables": networkx.les_miserables_graph,
    "Davis southern women": networkx.davis_southern_women_graph,
    "Florentine families": networkx.florentine_families_graph,
}


@pytest.fixture(params=REAL, name="pair")
def _pair(request: pytest.FixtureRequest) -> tuple[networkx.Graph, Network]:
    """A real graph with numbers for names, and the same as ties."""
    graph = networkx.convert_node_labels_to_integers(REAL[request.param](), ordering="sorted")
    return graph, network_of((u, v, 1) for u, v in graph.edges)


def _ppm(values: dict[int, float]) -> list[int]:
    return [round(values[node] * measures.MILLION) for node in sorted(values)]


def test_betweenness_is_what_networkx_finds(pair: tuple[networkx.Graph, Network]) -> None:
    graph, network = pair
    found = measures.betweenness(network)
    assert found.error_ppm == 0
    assert np.abs(found.ppm - _ppm(networkx.betweenness_centrality(graph))).max() <= 1


def test_clustering_is_what_networkx_finds(pair: tuple[networkx.Graph, Network]) -> None:
    graph, network = pair
    found = measures.clustering(network)
    assert np.abs(found.local_ppm - _ppm(networkx.clustering(graph))).max() <= 1
    assert abs(found.mean_ppm - round(networkx.average_clustering(graph) * measures.MILLION)) <= 1
    assert abs(found.transitivity_ppm - round(networkx.transitivity(graph) * measures.MILLION)) <= 1


def test_cores_and_degrees_are_what_networkx_finds(pair: tuple[networkx.Graph, Network]) -> None:
    graph, network = pair
    core = networkx.core_number(graph)
    assert measures.cores(network).tolist() == [core[node] for node in sorted(core)]
    found = measures.degrees(network)
    assert (found.out + found.into).tolist() == [graph.degree(node) for node in sorted(graph)]
    assert sum(degree * members for degree, members in found.distribution()) == graph.number_of_edges()


def test_communities_are_as_good_as_those_of_networkx(pair: tuple[networkx.Graph, Network]) -> None:
    graph, network = pair
    found = measures.communities(network)
    groups = [set(np.flatnonzero(found.of == one).tolist()) for one in range(found.count)]
    best = networkx.community.modularity(
        graph, networkx.community.louvain_communities(graph, weight=None, seed=1), weight=None
    )
    itself = networkx.community.modularity(graph, groups, weight=None)
    assert round(itself * measures.MILLION) == pytest.approx(found.modularity_ppm, abs=1)
    assert itself >= best - 0.03
    assert [len(group) for group in groups] == sorted((len(group) for group in groups), reverse=True)


def test_the_same_ties_give_the_same_figures(pair: tuple[networkx.Graph, Network]) -> None:
    _, network = pair
    assert measures.communities(network).of.tolist() == measures.communities(network).of.tolist()
    sampled = [measures.betweenness(network, exact_most=2).ppm.tolist() for _ in range(2)]
    assert sampled[0] == sampled[1]


def test_sampled_betweenness_keeps_its_stated_error() -> None:
    graph = networkx.barabasi_albert_graph(600, 3, seed=4)
    network = network_of((u, v, 1) for u, v in graph.edges)
    found = measures.betweenness(network, exact_most=100)
    assert (found.error_ppm, found.doubt_ppm) == (10_000, 100_000)
    exact = np.array(_ppm(networkx.betweenness_centrality(graph)))
    assert np.abs(found.ppm - exact).max() <= found.error_ppm


@pytest.mark.parametrize("exact_most", [100, 1_000], ids=["sampled beside", "exact"])
def test_what_is_measured_in_a_process_beside_is_the_same(exact_most: int) -> None:
    network = network_of((u, v, 1) for u, v in networkx.barabasi_albert_graph(600, 3, seed=4).edges)
    with betweenness_beside(network, exact_most) as told:
        division = measures.communities(network)
        found = told()
    alone = measures.betweenness(network, exact_most)
    assert (found.ppm.tolist(), found.error_ppm) == (alone.ppm.tolist(), alone.error_ppm)
    assert division.of.tolist() == measures.communities(network).of.tolist()


def test_a_shortest_way_follows_the_shares() -> None:
    graph = networkx.gnp_random_graph(60, 0.05, seed=2, directed=True)
    network = network_of((u + 1_000, v + 1_000, 1) for u, v in graph.edges)
    ways = dict(networkx.all_pairs_shortest_path_length(graph))
    for last in (7, 23, 41):
        way = measures.shortest_path(network, 1_003, last + 1_000)
        assert len(way) == ways[3].get(last, -1) + 1
        assert all(graph.has_edge(a - 1_000, b - 1_000) for a, b in pairwise(way))
    with pytest.raises(KeyError):
        measures.shortest_path(network, 1, 2)


def test_strength_adds_up_every_tie() -> None:
    found = measures.degrees(network_of([(1, 2, 5), (1, 2, 7), (2, 3, 1)]))
    assert (found.out.tolist(), found.strength_out.tolist(), found.strength_in.tolist()) == (
        [1, 1, 0], [12, 1, 0], [0, 12, 1],
    )  # fmt: skip


def test_descent_tells_levels_reach_and_the_deepest_chain() -> None:
    network = network_of([(10, 11, 1), (10, 12, 1), (12, 13, 1), (13, 14, 1), (20, 21, 1)])
    found = descent.descent_of(network)
    assert found.levels() == [2, 3, 1, 1]
    assert dict(zip(network.members.tolist(), found.reach.tolist(), strict=True)) == {
        10: 4, 11: 0, 12: 2, 13: 1, 14: 0, 20: 1, 21: 0,
    }  # fmt: skip
    assert descent.deepest_chain(network, found) == [10, 12, 13, 14]


def test_a_long_chain_is_measured() -> None:
    places = np.arange(100_000, dtype=np.int64)
    found = descent.descent_of(network_of_arrays(places, places + 1, np.ones(100_000, np.int64)))
    assert (int(found.level[-1]), int(found.reach[0])) == (100_000, 100_000)


@pytest.mark.parametrize("ties", [[(1, 1, 1)], [(1, 2, 0)]], ids=["to oneself", "no weight"])
def test_what_is_no_tie_is_refused(ties: list[tuple[int, int, int]]) -> None:
    with pytest.raises(ValueError, match="tie"):
        network_of(ties)


@pytest.mark.parametrize(
    "ties", [[(1, 3, 1), (2, 3, 1)], [(1, 2, 1), (2, 3, 1), (3, 1, 1)]], ids=["two parents", "a circle"]
)
def test_attributions_are_a_forest(ties: list[tuple[int, int, int]]) -> None:
    with pytest.raises(ValueError, match=r"brought|circle"):
        descent.descent_of(network_of(ties))


def test_nobody_at_all_is_a_network_too() -> None:
    network = network_of([])
    assert descent.deepest_chain(network, descent.descent_of(network)) == []
    assert measures.communities(network).count == 0
    assert measures.clustering(network).mean_ppm == 0
    assert measures.betweenness(network).ppm.tolist() == []
