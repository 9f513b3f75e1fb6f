"""Random histories of campaigns for the desk and its model: opened, promised, issued, given back, and every
kind of bad."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Any

from ledger_service.kernel.beside import BesideOperation
from ledger_service.kernel.campaign_operations import (
    OPEN_END,
    CampaignOperation,
    OpenCampaign,
    PromiseReward,
    ReturnReward,
    RewardRole,
)
from ledger_service.kernel.points import Leg
from tests.contracts.alliance import Alliance
from tests.contracts.campaigning import BUDGET, Campaigning
from tests.contracts.evm import Reverted
from tests.contracts.parties import CAMPAIGNS, DAY, OPERATOR, REGISTRY, STRANGER, Member

MEMBERS = [Member.numbered(n) for n in range(11, 14)]
_CAMPAIGNS = tuple(bytes(15) + bytes((number,)) for number in (1, 2, 3))
_BAD_TIMES = (-8 * DAY, -7 * DAY - 1, -7 * DAY, -61, 119, 120, 121, 5_000)


class CampaignHistory:
    """One random history of an alliance's campaigns; the alliance's EVM compares as it goes."""

    def __init__(self, alliance: Alliance, random: Random) -> None:
        self.alliance, self.random = alliance, random
        self.campaigning = Campaigning(alliance)
        self.met: set[str] = set()
        self.promised: list[PromiseReward] = []
        self.purchases = 0
        alliance.apply(*(alliance.enrol(member, 0) for member in MEMBERS))
        for campaign, depth in zip(_CAMPAIGNS[:2], (1, 2), strict=True):
            self.campaigning.applied(self.campaigning.open(campaign=campaign, depth=depth))

    def step(self) -> None:
        """One transaction, or some time."""
        acts = [self.batch, self.issue, self.wait, self.suspend, self.malformed]
        try:
            self.random.choices(acts, [54, 25, 8, 5, 8])[0]()
        except Reverted:
            self.met.add("reverted")

    def batch(self) -> None:
        operations = [self.spoilt(self.operation()) for _ in range(self.random.choice([1, 3, 6, 10]))]
        mine = [one for one in operations if one.merchant == operations[0].merchant]
        judged = list(zip(mine, self.campaigning.apply(*mine), strict=True))
        self.met |= {str(why) for _, why in judged}
        self.promised += [one for one, why in judged if why is None and isinstance(one, PromiseReward)]

    def operation(self) -> CampaignOperation:
        kinds: list[Callable[[], CampaignOperation]] = [self.open, self.promise, self.back]
        return self.random.choices(kinds, [15, 60, 25])[0]()

    def open(self) -> OpenCampaign:
        r = self.random
        changes: dict[str, Any] = {"campaign": r.choice(_CAMPAIGNS), "depth": r.choice([1, 2])}
        known = self.alliance.evm.state.campaigns.get(changes["campaign"])  # type: ignore[attr-defined]
        if known is not None and r.random() < 0.8:
            changes |= {"depth": known.depth, "begins": known.begins + r.choice([0, 0, 7, -1])}
            changes |= {"budget": known.budget + r.choice([0, 100, 100, -1])}
        changes["ends"] = r.choice([OPEN_END, self.campaigning.now + r.choice([-5 * DAY, DAY, 30 * DAY])])
        return self.campaigning.open(**changes)

    def promise(self) -> PromiseReward:
        r = self.random
        number = r.randint(1, max(self.purchases, 1)) if r.random() < 0.3 else self.purchases + 1
        self.purchases = max(self.purchases, number)
        campaign = r.choice(_CAMPAIGNS[:2] * 4 + _CAMPAIGNS[2:])
        changes: dict[str, Any] = {"campaign": campaign, "points": r.choice([1, 40, 150])}
        if r.random() < 0.03:
            changes["points"] = r.choice([BUDGET, BUDGET + 1, 2**64 - 1])
        return self.campaigning.promise(r.choice(MEMBERS), number, r.choice(list(RewardRole)), **changes)

    def back(self) -> ReturnReward:
        if not self.promised:
            return self.campaigning.back(self.promise())
        return self.campaigning.back(self.random.choice(self.promised))

    def issue(self) -> None:
        if not self.promised:
            return
        r = self.random
        one = r.choice(self.promised[-6:])
        who = next((m for m in MEMBERS if m.account == one.account), MEMBERS[0])
        changes: dict[str, Any] = {}
        if r.random() < 0.3:
            points = r.choice([one.points + 1, max(one.points - 1, 1)])
            changes = r.choice([{"account": MEMBERS[0].account}, {"leg": Leg(1, 1, 5, points)},
                                {"op_id": bytes(16)}, {"leg": Leg(2, 1, 5, one.points)}])  # fmt: skip
        self.alliance.apply(self.campaigning.issue(who, one, **changes))
        self.met.add("issued")

    def spoilt(self, operation: CampaignOperation) -> CampaignOperation:
        """Now and then something about it is wrong."""
        r, now = self.random, self.campaigning.now
        if r.random() < 0.06:
            return replace(operation, accepted_at=now + r.choice(_BAD_TIMES))
        if r.random() < 0.05:
            return replace(operation, merchant=self.alliance.merchants[1].gln)
        if isinstance(operation, PromiseReward) and r.random() < 0.2:
            return replace(operation, **r.choice(_BAD_PROMISES))
        if isinstance(operation, OpenCampaign) and r.random() < 0.15:
            return replace(operation, **r.choice(_BAD_CAMPAIGNS))
        if isinstance(operation, ReturnReward) and r.random() < 0.1:
            return replace(operation, reward=bytes(16))
        return operation

    def malformed(self) -> None:
        """Words that are no operation, a number that was used, another's slice, nothing at all."""
        made, r = self.promise(), self.random
        words = made.words()
        if r.random() < 0.5:
            unknown = r.choice([words[:-32], words + bytes(32), bytes(31) + b"\7" + words[32:]])
            self.met |= {str(why) for why in self.campaigning.apply(made, words=[unknown])}
            return
        bad = r.choice([words[:-1], words[:96], words[:63] + b"\1" + words[64:]])
        number = self.campaigning.number + r.choice([0, 1])
        self.campaigning.number = max(self.campaigning.number, number)
        self.campaigning.send(number, made.merchant, r.choice([[bad], [bad], [words], []]))

    def wait(self) -> None:
        self.alliance.evm.now += self.random.choice([1, 30, 3_600, DAY, 3 * DAY])

    def suspend(self) -> None:
        gln, now = self.campaigning.owner.gln, self.campaigning.now
        if self.random.random() < 0.4:
            self.alliance.transact(OPERATOR, REGISTRY, "suspendMerchant", gln, now)
        else:
            self.alliance.transact(OPERATOR, REGISTRY, "reinstateMerchant", gln)

    def by_a_stranger(self, operation: BesideOperation) -> None:
        """Somebody else than the relayer hands over a batch."""
        slices = [[operation.merchant, b"\2" * 65, [[operation.words(), []]]]]
        self.alliance.transact(STRANGER, CAMPAIGNS, "submitBatch", 1 << 20, slices)


_BAD_PROMISES: tuple[dict[str, Any], ...] = (
    {"points": 0}, {"role": 0}, {"role": 5}, {"account": bytes(20)}, {"account": b"\1" * 32}, {"sold_on": 5},
    {"purchase": bytes(32)}, {"purchase": bytes(32)}, {"attribution": b"\3" * 32}, {"points": 2**64},
    {"campaign": b"\7" * 16}, {"sold_on": 0}, {"reward": b"\5" * 16},
)  # fmt: skip
_BAD_CAMPAIGNS: tuple[dict[str, Any], ...] = (
    {"campaign": bytes(16)}, {"programme": 2}, {"programme": 9}, {"programme": 2**32 + 1}, {"budget": 0},
    {"budget": 2**64}, {"depth": 0}, {"depth": 3}, {"ends": 2**40}, {"begins": 5, "ends": 5},
)  # fmt: skip
