"""Micro-value: what a member's sharing moved, by acts and by topic, under weights that the merchant sets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ledger_service.referrals.network.graph import Numbers

Pairs = Numbers
"""Two columns of whole numbers."""
ACTS = ("followed", "enrolled", "purchase")
MOST_WEIGHT = 1_000_000


@dataclass(frozen=True, slots=True)
class Weights:
    """Thousandths of a point of influence for each act, and for each major unit of what was bought.

    ``second_bps`` is the share that counts for what a friend's friend did.
    """

    acts: Mapping[str, int]
    value_per_hundred_minor: int = 0
    second_bps: int = 0


def weights_of(document: Mapping[str, Any]) -> Weights:
    """The weights of a document ``{"acts": {kind: thousandths}, "value_per_hundred_minor", "second_bps"}``.

    Raises:
        ValueError: another name, or what is no whole number from nought up.
    """
    acts = document.get("acts")
    rest = {name: value for name, value in document.items() if name != "acts"}
    known = set(rest) <= {"value_per_hundred_minor", "second_bps"}
    if not isinstance(acts, Mapping) or not set(acts) <= set(ACTS) or not known:
        raise ValueError(f"weights name acts ({', '.join(ACTS)}), value_per_hundred_minor and second_bps")
    for value in (*acts.values(), *rest.values()):
        if type(value) is not int or not 0 <= value <= MOST_WEIGHT:
            raise ValueError(f"a weight is a whole number from 0 to {MOST_WEIGHT}")
    return Weights(dict(acts), **rest)


def worth_of(values: Numbers, kind: str, weights: Weights) -> Numbers:
    """What acts of a kind count for who shared, in thousandths, by what was bought with each (0 for none)."""
    worth: Numbers = weights.acts.get(kind, 0) + values * weights.value_per_hundred_minor // 100
    return worth


def influence_of(acts: Pairs, parents: Pairs, weights: Weights) -> Pairs:
    """(member, thousandths), greatest first, the lower id first among equals.

    Args:
        acts: of each act who shared, and what it counts for.
        parents: who brought whom, each once: who brought the sharer gets its share of what follows, and
            nobody above (INV-14).
        weights: which say the share.
    """
    member, worth = acts[:, 0], acts[:, 1]
    order = np.argsort(parents[:, 1], kind="stable")
    by, brought = parents[order, 0], parents[order, 1]
    place = np.searchsorted(brought, member)
    found = place < len(brought)
    found[found] = brought[place[found]] == member[found]
    above, share = by[place[found]], worth[found] * weights.second_bps // 10_000
    members, of = np.unique(np.concatenate([member, above]), return_inverse=True)
    total = np.zeros(len(members), np.int64)
    np.add.at(total, of, np.concatenate([worth, share]))
    ranked = np.lexsort((members, -total))
    return np.stack([members[ranked], total[ranked]], axis=1)
