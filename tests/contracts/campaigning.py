"""Campaigns on a bare EVM: operations that the desk accepts, and issues of what it has promised."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from ledger_service.kernel.campaign_events import CampaignTold, event_of
from ledger_service.kernel.campaign_operations import (
    OPEN_END,
    OpenCampaign,
    PromiseReward,
    ReturnReward,
    RewardRole,
    attribution_of,
    day_of,
    purchase_of,
    reward_id_of,
)
from ledger_service.kernel.operations import Issue, IssueReason
from ledger_service.kernel.points import Leg
from ledger_service.kernel.secp256k1 import keccak256
from tests.contracts.besides import Besides
from tests.contracts.parties import CAMPAIGNS, DAY, Member

CAMPAIGN = bytes(15) + b"\1"
BUDGET = 1_000


def sale(number: int) -> bytes:
    return keccak256(b"sale %d" % number)[:16]


@dataclass
class Campaigning(Besides):
    """One alliance's campaigns; sale ``n`` has a commitment of its own."""

    artifact = CAMPAIGNS

    def open(self, **changes: Any) -> OpenCampaign:
        fields = {
            "op_id": self.op_id(), "merchant": self.owner.gln, "accepted_at": self.now, "campaign": CAMPAIGN,
            "programme": 1, "budget": BUDGET, "depth": 2, "begins": self.now - DAY, "ends": OPEN_END,
        }  # fmt: skip
        return OpenCampaign(**{**fields, **changes})

    def promise(
        self, member: Member, number: int, role: RewardRole = RewardRole.SHARER, **changes: Any
    ) -> PromiseReward:
        commitment = keccak256(b"commitment %d" % number)
        made = PromiseReward(
            self.op_id(), self.owner.gln, self.now, CAMPAIGN, reward_id_of(commitment, sale(number), role),
            role, member.account, 100, day_of(self.now), attribution_of(commitment, role),
            purchase_of(commitment, sale(number), role),
        )  # fmt: skip
        return replace(made, **changes)

    def back(self, promised: PromiseReward, **changes: Any) -> ReturnReward:
        made = ReturnReward(self.op_id(), self.owner.gln, self.now, promised.reward, promised.campaign)
        return replace(made, **changes)

    def issue(self, member: Member, promised: PromiseReward, **changes: Any) -> Issue:
        """The house's issue of it."""
        leg = changes.pop("leg", Leg(1, 1, 5, promised.points))
        fields = {"op_id": promised.reward, "reason": int(IssueReason.REWARD), **changes}
        return self.alliance.issue(member, leg, **fields)

    def sums(self, campaign: bytes = CAMPAIGN) -> tuple[int, int, int]:
        """What is promised, went back and is issued."""
        return tuple(self.ask("campaign", campaign)[6:9])

    def state(self, promised: PromiseReward) -> int:
        return int(self.ask("rewardOf", promised.reward)[3])

    def opened(self) -> CampaignTold:
        """What the last batch's opening told."""
        logs = self.receipt.logs
        told = [event_of(["0x" + topic.hex() for topic in log.topics], log.data) for log in logs]
        (opened,) = (one for one in told if isinstance(one, CampaignTold))
        return opened
