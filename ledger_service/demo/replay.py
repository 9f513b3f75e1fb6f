"""The replay: baskets, refunds and epoch ends in the data's time order, several visits in flight at once.

Kept orders: one member's requests one after another; nothing at or after an epoch's end before everything
before it is answered; a refund after its sale. Beyond that visits overlap, as they do in a town.
"""

from __future__ import annotations

import asyncio
import heapq
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from ledger_service.demo import dataset
from ledger_service.demo.alliance_plan import CURRENCY, MERCHANTS, PROGRAMMES, Merchant
from ledger_service.demo.phones import EpochEnds, Phone, device_key, earned_until
from ledger_service.demo.progress import Checkpoint, DueRefund, Progress
from ledger_service.demo.rules import (
    MICROS_PER_CENT,
    SPEND_SHARE_BPS,
    draw,
    refund_for_checkout,
    spend_for_checkout,
)
from ledger_service.demo.service_client import Frame, Service
from ledger_service.demo.tills import acceptance
from ledger_service.kernel.clock import instant_of_seconds, seconds_floor
from ledger_service.kernel.eip712 import Domain

CHECKPOINT_EVERY = 400
FIRST_MIDNIGHT = datetime(2017, 1, 1, tzinfo=ZoneInfo("America/New_York"))
DAYS = 365
Work = Callable[[], Awaitable[None]]
_MERCHANT = {merchant.key: merchant for merchant in MERCHANTS}
_VALUES = {code: programme.point_value_micros for code, programme in PROGRAMMES.items()}


def end_of_day(day: int) -> datetime:
    """The end of the run's day number ``day``, counted from 1, on the American east coast."""
    return (FIRST_MIDNIGHT + timedelta(days=day)).astimezone(UTC)


LAST_INSTANT = end_of_day(DAYS) - timedelta(seconds=1)


class Alliance(Protocol):
    """What the replay needs of the alliance that was founded."""

    domain: Domain
    ends: EpochEnds

    async def join(self, phone: Phone, at: datetime) -> None:
        """Enrol a household and register its phone's key."""

    async def till_key(self, merchant: Merchant, store: int, at: datetime) -> str:
        """The API key of the till of a merchant's shop, opened on the first visit."""


@dataclass(frozen=True)
class Scenario:
    """One run: its seed, the converted data, and the instant to replay up to."""

    seed: str
    data: Path
    until: datetime
    last: datetime


class Replay:
    """Drives one scenario against a service; ``counts`` says what happened so far."""

    def __init__(self, scenario: Scenario, service: Service, alliance: Alliance, progress: Progress) -> None:
        self._scenario, self._service, self._alliance, self._progress = scenario, service, alliance, progress
        self.phones: dict[int, Phone] = {}
        self._busy: dict[int, asyncio.Task[None]] = {}
        self._room = asyncio.Semaphore(service.size)
        self._refunds = progress.due_refunds()
        self.counts: Counter[str] = Counter(progress.get("counts", {}))
        self.refusals: list[str] = []
        self.clock = instant_of_seconds(progress.get("barrier_seconds", 0))
        self._position = progress.get("position", 0)
        self._barrier = self.clock
        self._pending = Checkpoint(self._position, 0, self.counts)
        for household, state in progress.phones().items():
            self._phone(household).restore(state)

    async def run(self) -> None:
        """Replay every basket up to the scenario's end; safe to call again after an interruption."""
        if self._barrier.year < 2000:
            self._barrier = next(iter(dataset.stream(self._scenario.data, 0, self._scenario.until))).at
        for basket in dataset.stream(self._scenario.data, self._position, self._scenario.until):
            await self._turn_to(basket.at)
            await self._start(basket.household, partial(self._visit, basket))
            self._position = basket.position
            if basket.position % CHECKPOINT_EVERY == 0:
                await self._checkpoint()
        await self._turn_to(self._scenario.until)
        await self._checkpoint()

    async def _turn_to(self, at: datetime) -> None:
        """Do what falls due up to an instant: epoch ends (a barrier each) and refunds, in their order."""
        ends = self._alliance.ends.between(self._barrier, at)
        until = seconds_floor(at)
        while ends or (self._refunds and self._refunds[0].due_seconds <= until):
            refund_first = self._refunds and (not ends or self._refunds[0].due_seconds < ends[0])
            if refund_first and self._refunds[0].due_seconds <= until:
                refund = heapq.heappop(self._refunds)
                await self._start(refund.household, partial(self._refund, refund))
            else:
                await self._pass_epoch_end(instant_of_seconds(ends.pop(0)))
        self.clock = at

    async def _pass_epoch_end(self, end: datetime) -> None:
        """Let nothing of the next epoch be sent before everything of this one is answered (D9).

        The service's own job expires what is left once its clock has passed the end; a request that moved
        the clock too soon could let it run before a purchase that came first.
        """
        await self._drain()
        self.counts["epoch ends"] += 1
        self._barrier = end

    async def _start(self, household: int, work: Work) -> None:
        """Begin a piece of work once the member is free and a connection is."""
        before = self._busy.get(household)
        if before is not None:
            await before
        await self._room.acquire()
        task = asyncio.create_task(self._freeing(work))
        self._busy[household] = task
        task.add_done_callback(lambda done: self._settle(household, done))

    async def _freeing(self, work: Work) -> None:
        try:
            await work()
        finally:
            self._room.release()

    def _settle(self, household: int, done: asyncio.Task[None]) -> None:
        """Forget a finished task; a failure is kept for ``_drain`` to raise."""
        if self._busy.get(household) is done and (done.cancelled() or done.exception() is None):
            del self._busy[household]

    async def _drain(self) -> None:
        tasks = list(self._busy.values())
        if tasks:
            await asyncio.gather(*tasks)

    async def _checkpoint(self) -> None:
        await self._drain()
        pending = self._pending
        pending.position, pending.barrier_seconds = self._position, seconds_floor(self._barrier)
        self._progress.save(pending)
        self._pending = Checkpoint(self._position, 0, self.counts)

    def _phone(self, household: int) -> Phone:
        if household not in self.phones:
            self.phones[household] = Phone(household, device_key(self._scenario.seed, household))
        return self.phones[household]

    async def _visit(self, basket: dataset.Basket) -> None:
        phone = self._phone(basket.household)
        if not phone.joined:
            await self._alliance.join(phone, basket.at)
            self.counts["members"] += 1
        phone.forget_expired(basket.at)
        for key, lines in basket.checkouts.items():
            await self._checkout(Visit(phone, basket, _MERCHANT[key], lines))
        self._pending.phones[phone.household] = phone.state()
        self.counts["baskets"] += 1

    async def _checkout(self, visit: Visit) -> None:
        basket = visit.basket
        till = await self._alliance.till_key(visit.merchant, basket.store, basket.at)
        spend = spend_for_checkout(
            draw(self._scenario.seed, "spend", visit.name),
            visit.total_minor,
            visit.phone.spendable(basket.at, visit.merchant.key),
            _VALUES,
        )
        body = visit.body()
        if spend:
            most = visit.total_minor * MICROS_PER_CENT * SPEND_SHARE_BPS // 10_000
            visit.show_pay_code(body, self._scenario.seed, self._alliance.domain, most)
            body["spend"] = [{"programme": code, "points": points} for code, points in spend]
        frame = Frame(till, f"{self._scenario.seed}:sale:{visit.name}", basket.at)
        answer = await self._service.post("/v1/sales", body, frame)
        if answer.status != 201 and spend:
            self._refused("points", visit.name, answer)
            frame = Frame(till, f"{frame.key}:cash", basket.at)
            answer = await self._service.post("/v1/sales", visit.body(), frame)
        if answer.status != 201:
            self._refused("sale", visit.name, answer)
            return
        self._captured(visit, answer.document)

    def _captured(self, visit: Visit, document: dict[str, Any]) -> None:
        basket, counts = visit.basket, self.counts
        visit.phone.read_sale(document, self._alliance.ends)
        counts["checkouts"] += 1
        counts["lines"] += len(visit.lines)
        counts["lines of zero cents"] += sum(line.paid_minor == 0 for line in visit.lines)
        counts["lines without a product row"] += sum(line.department == "NONE" for line in visit.lines)
        counts["paid cents"] += visit.total_minor
        counts["cents paid with points"] += visit.total_minor - document["due_minor"]
        counts["checkouts paid with points"] += bool(document["spent"])
        quantities = [line.quantity for line in visit.lines]
        plan = refund_for_checkout(
            self._scenario.seed, visit.name, basket.at, quantities, self._scenario.last
        )
        if plan is None or visit.total_minor == 0:
            return
        due = DueRefund(
            seconds_floor(plan.at),
            visit.name,
            basket.household,
            visit.merchant.key,
            basket.store,
            document["sale_id"],
            plan.lines,
            earned_until(document),
        )
        heapq.heappush(self._refunds, due)
        self._pending.refunds_planned.append(due)

    async def _refund(self, refund: DueRefund) -> None:
        at = instant_of_seconds(refund.due_seconds)
        merchant, phone = _MERCHANT[refund.merchant], self._phone(refund.household)
        till = await self._alliance.till_key(merchant, refund.store, at)
        body = {
            "reference": f"return {refund.checkout}",
            "lines": [{"line": str(line), "quantity": quantity} for line, quantity in refund.lines],
        }
        frame = Frame(till, f"{self._scenario.seed}:refund:{refund.checkout}", at)
        answer = await self._service.post(f"/v1/sales/{refund.sale_id}/refunds", body, frame)
        self._pending.refunds_done.append(refund.checkout)
        if answer.status != 201:
            self._refused("refund", refund.checkout, answer)
            return
        self.counts["refunds"] += 1
        self.counts["refunded cents"] += answer.document["refunded_minor"]
        phone.read_refund(answer.document, refund.earned_until, at)
        self._pending.phones[phone.household] = phone.state()

    def _refused(self, what: str, name: str, answer: Any) -> None:
        self.counts[f"refused {what}: {answer.code}"] += 1
        if len(self.refusals) < 20:
            self.refusals.append(f"{what} {name}: {answer.status} {answer.document}")


@dataclass(frozen=True, slots=True)
class Visit:
    """One checkout: the lines of one merchant in one basket."""

    phone: Phone
    basket: dataset.Basket
    merchant: Merchant
    lines: tuple[dataset.Line, ...]

    @property
    def name(self) -> str:
        """The checkout's stable name: basket and merchant."""
        return f"{self.basket.basket_id}-{self.merchant.key}"

    @property
    def total_minor(self) -> int:
        """What the shopper owes, in cents."""
        return sum(line.paid_minor for line in self.lines)

    def body(self) -> dict[str, Any]:
        """The sale as a till sends it, the member identified by number."""
        return {
            "store": self.merchant.store_gln(self.basket.store),
            "reference": self.name,
            "currency": CURRENCY,
            "lines": [
                {
                    "line": str(i),
                    "sku": str(line.product),
                    "category": line.department,
                    "quantity": line.quantity,
                    "amount_minor": line.paid_minor,
                }
                for i, line in enumerate(self.lines, start=1)
            ],
            "member": {"number": self.phone.number},
        }

    def show_pay_code(self, body: dict[str, Any], seed: str, domain: Domain, most_micros: int) -> None:
        """The member shows a fresh pay code instead of its number, and the till signs when it took it."""
        pay_code = self.phone.pay_code(domain, self.basket.at, most_micros)
        body["member"] = {"pay_code": pay_code}
        body["acceptance"] = acceptance(seed, body["store"], domain, pay_code, self.basket.at)
