"""The real campaigns in a replay: mailed when they begin, shown on the real days, every redemption accounted
for.

A household that joins later gets the coupons of the campaigns that have begun when it joins.
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Awaitable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from ledger_service.demo import coupon_data
from ledger_service.demo.agenda import Due, Work
from ledger_service.demo.coupon_data import Campaign, Redemption
from ledger_service.demo.coupon_desk import Campaigns
from ledger_service.demo.coupon_rules import issued_to, taken_alone
from ledger_service.demo.dataset import Basket
from ledger_service.demo.phones import Phone
from ledger_service.demo.town import Town
from ledger_service.demo.visits import Visit
from ledger_service.kernel.clock import instant_of_seconds, seconds_floor

# Stands where a household does: the replay waits for what it does.
_NOBODY = -2
Made = dict[int, tuple[int, str]]


class Mailing:
    """Issues coupons and shows them; what each campaign became stands in the run's checkpoints."""

    def __init__(self, path: Path, desk: Campaigns) -> None:
        self._path, self._desk = path, desk
        self._campaigns = coupon_data.campaigns(path)
        self._upcs = {
            one.number: [printing.upc for printing in coupon_data.printings(path, one.number)]
            for one in self._campaigns
        }
        self._made: dict[int, Made] = {}
        self._at: dict[tuple[int, str], list[Redemption]] = defaultdict(list)
        self._redeemed: dict[tuple[int, int], list[int]] = defaultdict(list)
        self._of_household: dict[int, list[Campaign]] = defaultdict(list)
        self._place: dict[int, int] = {}

    def enter(self, town: Town) -> None:
        """The beginnings of the campaigns are on the town's agenda, redemptions at their checkouts."""
        self._town = town
        town.mailing = self
        for one in coupon_data.redemptions(self._path, town.scenario.last):
            before = self._redeemed[one.household, one.campaign]
            self._place[one.number] = before.count(one.upc)
            before.append(one.upc)
            self._at[one.basket, one.merchant].append(one)
        for campaign in self._campaigns:
            for household in campaign.households:
                self._of_household[household].append(campaign)
            known = town.pending.story.get(f"campaign {campaign.number}")
            if known is not None:
                self._made[campaign.number] = {int(upc): (made[0], made[1]) for upc, made in known.items()}
            if known is None and campaign.begins <= seconds_floor(town.scenario.until):
                begin, name = partial(self._of_nobody, campaign), f"campaign {campaign.number:02}"
                town.agenda.add(Due(campaign.begins, name, begin, barrier=True))

    def _of_nobody(self, campaign: Campaign) -> tuple[Sequence[int], Work]:
        return (_NOBODY,), partial(self._begin, campaign)

    async def _begin(self, campaign: Campaign) -> None:
        """Set it up, and mail it to all who are members by now."""
        at = max(instant_of_seconds(campaign.begins), self._town.began)
        made = await self._desk.prepare(campaign, coupon_data.printings(self._path, campaign.number), at)
        self._made[campaign.number] = made
        issues = [
            self._desk.issue(made[upc], numbers, f"mail-{copy}", at)
            for (upc, copy), numbers in sorted(self._told(campaign).items())
        ]
        await self._counted(issues)
        self._town.counts["campaigns"] += 1
        self._town.remember(f"campaign {campaign.number}", made)

    def _told(self, campaign: Campaign) -> dict[tuple[int, int], list[str]]:
        """The numbers of all who are members by now and get a coupon, by its UPC and which copy it is."""
        told: dict[tuple[int, int], list[str]] = defaultdict(list)
        for household in campaign.households:
            number = self._town.phone(self._town.owner(household)).number
            issued = self._issued(campaign, household) if self._town.phone(household).joined else {}
            for printed in ((upc, copy) for upc, count in issued.items() for copy in range(1, count + 1)):
                if number not in told[printed]:
                    told[printed].append(number)
        return told

    async def welcome(self, phone: Phone, basket: Basket) -> None:
        """A household that has just joined gets what campaigns that have begun sent to it."""
        issues = []
        for campaign in self._of_household[basket.household]:
            made = self._made.get(campaign.number)
            if made is None or not campaign.begins <= seconds_floor(basket.at) < campaign.ends:
                continue
            for upc, count in sorted(self._issued(campaign, basket.household).items()):
                copies = [f"mail-{copy}" for copy in range(1, count + 1)]
                issues += [self._desk.issue(made[upc], [phone.number], copy, basket.at) for copy in copies]
        await self._counted(issues)

    async def _counted(self, issues: Sequence[Awaitable[int]]) -> None:
        new = sum(await asyncio.gather(*issues))
        # Not in one line: the count would be read before the wait, and what others add meanwhile be lost.
        self._town.counts["coupons issued"] += new

    def _issued(self, campaign: Campaign, household: int) -> Counter[int]:
        of = campaign.number, campaign.kind
        redeemed = self._redeemed[household, campaign.number]
        return issued_to(self._town.seed, of, household, self._upcs[campaign.number], redeemed)

    async def shown(self, visit: Visit) -> list[str]:
        """The ids of the coupons that the household shows here; its phone has a line of its own."""
        wanted = self._at.get((visit.basket.basket_id, visit.merchant.key), [])
        if not wanted:
            return []
        counts = self._town.counts
        held: dict[int, list[str]] = defaultdict(list)
        for coupon in await self._desk.wallet(visit.phone.number, visit.basket.at):
            held[coupon["definition"]].append(coupon["coupon"])
        ids = []
        for one in wanted:
            own = held[self._made[one.campaign][one.upc][0]]
            # Used ones count, so that a run that goes on after a crash shows the same again.
            place = self._place[one.number]
            if place < len(own):
                ids.append(own[place])
            else:
                counts["coupons shown"] += 1
                counts["coupon refused: not in the wallet"] += 1
        return ids

    def taken_alone(self, visit: Visit, most_minor: int) -> int:
        """The cents that a cut-off till takes off for what is shown; the service judges it later."""
        kind_of = {campaign.number: campaign.kind for campaign in self._campaigns}
        shown = [
            (kind_of[one.campaign], frozenset(printing.products))
            for one in self._at[visit.basket.basket_id, visit.merchant.key]
            for printing in coupon_data.printings(self._path, one.campaign)
            if printing.upc == one.upc
        ]
        return taken_alone(shown, visit.lines, most_minor)

    def read(self, shown: Sequence[str], document: dict[str, Any] | None) -> int:
        """Account for what a checkout showed; the cents that coupons took off."""
        counts = self._town.counts
        if not shown:
            return 0
        # Counted here, so that a run that ends before a till has uploaded still accounts for all.
        counts["coupons shown"] += len(shown)
        if document is None:
            counts["coupon refused: sale refused"] += len(shown)
            return 0
        view = document["coupons"]
        counts["coupons accepted"] += len(view["applied"])
        for one in view["refused"]:
            counts[f"coupon refused: {one['reason']}"] += 1
        counts["cents off by coupons"] += view["discount_minor"]
        return int(view["discount_minor"])
