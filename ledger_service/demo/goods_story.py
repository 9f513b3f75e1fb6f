"""The goods in a replay: made and brought before the first day, sold in real baskets, claimed, recalled.

Every write has a key of its own or, as an event, its hash: what was cut off is done again to the same effect.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Any

from ledger_service.demo import goods_journey as journey
from ledger_service.demo.agenda import Due, Work
from ledger_service.demo.goods_data import Lot, Plan
from ledger_service.demo.goods_desk import Codes, GoodsDesk
from ledger_service.demo.goods_journey import MADE_AT
from ledger_service.demo.rules import draw
from ledger_service.demo.town import Town
from ledger_service.demo.visits import MERCHANT_OF, Visit
from ledger_service.kernel.clock import parse_instant, seconds_floor

CLAIM_BPS = 3_000
RECALLED_AT = parse_instant("2017-01-06T13:00:00Z", "goods")
# Stands where a household does: the replay waits for what it does.
_NOBODY = -3
_KEPT_CLAIMS = 20


class Goods:
    """Brings items to the shops and follows each sold one; what was done stands in the run's checkpoints."""

    def __init__(self, plan: Plan, desk: GoodsDesk) -> None:
        self.plan, self.desk = plan, desk
        self.lots = {lot.gtin: lot for lot in plan.lots}
        self.codes: dict[str, Codes] = {}
        self._keys: dict[str, str] = {}
        self._town: Town

    @property
    def recalled(self) -> Lot:
        """The lot of which most is sold: the one that is recalled."""
        counts: dict[str, int] = defaultdict(int)
        for items in self.plan.sold.values():
            for gtin, _ in items:
                counts[gtin] += 1
        return self.lots[min(counts, key=lambda gtin: (-counts[gtin], gtin))]

    @property
    def told(self) -> dict[str, Any]:
        """What the checkpoints keep: batches by GTIN, the first claims, whether the recall was made."""
        return dict(self._town.pending.story.get("goods", {}))

    def enter(self, town: Town) -> None:
        """Making and recall are on the town's agenda; a run that began before there were goods has none."""
        self._town = town
        if town.pending.position and "goods" not in town.pending.story:
            return
        town.goods = self
        begin = self._make if "goods" not in town.pending.story else self._look_up
        self._add(MADE_AT, "goods are made", begin)
        if not self.told.get("recalled") and town.scenario.until >= RECALLED_AT:
            self._add(RECALLED_AT, "goods are recalled", self._recall)

    def _add(self, at: datetime, name: str, act: Any) -> None:
        work: tuple[Sequence[int], Work] = (_NOBODY,), partial(act, at)
        self._town.agenda.add(Due(seconds_floor(at), name, lambda: work, barrier=True))

    async def _make(self, at: datetime) -> None:
        """Lots are opened, their items made and rooted, and brought to the shops."""
        lots, counts = self.plan.lots, self._town.counts
        numbers = await asyncio.gather(*(self.desk.open(lot, at) for lot in lots))
        batches = dict(zip(self.lots, numbers, strict=True))
        await self._read_codes(batches)
        for lot in lots:
            await self.desk.until_rooted(lot, self.codes[lot.gtin])
        serials = {gtin: codes.serials for gtin, codes in self.codes.items()}
        for when, events in journey.journey(lots, serials):
            await self.desk.capture(self.desk.key, events, when)
            counts["events captured"] += len(events)
        counts["items made"] += sum(lot.size for lot in lots)
        self._remember(batches=batches)

    async def _look_up(self, _at: datetime) -> None:
        await self._read_codes(self.told["batches"])

    async def _read_codes(self, batches: dict[str, int]) -> None:
        for gtin, number in batches.items():
            self.codes[gtin] = await self.desk.codes(self.lots[gtin], number)

    async def bought(self, visit: Visit, document: dict[str, Any]) -> None:
        """The checkout's items are told as sold, and some of them claimed by who bought them."""
        items = [one for one in self.plan.sold.get(visit.name, ()) if not self._off_the_shelves(one[0])]
        if not items:
            return
        at, shop = visit.basket.at, visit.merchant.store_gln(visit.basket.store)
        names = [self._name(item) for item in items]
        sale = visit.merchant.gln, str(document["sale_id"])
        key = await self._key_of(visit.merchant.key, at)
        await self.desk.capture(key, [journey.sold(shop, sale, names, at)], at)
        counts = self._town.counts
        counts["events captured"] += 1
        counts["items sold"] += len(items)
        counts["checkouts with items"] += 1
        for item in items:
            if draw(self._town.seed, "claim", *item) < CLAIM_BPS:
                await self._claim(visit, item)

    async def _claim(self, visit: Visit, item: tuple[str, int]) -> None:
        gtin, index = item
        at, phone, counts = visit.basket.at, visit.phone, self._town.counts
        pin = self.codes[gtin].pins[index]
        answer = await self.desk.claim(phone.number, self._name(item), pin, at)
        if answer.status != 201:
            self._town.refused("claim", self._name(item), answer)
            return
        given = answer.document
        end = seconds_floor(parse_instant(given["expires_at"], "expires_at"))
        phone.add(given["programme"], end, given["points"])
        counts["items claimed"] += 1
        claims = self.told.get("claims", [])
        if gtin != self.recalled.gtin and len(claims) < _KEPT_CLAIMS:
            told = [gtin, index, phone.household, given["programme"], given["points"], given["operation"]]
            self._remember(claims=[*claims, told])

    async def _recall(self, at: datetime) -> None:
        """The brand recalls the lot, and the shops take what is left off their shelves."""
        lot = self.recalled
        await self.desk.recall(self.told["batches"][lot.gtin], at)
        gone = [name for name, when in self.plan.at.items() if when < seconds_floor(at)]
        sold = {index for name in gone for gtin, index in self.plan.sold[name] if gtin == lot.gtin}
        key = await self._key_of(lot.merchant, at)
        events = []
        for store, (first, count) in sorted(lot.stores.items()):
            left = [self._name((lot.gtin, i)) for i in range(first, first + count) if i not in sold]
            if left:
                shop = MERCHANT_OF[lot.merchant].store_gln(store)
                events.append(journey.recalled(shop, left, at))
        await self.desk.capture(key, events, at)
        self._town.counts["events captured"] += len(events)
        self._remember(recalled=True)

    def number_of(self, household: int) -> str:
        """The member that a household is by now."""
        return self._town.phone(self._town.owner(household)).number

    def _name(self, item: tuple[str, int]) -> str:
        gtin, index = item
        return journey.item_name(gtin, self.codes[gtin].serials[index])

    async def _key_of(self, merchant: str, at: datetime) -> str:
        if merchant not in self._keys:
            self._keys[merchant] = await self.desk.merchant_key(merchant, at)
        return self._keys[merchant]

    def _off_the_shelves(self, gtin: str) -> bool:
        return bool(self.told.get("recalled")) and gtin == self.recalled.gtin

    def _remember(self, **facts: Any) -> None:
        self._town.remember("goods", {**self.told, **facts})
