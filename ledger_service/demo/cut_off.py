"""Tills of a store whose line is down: they sell alone, keep what they sold, and upload it later."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any

from ledger_service.demo.agenda import Due
from ledger_service.demo.alliance_plan import POINT_VALUES
from ledger_service.demo.rules import MICROS_PER_CENT
from ledger_service.demo.service_client import Frame
from ledger_service.demo.story_rules import SOON, THIEFS_TILL_LATER, Outage, photographed
from ledger_service.demo.thief import loot, thiefs_shop
from ledger_service.demo.tills import acceptance
from ledger_service.demo.town import Town
from ledger_service.demo.visits import MERCHANT_OF, KeptSale, Visit
from ledger_service.kernel.clock import format_instant, instant_of_seconds, seconds_floor

_MOST_SALES = 50


class OfflineSaleLost(Exception):
    """The service neither booked nor refused what a till had sold alone."""


class CutOffTills:
    """The queues of all tills that are cut off; ``captured`` reads a receipt like that of a sale online."""

    def __init__(self, town: Town, captured: Callable[[Visit, dict[str, Any]], None]) -> None:
        self._town, self._captured = town, captured
        self._queues: dict[tuple[int, int], list[KeptSale]] = {}
        self._shoppers: dict[tuple[int, int], set[int]] = {}

    async def sell(
        self, visit: Visit, body: dict[str, Any], spend: Sequence[tuple[str, int]], outage: Outage
    ) -> None:
        """The sale stands, and waits in the till's queue until the outage ends."""
        town, basket = self._town, visit.basket
        version = 0
        if spend:
            version = await town.alliance.allow(visit.merchant, basket.store, outage.begin)
            body["spend"] = {"max_value_minor": _minor(spend)}
            visit.phone.unheard += 1
        if town.mailing is not None and "coupons" in body:
            paid = body["spend"]["max_value_minor"] if spend else 0
            taken = town.mailing.taken_alone(visit, visit.total_minor - paid)
            body["coupons"] = {**body["coupons"], "taken_minor": taken}
        kept = KeptSale(
            seconds_floor(outage.end), f"{town.seed}.sale.{visit.name}", visit.phone.household,
            visit.merchant.key, basket.store, basket.basket_id, seconds_floor(basket.at), False,
            _item(f"{town.seed}.sale.{visit.name}", basket.at, body, version),
        )  # fmt: skip
        self._keep(kept)
        if spend and photographed(town.seed, visit.name, cut_off=True):
            await self._photographed(visit, kept, outage)

    async def _photographed(self, visit: Visit, kept: KeptSale, outage: Outage) -> None:
        """Somebody shows the code at the next cut-off till within its minute, and that till cannot know."""
        town, at = self._town, kept.at + SOON
        shop = thiefs_shop(town.seed, visit.name, visit.merchant)
        body = loot(shop, kept.store, kept.offered_minor, f"photo {visit.name}")
        code = kept.item["sale"]["member"]["pay_code"]
        taken = acceptance(town.seed, body["store"], town.alliance.domain, code, at)
        await town.alliance.till_key(shop, kept.store, outage.begin)
        version = await town.alliance.allow(shop, kept.store, outage.begin)
        body |= {"member": {"pay_code": code}, "acceptance": taken}
        key = f"{town.seed}.photo.{visit.name}"
        due = seconds_floor(outage.end + THIEFS_TILL_LATER)
        item = _item(key, at, body, version)
        town.counts["codes photographed at cut-off tills"] += 1
        self._keep(
            replace(kept, due_seconds=due, key=key, merchant=shop.key, thief=True, item=item,
                    at_seconds=seconds_floor(at))
        )  # fmt: skip

    def _keep(self, kept: KeptSale) -> None:
        self._town.pending.kept.append(kept)
        self.resume(kept)

    def resume(self, kept: KeptSale) -> None:
        """The sale lies in its till's queue."""
        self.expect(kept.due_seconds, kept.store, kept.household)
        self._queues.setdefault((kept.due_seconds, kept.store), []).append(kept)

    def expect(self, due_seconds: int, store: int, household: int) -> None:
        """A household is on its way to a store that is cut off until then: its upload waits for it."""
        back = due_seconds, store
        if back not in self._shoppers:
            self._shoppers[back] = set()
            name = f"upload {store:07d}"
            self._town.agenda.add(Due(due_seconds, name, partial(self._begin, back)))
        self._shoppers[back].add(household)

    def _begin(self, back: tuple[int, int]) -> tuple[Sequence[int], Callable[[], Awaitable[None]]]:
        return sorted(self._shoppers.pop(back)), partial(self._upload_all, back)

    async def _upload_all(self, back: tuple[int, int]) -> None:
        """The store's line is back: its tills upload, one after the other."""
        queues: dict[str, list[KeptSale]] = {}
        for kept in sorted(self._queues.pop(back, []), key=lambda one: (one.at_seconds, one.key)):
            queues.setdefault(kept.merchant, []).append(kept)
        for merchant in sorted(queues):
            await self._upload(queues[merchant])

    async def _upload(self, queue: list[KeptSale]) -> None:
        town, first = self._town, queue[0]
        at = instant_of_seconds(first.due_seconds)
        till = await town.alliance.till_key(MERCHANT_OF[first.merchant], first.store, at)
        for start in range(0, len(queue), _MOST_SALES):
            part = queue[start : start + _MOST_SALES]
            frame = Frame(till, f"{town.seed}:upload:{part[0].key}", at)
            answer = await town.service.post("/v1/offline-sales", {"sales": [k.item for k in part]}, frame)
            if answer.status != 200:
                raise OfflineSaleLost(f"{frame.key}: {answer.status} {answer.document}")
            for kept, result in zip(part, answer.document["results"], strict=True):
                await self._read(kept, result, at)
        town.counts["uploads"] += 1

    async def _read(self, kept: KeptSale, result: dict[str, Any], at: datetime) -> None:
        """What became of one sale: its member's phone reads the receipt, a loss is counted where it fell."""
        town = self._town
        if result["state"] != "certain":
            raise OfflineSaleLost(f"{kept.key}: {result}")
        loss, document = result["result"]["loss"], result["result"]["sale"]
        town.pending.uploaded.append(kept.key)
        if loss is not None:
            town.counts[f"cents lost alone: {loss['cause']}"] += loss["value_minor"]
        if kept.thief:
            await self._blame(document, loss, at)
            return
        phone = town.phone(town.owner(kept.household))
        town.counts["sold alone"] += 1
        if town.mailing is not None:
            shown = kept.item["sale"].get("coupons", {}).get("ids", [])
            off = town.mailing.read(shown, result["result"])
            town.counts["cents lost alone: coupons-refused"] += result["result"].get("coupons_loss_minor", 0)
            town.counts["paid cents"] -= off
            town.counts["coupons shown at cut-off tills"] += len(shown)
            town.counts["cents off alone by coupons"] += off
        town.counts["cents paid with points alone"] += document["points_value_minor"]
        phone.unheard -= bool(kept.offered_minor)
        self._captured(kept.visit(phone), document)
        town.keep(phone)

    async def _blame(self, document: dict[str, Any], loss: dict[str, Any] | None, at: datetime) -> None:
        """The merchant whose till took the photograph bears it; the operator lets the member go."""
        town = self._town
        if loss is None:
            town.counts["thief paid with a member's points"] += 1
            return
        town.counts["photographs unmasked when the line was back"] += 1
        if loss["member_flagged"]:
            await town.alliance.forgive(document["sale_id"], at)


def _minor(spend: Sequence[tuple[str, int]]) -> int:
    return sum(points * POINT_VALUES[code] for code, points in spend) // MICROS_PER_CENT


def _item(key: str, at: datetime, sale: dict[str, Any], version: int) -> dict[str, Any]:
    return {"key": key, "sold_at": format_instant(at), "sale": sale, "allowance_version": version}
