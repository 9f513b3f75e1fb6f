"""Micro-value: what a member's sharing moved, by acts and by topic, under weights that the merchant sets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

MOST_DEPTH = 2
ACTS = ("followed", "enrolled", "purchase")
MOST_WEIGHT = 1_000_000


@dataclass(frozen=True, slots=True)
class Act:
    """Something that came of a member's sharing: ``kind`` as the weights name it, at ``depth`` 1 or 2.

    ``value_minor`` is what was bought (0 for other acts), ``topic`` a department, campaign or "".
    """

    member: int
    topic: str
    kind: str
    depth: int = 1
    value_minor: int = 0


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


def influence_of(acts: Iterable[Act], weights: Weights) -> dict[tuple[int, str], int]:
    """Influence in thousandths by (member, topic); an act that no weight names counts nothing.

    Raises:
        ValueError: a depth that is neither 1 nor 2 (INV-14).
    """
    found: dict[tuple[int, str], int] = {}
    for act in acts:
        if not 1 <= act.depth <= MOST_DEPTH:
            raise ValueError("an act counts at depth 1 or 2 only")
        worth = weights.acts.get(act.kind, 0) + act.value_minor * weights.value_per_hundred_minor // 100
        if act.depth == MOST_DEPTH:
            worth = worth * weights.second_bps // 10_000
        key = act.member, act.topic
        found[key] = found.get(key, 0) + worth
    return found


def ranked(influence: Mapping[tuple[int, str], int], topic: str, most: int) -> list[tuple[int, int]]:
    """(member, influence) of a topic, greatest first, the lower id first among equals."""
    of_topic = [(member, worth) for (member, about), worth in influence.items() if about == topic]
    return sorted(of_topic, key=lambda one: (-one[1], one[0]))[:most]
