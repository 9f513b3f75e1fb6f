"""Which month's points were redeemed when: the flows of each epoch, first in first out; pure.

Neither the ledger nor the chain tells points of one epoch of a programme from each other: they are one
claim. So what is redeemed of an epoch is taken from the oldest points in it, what expires is all that is
left, and what a return takes back is taken from the newest. Extended points take their month with them;
gifts change nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate

from ledger_service.settlement.liability.flows import Flow, Way

_INTO_LAYERS = (Way.ISSUED, Way.IMPORTED)
_NEWEST_FIRST = (*_INTO_LAYERS, Way.REVERSED)


@dataclass(slots=True)
class Layer:
    """Points of an epoch that came in one month by one way, and where they went: by way and month.

    ``since`` is the month since which they are in this epoch: later than ``month`` where an extension has
    ``moved`` them.
    """

    epoch: int
    month: int
    origin: Way
    points: int
    since: int
    moved: bool = False
    gone: Counter[tuple[Way, int]] = field(default_factory=Counter)

    def gone_by(self, way: Way, month: int) -> int:
        """What had gone this way when the month ended."""
        return sum(points for (how, when), points in self.gone.items() if how is way and when <= month)

    def left(self, month: int) -> int:
        """What is outstanding when the month ends."""
        if month < self.since:
            return 0
        return self.points - sum(points for (_, when), points in self.gone.items() if when <= month)


@dataclass(frozen=True)
class Cohort:
    """All points that were issued in one month, over all epochs; made when no flow will come any more."""

    month: int
    layers: list[Layer]

    @cached_property
    def issued(self) -> int:
        """Points issued, before any of them was taken back."""
        return sum(layer.points for layer in self.layers if not layer.moved)

    def gone(self, way: Way, month: int) -> int:
        """What had gone this way when the month ended."""
        return _at(self._gone.get(way, [0]), month - self.month)

    def kept(self, month: int) -> int:
        """Points issued less what returns had taken back at the month's end: what can be redeemed at all."""
        return self.issued - self.gone(Way.REVERSED, month) - self.gone(Way.ISSUED, month)

    def left(self, month: int) -> int:
        """What is outstanding when the month ends."""
        return _at(self._left, month - self.month)

    def redeemed_at(self, age: int) -> int:
        """What was redeemed, less what was restored, in the month that is so many months after the issue."""
        redeemed = self._gone.get(Way.REDEEMED, [0])
        return _at(redeemed, age) - _at(redeemed, age - 1)

    @cached_property
    def _ages(self) -> range:
        # Up to the last month in which anything happened to these points.
        whens = [when for layer in self.layers for _, when in layer.gone]
        return range(max([*whens, *(layer.since for layer in self.layers)]) - self.month + 1)

    @cached_property
    def _gone(self) -> dict[Way, list[int]]:
        """What had gone each way at each age."""
        found: dict[Way, Counter[int]] = {}
        for layer in self.layers:
            for (way, when), points in layer.gone.items():
                found.setdefault(way, Counter())[when - self.month] += points
        return {way: list(accumulate(by_age[age] for age in self._ages)) for way, by_age in found.items()}

    @cached_property
    def _left(self) -> list[int]:
        return [sum(layer.left(self.month + age) for layer in self.layers) for age in self._ages]


def _at(by_age: Sequence[int], age: int) -> int:
    """The figure of an age: nothing before the first, and after the last what it was then."""
    return by_age[min(age, len(by_age) - 1)] if age >= 0 else 0


def layers_of(flows: Iterable[Flow]) -> list[Layer]:
    """The layers of every epoch after all flows."""
    by_month: dict[int, list[Flow]] = {}
    for flow in flows:
        by_month.setdefault(flow.month, []).append(flow)
    pools: dict[int, _Pool] = {}
    for month in sorted(by_month):
        _book(pools, month, sorted(by_month[month]))
    return [layer for epoch in sorted(pools) for layer in pools[epoch].layers]


def cohorts_of(layers: Sequence[Layer]) -> list[Cohort]:
    """The months in which points were issued, ascending; without what was imported or came another way."""
    found: dict[int, Cohort] = {}
    for layer in layers:
        if layer.origin is Way.ISSUED and layer.month >= 0:
            found.setdefault(layer.month, Cohort(layer.month, [])).layers.append(layer)
    return [found[month] for month in sorted(found)]


def _book(pools: dict[int, _Pool], month: int, flows: Sequence[Flow]) -> None:
    """One month: all that comes in first, so that what goes out in the same month is there."""
    for flow in flows:
        pool = pools.setdefault(flow.epoch, _Pool(flow.epoch))
        if flow.points > 0 and flow.way is not Way.EXTENDED:
            pool.come(flow.way, month, flow.points)
    extended = [flow for flow in flows if flow.way is Way.EXTENDED]
    moving = [
        piece
        for flow in extended
        if flow.points < 0
        for piece in pools[flow.epoch].go(flow.way, month, -flow.points)
    ]
    for flow in extended:
        if flow.points > 0:
            pools[flow.epoch].take_over(moving, month, flow.points)
    for flow in flows:
        if flow.points < 0 and flow.way is not Way.EXTENDED:
            pools[flow.epoch].go(flow.way, month, -flow.points)


class _Pool:
    """One epoch: what comes in lies on top, what goes out is taken from below or from above."""

    def __init__(self, epoch: int) -> None:
        self.epoch, self.layers = epoch, list[Layer]()

    def come(self, way: Way, month: int, points: int) -> None:
        if way not in _INTO_LAYERS:
            points = self._come_back(way, month, points)
        if points:
            self.layers.append(Layer(self.epoch, month, way, points, month))

    def take_over(self, moving: list[tuple[Layer, int]], month: int, points: int) -> None:
        """Points that an extension has brought from other epochs; they stay what they were."""
        while points and moving:
            layer, there = moving.pop(0)
            taken = min(there, points)
            if there > taken:
                moving.insert(0, (layer, there - taken))
            self.layers.append(Layer(self.epoch, layer.month, layer.origin, taken, month, moved=True))
            points -= taken
        self.layers.sort(key=lambda layer: layer.month)
        if points:
            self.layers.append(Layer(self.epoch, month, Way.EXTENDED, points, month))

    def go(self, way: Way, month: int, points: int) -> list[tuple[Layer, int]]:
        """Points leave this way; returns which, by layer."""
        went = []
        for layer in reversed(self.layers) if way in _NEWEST_FIRST else self.layers:
            taken = min(points, layer.left(month))
            if taken > 0:
                layer.gone[way, month] += taken
                points -= taken
                went.append((layer, taken))
        return went

    def _come_back(self, way: Way, month: int, points: int) -> int:
        """What went this way is again where it was last taken from; returns what is too much."""
        for layer in self.layers if way in _NEWEST_FIRST else reversed(self.layers):
            back = min(points, layer.gone_by(way, month))
            if back > 0:
                layer.gone[way, month] -= back
                points -= back
        return points
