"""What a campaign's network is, in one report of integers; each list is short however many members."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ledger_service.referrals.network import measures
from ledger_service.referrals.network.descent import deepest_chain, descent_of
from ledger_service.referrals.network.graph import Network, Numbers, network_of
from ledger_service.referrals.network.influence import Act, Weights, influence_of, ranked

# How strong a tie an act makes: following a link, enrolling over it, a purchase that counted.
FOLLOWED, ENROLLED, PURCHASE = 1, 2, 3
WEIGHTS = Weights({"followed": 200, "enrolled": 1_000, "purchase": 500}, 20, 2_500)
_MOST, _MOST_CLASSES, _MOST_CHAIN = 20, 100, 64
Report = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Facts:
    """What happened in a campaign: who followed whose link and who enrolled over it, who brought whom into
    the alliance, and the purchases that counted as (sharer, buyer, minor units)."""

    followed: Sequence[tuple[int, int]]
    enrolled: Sequence[tuple[int, int]]
    brought: Sequence[tuple[int, int]]
    purchases: Sequence[tuple[int, int, int]]


def report_of(facts: Facts, topic: str, weights: Weights = WEIGHTS) -> Report:
    """The measures of a campaign; members are rows, shares parts per million, influence thousandths."""
    network = network_of(_ties(facts))
    if not network.size:
        return {"members": 0, "ties": 0}
    degrees, core = measures.degrees(network), measures.cores(network)
    between, division = measures.betweenness(network), measures.communities(network)
    clustering = measures.clustering(network)
    influence = influence_of(_acts(facts, topic), weights)
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
        "influence": [{"member": m, "value": value} for m, value in ranked(influence, topic, _MOST)],
    } | _descent(facts)  # fmt: skip


def _descent(facts: Facts) -> Report:
    network = network_of((source, target, 1) for source, target in facts.brought)
    if not network.size:
        return {"levels": [], "reach": [], "deepest": []}
    descent = descent_of(network)
    return {
        "levels": descent.levels()[:_MOST_CLASSES], "reach": _top(network, descent.reach),
        "deepest": deepest_chain(network, descent)[:_MOST_CHAIN],
    }  # fmt: skip


def _ties(facts: Facts) -> Iterable[tuple[int, int, int]]:
    yield from ((source, target, FOLLOWED) for source, target in facts.followed)
    yield from ((source, target, ENROLLED) for source, target in facts.enrolled)
    yield from ((source, target, PURCHASE) for source, target, _ in facts.purchases)


def _acts(facts: Facts, topic: str) -> Iterable[Act]:
    """Every act for who shared, and at depth 2 for who brought that one."""
    above = {target: source for source, target in facts.brought}
    kinds = (("followed", facts.followed), ("enrolled", facts.enrolled))
    acts = [(source, kind, 0) for kind, ties in kinds for source, _ in ties]
    acts += [(source, "purchase", minor) for source, _, minor in facts.purchases]
    for source, kind, minor in acts:
        yield Act(source, topic, kind, 1, minor)
        if source in above:
            yield Act(above[source], topic, kind, 2, minor)


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
