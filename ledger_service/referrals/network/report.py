"""What a campaign's network is, in one report of integers; each list is short however many members."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ledger_service.referrals.network import measures
from ledger_service.referrals.network.beside import betweenness_beside
from ledger_service.referrals.network.descent import deepest_chain, descent_of
from ledger_service.referrals.network.graph import Network, Numbers, network_of_arrays
from ledger_service.referrals.network.influence import Pairs, Weights, influence_of, worth_of

# How strong a tie an act makes: following a link, enrolling over it, a purchase that counted.
FOLLOWED, ENROLLED, PURCHASE = 1, 2, 3
WEIGHTS = Weights({"followed": 200, "enrolled": 1_000, "purchase": 500}, 20, 2_500)
_MOST, _MOST_CLASSES, _MOST_CHAIN = 20, 100, 64
Report = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Facts:
    """What happened in a campaign: who followed whose link and who enrolled over it, who brought whom into
    the alliance, and the purchases that counted as (sharer, buyer, minor units); one row for each."""

    followed: Numbers
    enrolled: Numbers
    brought: Numbers
    purchases: Numbers


def report_of(facts: Facts, weights: Weights = WEIGHTS) -> Report:
    """The measures of a campaign; members are rows, shares parts per million, influence thousandths.

    The topic of influence is the campaign: each has a report of its own.
    """
    network = _network(facts)
    if not network.size:
        return {"members": 0, "ties": 0}
    with betweenness_beside(network) as betweenness:
        degrees, core = measures.degrees(network), measures.cores(network)
        division, clustering = measures.communities(network), measures.clustering(network)
        influence = influence_of(_acts(facts, weights), facts.brought, weights)
        descent, between = _descent(facts), betweenness()
    return {
        "members": network.size, "ties": int(degrees.out.sum()),
        "degrees": _classes(degrees.out), "strength": _top(network, degrees.strength_out),
        "clustering": {
            "mean_ppm": clustering.mean_ppm, "transitivity_ppm": clustering.transitivity_ppm,
        },
        "cores": _classes(core),
        "betweenness": {
            "error_ppm": between.error_ppm, "doubt_ppm": between.doubt_ppm,
            "top": _top(network, between.ppm),
        },
        "communities": {
            "count": division.count, "modularity_ppm": division.modularity_ppm,
            "largest": [int(size) for size in np.bincount(division.of)[:_MOST]],
        },
        "weights": asdict(weights),
        "influence": [{"member": int(m), "value": int(worth)} for m, worth in influence[:_MOST]],
    } | descent  # fmt: skip


def _descent(facts: Facts) -> Report:
    ones = np.ones(len(facts.brought), np.int64)
    network = network_of_arrays(facts.brought[:, 0], facts.brought[:, 1], ones)
    if not network.size:
        return {"levels": [], "reach": [], "deepest": []}
    descent = descent_of(network)
    return {
        "levels": descent.levels()[:_MOST_CLASSES], "reach": _top(network, descent.reach),
        "deepest": deepest_chain(network, descent)[:_MOST_CHAIN],
    }  # fmt: skip


def _network(facts: Facts) -> Network:
    kinds = ((facts.followed, FOLLOWED), (facts.enrolled, ENROLLED), (facts.purchases, PURCHASE))
    ties = np.concatenate([one[:, :2] for one, _ in kinds])
    strength = np.concatenate([np.full(len(one), weight, np.int64) for one, weight in kinds])
    return network_of_arrays(ties[:, 0], ties[:, 1], strength)


def _acts(facts: Facts, weights: Weights) -> Pairs:
    """Every act: who shared, and what it counts for."""
    kinds = (("followed", facts.followed), ("enrolled", facts.enrolled))
    found = [
        np.stack([ties[:, 0], worth_of(np.zeros(len(ties), np.int64), kind, weights)], axis=1)
        for kind, ties in kinds
    ]
    bought = worth_of(facts.purchases[:, 2], "purchase", weights)
    return np.concatenate([*found, np.stack([facts.purchases[:, 0], bought], axis=1)])


def _classes(values: Numbers) -> list[dict[str, int]]:
    """(value, members) for every value that occurs, the lowest first."""
    found, count = np.unique(values, return_counts=True)
    pairs = zip(found[:_MOST_CLASSES], count[:_MOST_CLASSES], strict=True)
    return [{"value": int(value), "members": int(members)} for value, members in pairs]


def _top(network: Network, values: Numbers) -> list[dict[str, int]]:
    """The members with the greatest values above nought, the lower row first among equals."""
    order = np.lexsort((network.members, -values))[:_MOST]
    return [
        {"member": int(network.members[i]), "value": int(values[i])} for i in order if values[i] > 0
    ]  # fmt: skip
