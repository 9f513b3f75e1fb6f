"""A day at one counter, beside the data: what a department store's desk is asked for (docs/shop-day.md).

A day that is closed, receipts that come late, an exchange, goods without a receipt, training, points that are
given by two people, a claim, and a household's pool.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ledger_service.demo.acts import Scene
from ledger_service.demo.dataset import Basket
from ledger_service.demo.http_client import Answer
from ledger_service.demo.phones import Phone, earned_until
from ledger_service.demo.service_client import Frame
from ledger_service.demo.visits import MERCHANT_OF
from ledger_service.demo.walk_ons import FIRST, ShopCounter
from ledger_service.kernel.clock import parse_instant

ADA, BEN, POOL = FIRST, FIRST + 1, FIRST + 2
# Stands where a household does: the replay waits for what the offices do.
OFFICE = -4
CLOSED_SHOP, CLOSED_DAY = "GROC", "2017-01-01"
BALANCED, FOUND, NEVER_POSTED = "days that balance", "lines that the till had forgotten", "training posted"
_TERMS = parse_instant("2017-01-01T21:00:00Z", "counter")
_CLOSED = parse_instant("2017-01-02T06:00:00Z", "counter")
_JOIN = parse_instant("2017-01-02T16:00:00Z", "counter")
_SOLD = parse_instant("2017-01-04T15:00:00Z", "counter")
_ASKED = parse_instant("2017-01-05T16:00:00Z", "counter")
_SWAP = parse_instant("2017-01-05T17:00:00Z", "counter")
_TRAIN = parse_instant("2017-01-05T19:00:00Z", "counter")
_GOODWILL = parse_instant("2017-01-06T15:00:00Z", "counter")
_POOL_PAYS = parse_instant("2017-01-06T18:00:00Z", "counter")
INSTANTS = (_JOIN, _SOLD, _ASKED, _SWAP, _TRAIN, _GOODWILL, _POOL_PAYS)
_RETURNS = {"where": "merchant", "without_receipt": {"most_minor": 2_000, "most_per_day": 1}}
_MATE_MAY_MINOR, _GOODWILL_POINTS = 500, 100


@dataclass(frozen=True, slots=True)
class CounterStory:
    """The acts; ``day`` holds what the closed shop sold on its day, as its till has it."""

    counter: ShopCounter
    day: Sequence[Basket]

    def scenes(self) -> list[Scene]:
        """The acts with their instants."""
        own, pool = (ADA,), (ADA, BEN, POOL)
        return [
            Scene(_TERMS, self._terms_are_published, (OFFICE,)),
            Scene(_CLOSED, self._a_day_is_closed, (OFFICE,), waits=True),
            Scene(_JOIN, self._a_household_begins, pool),
            Scene(_SOLD, self._cards_are_forgotten, own),
            Scene(_ASKED, self._receipts_come_late, own),
            Scene(_SWAP, self._goods_are_exchanged_and_returned, own),
            Scene(_TRAIN, self._a_cashier_trains, own),
            Scene(_GOODWILL, self._two_people_give_points, own),
            Scene(_POOL_PAYS, self._the_pool_pays, pool),
        ]

    async def _terms_are_published(self, at: datetime) -> None:
        """The shop takes small things back without a receipt."""
        path = f"/v1/merchants/{self.counter.shop.gln}/return-policy"
        await self.counter.office(path, _RETURNS, ("terms", at))

    async def _a_day_is_closed(self, at: datetime) -> None:
        """The till has forgotten one of its sales; the close names it, and the next one balances."""
        counter, lines = self.counter, day_lines(self.day)
        merchant, store = MERCHANT_OF[CLOSED_SHOP], counter.store
        till = await counter.town.alliance.till_key(merchant, store, at)
        path = f"/v1/stores/{merchant.store_gln(store)}/days/{CLOSED_DAY}"

        async def close(some: Sequence[dict[str, Any]], name: str) -> dict[str, Any]:
            for part, start in enumerate(range(0, len(some), 500), start=1):
                body = {"part": part, "lines": some[start : start + 500]}
                await counter.office(f"{path}/lines", body, (f"lines:{name}:{part}", at), till)
            parts = -(-len(some) // 500)
            body = {"totals": [totals(some)], "parts": parts}
            return await counter.office(f"{path}/close", body, (f"close:{name}", at), till)

        counts = counter.town.counts
        first = await close(lines[1:], "first")
        told = await counter.town.service.get(f"{path}/unmatched?close={first['close']}", till, at)
        lost = [(one["reference"], one["reason"]) for one in told["unmatched"]]
        counts[FOUND] += lost == [(lines[0]["reference"], "not-at-till")]
        counts["sales of the closed day"] += len(lines)
        counts["differences at the first close"] += len(first["differences"])
        second = await close(lines, "second")
        counts[BALANCED] += second["state"] == "balanced"

    async def _a_household_begins(self, at: datetime) -> None:
        """Two people join, the one begins a household, the other comes in with a right of its own."""
        counter, town = self.counter, self.counter.town
        ada, ben, pool = (town.phone(household) for household in (ADA, BEN, POOL))
        for phone in (ada, ben):
            await counter.join(phone, at)
            counter.read(phone, await counter.sell((f"welcome {phone.household}", 20_000, at), shows(phone)))
        begun = {
            "timezone": counter.shop.timezone, "parting": "own-part", "display_name": "Pool",
            "own_lane": ada.lane, "device": counter.device(pool.key, at),
        }  # fmt: skip
        own = await counter.own_key(ada, at)
        made = await counter.office(f"/v1/members/{ada.number}/household", begun, ("pool", at), own)
        path = f"/v1/households/{made['household']}"
        told = await town.service.get(path, own, at)
        pool.number, pool.account = str(made["household"]), bytes.fromhex(told["account"][2:])
        pool.lane, pool.joined = 1, True
        right = {"spends": "day", "limit_minor": _MATE_MAY_MINOR, "sees_balances": False}
        await counter.office(f"{path}/invitations", {"member": ben.number, **right}, ("invited", at), own)
        device = counter.device(counter.further_key(ben, "pool"), at, pool.account, pool.key)
        accepted = {"accept": True, "device": device, "own_lane": ben.lane}
        await counter.office(f"{path}/acceptance", accepted, ("in", at), await counter.own_key(ben, at))
        counter.read(pool, await counter.sell(("pool buys", 60_000, at), shows(pool)))

    async def _the_pool_pays(self, at: datetime) -> None:
        """The mate pays with the household's points as far as its right goes, the owner beyond that."""
        counter, town = self.counter, self.counter.town
        ben, pool = town.phone(BEN), town.phone(POOL)
        mate = Phone(POOL, counter.further_key(ben, "pool"), pool.number, pool.account, 2)
        counter.read(pool, await counter.pay(mate, ("pool: mate", 300, at)))
        over = await counter.pay(mate, ("pool: mate again", 300, at))
        town.counts[f"beyond a mate's right: {over.code}"] += 1
        counter.read(pool, await counter.pay(pool, ("pool: owner", 300, at)))
        town.counts["cents paid out of a household's pool"] += 600

    async def _cards_are_forgotten(self, at: datetime) -> None:
        """Two purchases without a card."""
        for name, minor in (("forgotten", 4_000), ("lost", 6_000)):
            sold = await self.counter.sell((name, minor, at), {}, cashier="c1")
            self.counter.town.remember(f"sale {name}", sold.document["sale_id"])

    async def _receipts_come_late(self, at: datetime) -> None:
        """One receipt joins its member at the till; for the other the member claims, and two people grant."""
        counter, town, ada = self.counter, self.counter.town, self.counter.town.phone(ADA)
        body = {"member": {"number": ada.number}, "cashier": "c1"}
        path = f"/v1/sales/{town.pending.story['sale forgotten']}/attach"
        counter.read(ada, await counter.till(path, body, ("attached", at)))
        town.counts["receipts that joined later"] += 1
        receipt = {"store": counter.gln, "sold_on": "2017-01-04", "reference": "lost", "amount_minor": 6_000}
        own = await counter.own_key(ada, at)
        claim = await counter.office(f"/v1/members/{ada.number}/claims", receipt, ("claim", at), own)
        grant = {"programme": counter.shop.key, "points": claim["points"]}
        asked = await counter.office(f"/v1/claims/{claim['claim']}/grant", grant, ("grant", at))
        await self._approve(asked["adjustment"], claim["points"], ("claim-approved", at))
        town.counts["claims granted"] += 1

    async def _goods_are_exchanged_and_returned(self, at: datetime) -> None:
        """A dearer thing for a cheaper one; then goods without a receipt, the second time too many."""
        counter, town, ada = self.counter, self.counter.town, self.counter.town.phone(ADA)
        sold = counter.read(ada, await counter.sell(("swap", 3_000, at), shows(ada)))
        back = {"sale": sold["sale_id"], "returned": [{"line": "1", "quantity": 1}]}
        body = counter.basket("swapped", 4_500) | back
        body["lines"][0]["line"] = "2"
        answer = await counter.till("/v1/exchanges", body, ("exchange", at))
        ada.read_refund(answer.document["refund"], earned_until(sold), at)
        counter.read(ada, Answer(answer.status, answer.document["sale"], {}))
        town.counts["exchanges"] += 1
        for name in ("no receipt", "no receipt again"):
            goods = counter.basket(name, 950) | {"member": shows(ada)}
            del goods["store"]
            told = await counter.till("/v1/returns", goods, (name, at))
            fate = "taken back" if told.status == 201 else told.code
            town.counts[f"goods without a receipt: {fate}"] += 1

    async def _a_cashier_trains(self, at: datetime) -> None:
        """A sale in training is answered as in earnest, and nothing has happened."""
        counter, town, ada = self.counter, self.counter.town, self.counter.town.phone(ADA)
        before = await self._balance(ada, at)
        told = await counter.sell(("training", 2_000, at), shows(ada), training=True)
        town.counts["sales in training"] += told.document["training"] is True
        after = await self._balance(ada, at)
        town.counts[NEVER_POSTED] += after != before

    async def _two_people_give_points(self, at: datetime) -> None:
        """Goodwill: one operator asks, who cannot approve; another one does."""
        counter, town, ada = self.counter, self.counter.town, self.counter.town.phone(ADA)
        asked = await counter.office("/v1/adjustments", {
            "member": ada.number, "programme": counter.shop.key, "points": _GOODWILL_POINTS,
            "reason": "goodwill", "note": "waited an hour", "funder": counter.shop.gln,
        }, ("goodwill", at))  # fmt: skip
        path = f"/v1/adjustments/{asked['adjustment']}/decision"
        frame = Frame(counter.desk.first, f"{town.seed}:day:alone", at)
        alone = await town.service.post(path, {"approve": True}, frame)
        town.counts[f"goodwill by one person alone: {alone.code}"] += 1
        await self._approve(asked["adjustment"], _GOODWILL_POINTS, ("goodwill-approved", at))
        town.counts["adjustments by two people"] += 1

    async def _approve(self, adjustment: str, points: int, what: tuple[str, datetime]) -> None:
        """The second operator approves; the points live as long as the month's others."""
        counter, ada = self.counter, self.counter.town.phone(ADA)
        path = f"/v1/adjustments/{adjustment}/decision"
        await counter.office(path, {"approve": True}, what, counter.desk.second)
        ada.add(counter.shop.key, max(ada.lots[counter.shop.key]), points)
        counter.town.keep(ada)

    async def _balance(self, phone: Phone, at: datetime) -> Any:
        path = f"/v1/members/{phone.number}/balance"
        return (await self.counter.town.service.get(path, self.counter.desk.first, at))["balances"]


def shows(phone: Phone) -> dict[str, str]:
    """Somebody who says a number at the till."""
    return {"number": phone.number}


def day_lines(day: Sequence[Basket]) -> list[dict[str, Any]]:
    """What the closed shop's till has rung up, of the data alone."""
    return [
        {
            "operation": "sale",
            "reference": f"{basket.basket_id}-{CLOSED_SHOP}",
            "amount_minor": sum(line.paid_minor for line in basket.checkouts[CLOSED_SHOP]),
        }
        for basket in day
    ]


def totals(lines: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The control totals of lines."""
    amount = sum(line["amount_minor"] for line in lines)
    return {"operation": "sale", "count": len(lines), "amount_minor": amount}
