"""Reviews of held rewards: released or refused with a reason, appealed, decided by another person."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from ledger_service.db.bulk import Row
from ledger_service.db.workset import Draft
from ledger_service.points.errors import SecondPersonNeeded
from ledger_service.referrals.rewards.commands import (
    CAMPAIGN,
    REWARD,
    RewardCommand,
    leave,
    move_budget,
    note,
    refuse,
)
from ledger_service.referrals.rewards.errors import ShareRewardStepRefused, ShareRewardUnknown
from ledger_service.referrals.rewards.fraud_rules import APPEAL_DAYS, REVIEW_DAYS
from ledger_service.referrals.rewards.models import share_reward
from ledger_service.referrals.rewards.rules import GOING, SAID, UNSAID, after_step, given_from

STEPS = ("release", "refuse", "appeal")
DEADLINE = "deadline"


@dataclass(frozen=True, slots=True)
class Step:
    """What is to be done about a reward by whom and why.

    ``merchant_id`` is whose campaign it must be of, ``member_id`` whose reward; None for anybody's.
    """

    reward_id: bytes
    kind: str
    by: str
    reason: str
    at: datetime
    merchant_id: int | None = None
    member_id: int | None = None


class ReviewRewardCommand(RewardCommand):
    """One step of a review; answers the state that follows.

    Idempotency: each step is done once in its state.
    """

    def __init__(self, step: Step) -> None:
        """Take the step."""
        super().__init__(step.reward_id, step.at)
        self.step = step

    def apply(self, draft: Draft) -> str:
        """Do the step.

        Raises:
            ShareRewardUnknown: no such reward of theirs.
            ShareRewardStepRefused: it does not fit the state, or came too late.
            SecondPersonNeeded: who refused it may not decide its appeal.
        """
        step, row = self.step, draft.one(REWARD, self.step.reward_id)
        if row is None or step.member_id not in (None, row["member_id"]):
            raise ShareRewardUnknown
        campaign = draft.one(CAMPAIGN, row["campaign_id"])
        if campaign is None or step.merchant_id not in (None, campaign["merchant_id"]):
            raise ShareRewardUnknown
        state = after_step(row["state"], step.kind)
        late = step.kind == "appeal" and step.at > row["until"] + timedelta(days=APPEAL_DAYS)
        early = step.kind == "expire" and step.at < row["until"]
        # What went back on the chain is promised there no second time.
        gone = step.kind == "appeal" and row["promise"] not in (None, UNSAID, GOING)
        if state is None or late or early or gone:
            raise ShareRewardStepRefused(row["state"])
        if row["state"] == "appealed" and row["decided_by"] == step.by:
            raise SecondPersonNeeded
        if state == "refused" and row["state"] == "held":
            return refuse(draft, row, step.reason, (step.by, step.at))
        return self._go(draft, row, state)

    def _go(self, draft: Draft, row: Row, state: str) -> str:
        """An appeal takes the refused reward's budget again, and a second refusal gives it back."""
        step, sign = self.step, {"appealed": 1, "refused": -1}.get(state, 0)
        if sign and not move_budget(draft, row, sign):
            raise ShareRewardStepRefused(row["state"])
        gone = leave(row) if state == "refused" else {}
        if row["promise"] == GOING:  # the chain was not told yet, and is not to be
            gone = {"promise": SAID}
        due_at = given_from(row["pays"], row["sold_at"], row["vest_days"], step.at)
        until = {"appealed": step.at + timedelta(days=REVIEW_DAYS), "due": due_at}.get(state, step.at)
        decided = {} if state == "appealed" else {"decided_by": step.by}
        draft.change(share_reward, row["reward_id"], state=state, until=until, **decided, **gone)
        note(draft, row["reward_id"], (state, step.reason), (step.by, step.at))
        return state
