"""The chain as far as promises go: it takes what is queued for the desk of campaigns, by its own rules."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import select, update

from ledger_service.chain.ports import Handler
from ledger_service.db.engine import Database
from ledger_service.kernel.campaign_operations import (
    CODEC,
    OpenCampaign,
    PromiseReward,
    ReturnReward,
    RewardRole,
)
from ledger_service.kernel.events import BesideJudged
from ledger_service.kernel.intents import readable_operation
from ledger_service.kernel.operations import Issue, IssueReason
from ledger_service.outbox.beside.models import beside_intent
from ledger_service.outbox.models import intent
from ledger_service.referrals.campaigns.models import share_campaign
from ledger_service.referrals.rewards.models import share_reward
from tests.integration.checkout.shop import Phone

from .sharing import Sharing

_B, _I = beside_intent.c, intent.c


@dataclass
class Stood:
    """A campaign as the desk has it."""

    told: OpenCampaign
    promised: int = 0
    returned: int = 0
    issued: int = 0


@dataclass
class CampaignChain:
    """What the contract would say; an issue of a reward that it would not take fails the test at once.

    ``refusing`` are reasons for the next operations of a kind, whatever they are; ``handlers`` hear of all.
    """

    database: Database
    campaigns: dict[bytes, Stood] = field(default_factory=dict)
    rewards: dict[bytes, tuple[PromiseReward, str]] = field(default_factory=dict)
    refusing: dict[type[Any], list[str]] = field(default_factory=dict)
    heard: list[Any] = field(default_factory=list)
    handlers: tuple[Handler, ...] = ()

    def take(self, most: int = 1_000) -> list[Any]:
        """So many queued operations are judged for good, in their order; returns them."""
        with self.database.begin() as conn:
            queued = select(_B.op_id, _B.payload).where(_B.state == "queued", _B.target == "campaigns")
            rows = conn.execute(queued.order_by(_B.created_at, _B.op_id).limit(most)).all()
            operations = [CODEC.read(row.payload) for row in rows]
            for operation in operations:
                forced = self.refusing.get(type(operation))
                reason = forced.pop(0) if forced else self._judge(operation)
                mine = update(beside_intent).where(_B.op_id == operation.op_id)
                conn.execute(mine.values(state="final", reason=reason))
                judged = BesideJudged(operation.op_id, "campaigns", int(operation.kind), reason)
                for handler in self.handlers:
                    handler(conn, [judged])
        self.heard += operations
        return operations

    def issue(self, except_for: Collection[bytes] = ()) -> int:
        """Queued issues are on the chain for good; returns how many there were."""
        with self.database.begin() as conn:
            rows = conn.execute(select(_I.op_id, _I.payload).where(_I.state == "queued")).all()
            rows = [row for row in rows if row.op_id not in except_for]
            for number, row in enumerate(rows):
                operation = readable_operation(row.payload)
                if isinstance(operation, Issue) and operation.reason == IssueReason.REWARD:
                    self._issue(operation)
                its = update(intent).where(_I.op_id == row.op_id)
                conn.execute(its.values(state="final", batch_number=1, batch_index=number))
        return len(rows)

    def sums(self) -> list[tuple[int, int, int]]:
        """Promised, returned, issued of each campaign."""
        return [(one.promised, one.returned, one.issued) for one in self.campaigns.values()]

    def _issue(self, operation: Issue) -> None:
        promise, state = self.rewards[operation.op_id]
        assert state == "promised", state
        assert operation.account == promise.account
        assert operation.leg.amount <= promise.points
        self.rewards[operation.op_id] = promise, "issued"
        self.campaigns[promise.campaign].issued += operation.leg.amount

    def _judge(self, operation: Any) -> str | None:
        if isinstance(operation, OpenCampaign):
            return self._open(operation)
        if isinstance(operation, PromiseReward):
            return self._promise(operation)
        assert isinstance(operation, ReturnReward)
        known = self.rewards.get(operation.reward)
        if known is None:
            return "RewardUnknown()"
        if known[1] in ("withdrawn", "returned"):
            return "RewardWentBack()"
        self.campaigns[known[0].campaign].returned += known[0].points
        state = "returned" if known[1] == "issued" else "withdrawn"
        self.rewards[operation.reward] = known[0], state
        return None

    def _open(self, told: OpenCampaign) -> str | None:
        known = self.campaigns.get(told.campaign)
        if known is None:
            self.campaigns[told.campaign] = Stood(told)
            return None
        before = known.told
        same = (told.programme, told.depth) == (before.programme, before.depth)
        if not same or told.budget < before.budget or not before.begins <= told.begins < before.ends:
            return "CampaignTakesBack()"
        known.told = replace(told, begins=before.begins, ends=min(told.ends, before.ends))
        return None

    def _promise(self, told: PromiseReward) -> str | None:
        known = self.campaigns.get(told.campaign)
        if known is None:
            return "CampaignUnknown()"
        opened = known.told
        day = told.sold_on
        if day > told.accepted_at or day >= opened.ends or day + 86_400 <= opened.begins:
            return "CampaignNotInTime()"
        if told.role == RewardRole.SECOND and opened.depth < 2:
            return "RewardTooDeep()"
        if told.reward in self.rewards:
            return "RewardKnown()"
        if known.promised - known.returned + told.points > opened.budget:
            return "RewardBeyondBudget()"
        known.promised += told.points
        self.rewards[told.reward] = told, "promised"
        return None


def sold(sharing: Sharing) -> tuple[Phone, Phone, str]:
    """Ann brought Ben, and what Ben bought is attributed; its rewards are due."""
    ann = sharing.shop.enrol()
    ben = sharing.bring(ann)
    sale = sharing.buy(ben)
    sharing.job()
    return ann, ben, sale


def rounds(sharing: Sharing, chain: CampaignChain, count: int = 5) -> None:
    """So many turns of the jobs and of the chain."""
    for _ in range(count):
        sharing.job()
        chain.take()
        chain.issue()


def states(sharing: Sharing) -> set[tuple[str, str | None]]:
    r = share_reward.c
    with sharing.shop.database.read() as conn:
        return {tuple(row) for row in conn.execute(select(r.state, r.promise))}


def stands(sharing: Sharing) -> tuple[int, int]:
    """What stands promised of the campaign by the ledger's count, and within which budget on the chain."""
    c = share_campaign.c
    with sharing.shop.database.read() as conn:
        return tuple(conn.execute(select(c.stands_points, c.open_points)).one())
