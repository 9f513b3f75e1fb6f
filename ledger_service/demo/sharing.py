"""Sharing laid over the replay: links, looks, newcomers and followers of the model, beside real purchases.

What a member got for it, its phone reads off its statement; everything that the rewards are for is the
service's own doing.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from ledger_service.demo.agenda import Due, Work
from ledger_service.demo.dataset import Basket
from ledger_service.demo.observer import LagDoesNotEnd
from ledger_service.demo.phones import Phone
from ledger_service.demo.screen import Screen
from ledger_service.demo.share_desk import PREVIEW, Offices, of_sharing
from ledger_service.demo.share_rules import BEGINS, CAMPAIGNS, RING_AT, Came, Model, Shared
from ledger_service.demo.share_screen import show_segments, show_sharing
from ledger_service.demo.town import Town
from ledger_service.kernel.clock import instant_of_seconds, seconds_floor

# Stands where a household does: the replay waits for what it does.
_NOBODY = -3
_DAY, _MINUTE, _REVIEW_HOUR = 86_400, 60, 9 * 3_600
_LOOK_SECONDS = 0.5
_DEVICE = "one device of three members"


class Sharing:
    """Plays the model; which links there are and how far it has come stand in the run's checkpoints."""

    def __init__(self, model: Model, ring: Sequence[int], offices: Offices) -> None:
        self._model, self._ring, self.offices = model, tuple(ring), offices
        self._links: dict[str, str] = {}
        self.households = {one.household for one in model.shared} | {one.household for one in model.came}

    def enter(self, town: Town) -> None:
        """What was not played yet is on the town's agenda."""
        self._town = town
        town.sharing = self
        self._links = dict(town.pending.story.get("share links", {}))
        done, until = town.pending.story.get("shared until", 0), seconds_floor(town.scenario.until)
        for due in self._acts(until):
            if done < due.seconds <= until:
                town.agenda.add(due)

    def _acts(self, until: int) -> list[Due]:
        due = [Due(BEGINS, "sharing opens", self._begin(BEGINS, (_NOBODY,), self._open), barrier=True)]
        for link in self._model.shared:
            name, begin = f"share {link.campaign} {link.household}", partial(self._begin, link.at)
            due.append(Due(link.at, name, begin((link.household,), partial(self._share, link))))
            later = link.at + _DAY
            looked = self._begin(later, (link.household,), partial(self._look, link))
            due.append(Due(later, f"look {name}", looked))
        for one in self._model.came:
            pair = one.household, one.sharer
            begun = self._begin(one.at, pair, partial(self._come, one))
            due.append(Due(one.at, f"come {one.campaign} {one.household}", begun))
        for place, household in enumerate(self._ring):
            at = RING_AT + (place + 1) * _MINUTE
            begun = self._begin(at, (household,), partial(self._signal, household))
            due.append(Due(at, f"signal {household}", begun))
        nights = range(BEGINS // _DAY * _DAY + _DAY + _REVIEW_HOUR, until, _DAY)
        due += [Due(at, "share review", self._begin(at, (_NOBODY,), self._review)) for at in nights]
        return due

    def _begin(
        self, seconds: int, households: Sequence[int], act: Callable[[datetime], Awaitable[None]]
    ) -> Callable[[], tuple[Sequence[int], Work]]:
        def begin() -> tuple[Sequence[int], Work]:
            # All that is due in one second begins before the next checkpoint, which waits for its end.
            self._town.remember("shared until", seconds)
            return households, partial(act, instant_of_seconds(seconds))

        return begin

    async def _open(self, at: datetime) -> None:
        for campaign in CAMPAIGNS.values():
            await self.offices.open(campaign, at)

    async def _share(self, link: Shared, at: datetime) -> None:
        phone = self._town.phone(link.household)
        if phone.joined:
            code = await self.offices.link(phone, link.campaign, link.channel, at)
            self._links[f"{link.campaign} {link.household}"] = code
            self._town.remember("share links", self._links)

    async def _look(self, link: Shared, _at: datetime) -> None:
        """A program that shows a preview, then people who go away again."""
        code = self._links.get(f"{link.campaign} {link.household}")
        if code is None:
            return
        if link.channel != "paper":
            await self.offices.touch(code, "preview", instant_of_seconds(link.at + _MINUTE), PREVIEW)
        for view in range(link.views):
            looked_at = instant_of_seconds(link.at + (view + 1) * _DAY // (link.views + 1))
            await self.offices.touch(code, f"view {view}", looked_at)

    async def _come(self, one: Came, at: datetime) -> None:
        town, phone = self._town, self._town.phone(one.household)
        code = self._links.get(f"{one.campaign} {one.sharer}")
        if code is None or one.newcomer == phone.joined:
            return
        touch = await self.offices.touch(code, f"{one.household}", instant_of_seconds(one.touched_at))
        if not one.newcomer:
            await self.offices.follow(phone, touch, at)
            return
        await town.alliance.join(phone, at, touch)
        town.counts["members"] += 1
        if town.mailing is not None:
            await town.mailing.welcome(phone, Basket(0, 0, one.household, 0, at, {}))
        town.keep(phone)

    async def _signal(self, household: int, at: datetime) -> None:
        phone = self._town.phone(household)
        if phone.joined:
            await self.offices.signal(phone, _DEVICE, at)

    async def _review(self, at: datetime) -> None:
        """A person looks at what is held: a ring of one device gets nothing, everybody else does."""
        ring = {self._town.phone(household).number for household in self._ring}
        for reward in await self.offices.rewards(at, "held"):
            bad = reward["member"] in ring
            words = ("refuse", "one device for all three") if bad else ("release", "different people")
            await self.offices.decide(reward["reward"], *words, at)

    async def heard(self, phone: Phone, at: datetime) -> None:
        """A refund has just been answered: the phone knows the rewards that came before it, and no later
        ones, so that it takes the refund off what there was.
        """
        if phone.household not in self.households:
            return
        entries = await self.offices.entries(phone, phone.heard, at)
        own = [one["sequence"] for one in entries if one["kind"] == "clawback" and not of_sharing([one])]
        last = max(own, default=0)
        self._read(phone, [one for one in entries if one["sequence"] <= last])

    async def finish(self, at: datetime) -> None:
        """What the last days have held is decided."""
        await self._review(at)

    async def given(self, at: datetime, patience_seconds: int, watch: Callable[[], None]) -> None:
        """What the chain was told of by now has been given: no reward waits for its word any more.

        Raises:
            LagDoesNotEnd: it took longer than that.
        """
        until = time.monotonic() + patience_seconds
        while waits := await self.offices.rewards(at, "promised"):
            if time.monotonic() > until:
                raise LagDoesNotEnd(f"{len(waits)} rewards are promised and not given")
            watch()
            await asyncio.sleep(_LOOK_SECONDS)

    async def hear_all(self, at: datetime) -> None:
        """Every phone knows what its member got for sharing."""
        phones = [self._town.phones[h] for h in self.households if h in self._town.phones]
        await asyncio.gather(*(self._hear(phone, at) for phone in phones if phone.joined))

    async def show(self, screen: Screen, folder: Path, at: datetime) -> bool:
        """What it all came to; returns whether the ring got nothing."""
        ring = [self._town.phone(household).number for household in self._ring]
        clean = await show_sharing(screen, self.offices, ring, folder)
        await show_segments(screen, self.offices, at + timedelta(minutes=1))
        return clean

    async def _hear(self, phone: Phone, at: datetime) -> None:
        self._read(phone, await self.offices.entries(phone, phone.heard, at))

    def _read(self, phone: Phone, entries: Sequence[Mapping[str, Any]]) -> None:
        ends = self._town.alliance.ends
        for one in of_sharing(entries):
            for part in one["postings"]:
                if part["part"] == "available":
                    end = ends.of(part["programme"], part["epoch"])
                    phone.add(part["programme"], end, part["points"])
        if entries:
            phone.heard = entries[-1]["sequence"]
            self._town.keep(phone)
