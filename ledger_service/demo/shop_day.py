"""The counter's day and its thefts in one: set on the agenda where the data has a shop to play them in."""

from __future__ import annotations

from collections import Counter as Tally
from datetime import datetime
from pathlib import Path

from ledger_service.demo import counter_story, fraud_story
from ledger_service.demo.acts import put_on
from ledger_service.demo.counter_story import CLOSED_DAY, CLOSED_SHOP, CounterStory
from ledger_service.demo.dataset import Basket, stream
from ledger_service.demo.fraud_story import FraudStory
from ledger_service.demo.story import Desk
from ledger_service.demo.story_rules import outage_at
from ledger_service.demo.town import Town
from ledger_service.demo.walk_ons import ShopCounter
from ledger_service.kernel.clock import parse_instant

_DAY_BEGINS = parse_instant(f"{CLOSED_DAY}T05:00:00Z", "day")
_DAY_ENDS = parse_instant("2017-01-02T05:00:00Z", "day")
_LEAST_SALES = 2


class ShopDay:
    """Plays what the desk of one store is asked for; what it has done is kept with the checkpoints."""

    def __init__(self, data: Path, desk: Desk) -> None:
        self._data, self._desk = data, desk

    def enter(self, town: Town) -> None:
        """The acts that were not played yet are on the agenda."""
        day = closed_day(self._data, town.seed)
        if len(day) < _LEAST_SALES:
            return
        counter = ShopCounter(town, self._desk, day[0].store)
        put_on(town, [*CounterStory(counter, day).scenes(), *FraudStory(counter).scenes()])


def closed_day(data: Path, seed: str) -> list[Basket]:
    """What the closed shop sold on its day at the store that sold most often, of those whose line holds on
    that day and at every act.
    """
    baskets = [
        basket
        for basket in stream(data, 0, _DAY_ENDS)
        if basket.at >= _DAY_BEGINS and CLOSED_SHOP in basket.checkouts
    ]
    often = Tally(basket.store for basket in baskets)
    for store in sorted(often, key=lambda one: (-often[one], one)):
        mine = [basket for basket in baskets if basket.store == store]
        if _line_holds(seed, store, [basket.at for basket in mine]):
            return mine
    return []


def _line_holds(seed: str, store: int, instants: list[datetime]) -> bool:
    acts = (*counter_story.INSTANTS, *fraud_story.INSTANTS)
    return all(outage_at(seed, store, at) is None for at in (*instants, *acts))
