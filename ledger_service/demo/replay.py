"""The replay: baskets, refunds, uploads and epoch ends in the data's time order, several visits in flight.

Kept orders: one member's requests one after another; nothing at or after an epoch's end before everything
before it is answered; a refund after its sale. Beyond that visits overlap, as they do in a town.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo

from ledger_service.demo import dataset
from ledger_service.demo.agenda import Due, Work
from ledger_service.demo.floor import Floor
from ledger_service.demo.goods_story import Goods
from ledger_service.demo.mailing import Mailing
from ledger_service.demo.months import Months
from ledger_service.demo.phones import Phone
from ledger_service.demo.progress import Checkpoint, Progress
from ledger_service.demo.service_client import Service
from ledger_service.demo.sharing import Sharing
from ledger_service.demo.shop_day import ShopDay
from ledger_service.demo.story import Story
from ledger_service.demo.town import Alliance, Scenario, Town
from ledger_service.kernel.clock import instant_of_seconds, seconds_floor

CHECKPOINT_EVERY = 400
FIRST_MIDNIGHT = datetime(2017, 1, 1, tzinfo=ZoneInfo("America/New_York"))
DAYS = 365


def end_of_day(day: int) -> datetime:
    """The end of the run's day number ``day``, counted from 1, on the American east coast."""
    return (FIRST_MIDNIGHT + timedelta(days=day)).astimezone(UTC)


LAST_INSTANT = end_of_day(DAYS) - timedelta(seconds=1)


class Replay:
    """Drives one scenario against a service; ``counts`` says what happened so far."""

    def __init__(self, scenario: Scenario, service: Service, alliance: Alliance, progress: Progress) -> None:
        counts = Counter(progress.get("counts", {}))
        self._position = progress.get("position", 0)
        pending = Checkpoint(self._position, 0, counts, story=progress.get("story", {}))
        self.town = Town(scenario, service, alliance, counts, pending)
        self._scenario, self._alliance, self._progress = scenario, alliance, progress
        self._busy: dict[int, asyncio.Task[None]] = {}
        self._room = asyncio.Semaphore(service.size)
        self._floor = Floor(self.town)
        self.clock = instant_of_seconds(progress.get("barrier_seconds", 0))
        self._barrier = self.clock
        for household, state in progress.phones().items():
            self.town.phone(household).restore(state)
        for refund in progress.due_refunds():
            self._floor.plan_refund(refund)
        for kept in progress.kept_sales():
            self._floor.cut_off.resume(kept)

    @property
    def counts(self) -> Counter[str]:
        """How often everything happened."""
        return self.town.counts

    @property
    def phones(self) -> dict[int, Phone]:
        """The phones by household."""
        return self.town.phones

    @property
    def refusals(self) -> list[str]:
        """The first refusals in full."""
        return self.town.refusals

    def tell(self, story: Story | ShopDay | Months | Mailing | Sharing | Goods) -> None:
        """What was not played yet of it will be."""
        story.enter(self.town)

    async def run(self) -> None:
        """Replay every basket up to the scenario's end; safe to call again after an interruption."""
        if self._barrier.year < 2000:
            self._barrier = next(iter(dataset.stream(self._scenario.data, 0, self._scenario.until))).at
        for basket in dataset.stream(self._scenario.data, self._position, self._scenario.until):
            await self._turn_to(basket.at)
            self._floor.announce(basket)
            holder = self.town.holder(basket.household)
            await self._start((holder,), partial(self._floor.visit, basket))
            self._position = basket.position
            if basket.position % CHECKPOINT_EVERY == 0:
                await self._checkpoint()
        await self._turn_to(self._scenario.until)
        await self._checkpoint()

    async def _turn_to(self, at: datetime) -> None:
        """Do what falls due up to an instant: epoch ends (a barrier each) and the agenda, in their order."""
        agenda, until = self.town.agenda, seconds_floor(at)
        ends = self._alliance.ends.between(self._barrier, at)
        while ends or (agenda.next_seconds is not None and agenda.next_seconds <= until):
            due = agenda.next_seconds
            if due is not None and due <= until and (not ends or due < ends[0]):
                await self._begin(agenda.pop())
            else:
                await self._pass_epoch_end(instant_of_seconds(ends.pop(0)))
        self.clock = at

    async def _begin(self, due: Due) -> None:
        if due.barrier:
            await self._drain()
        await self._start(*due.begin())
        if due.barrier:
            await self._drain()

    async def _pass_epoch_end(self, end: datetime) -> None:
        """Let nothing of the next epoch be sent before everything of this one is answered (D9).

        The service's own job expires what is left once its clock has passed the end; a request that moved
        the clock too soon could let it run before a purchase that came first.
        """
        await self._drain()
        self.counts["epoch ends"] += 1
        self._barrier = end

    async def _start(self, households: Sequence[int], work: Work) -> None:
        """Begin a piece of work once its members are free and a connection is."""
        for household in households:
            before = self._busy.get(household)
            if before is not None:
                await before
        await self._room.acquire()
        task = asyncio.create_task(self._freeing(work))
        for household in households:
            self._busy[household] = task
        task.add_done_callback(lambda done: self._settle(households, done))

    async def _freeing(self, work: Work) -> None:
        try:
            await work()
        finally:
            self._room.release()

    def _settle(self, households: Sequence[int], done: asyncio.Task[None]) -> None:
        """Forget a finished task; a failure is kept for ``_drain`` to raise."""
        for household in households:
            if self._busy.get(household) is done and (done.cancelled() or done.exception() is None):
                del self._busy[household]

    async def _drain(self) -> None:
        tasks = list(self._busy.values())
        if tasks:
            await asyncio.gather(*tasks)

    async def _checkpoint(self) -> None:
        await self._drain()
        pending = self.town.pending
        pending.position, pending.barrier_seconds = self._position, seconds_floor(self._barrier)
        self._progress.save(pending)
        self.town.pending = Checkpoint(self._position, 0, self.counts, story=pending.story)
