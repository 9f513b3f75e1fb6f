"""Promised rewards that went back: the chain hears of each once, behind whatever it was told of it before.

Not with the deed itself: an issue that is on its way would find its promise gone, and so would the batch of
others that it is in.
"""

from __future__ import annotations

from collections.abc import Iterable

from ledger_service.db.workset import Draft, Need, Workset
from ledger_service.kernel.campaign_operations import CODEC, TARGET, ReturnReward, return_id_of
from ledger_service.kernel.clock import seconds_floor
from ledger_service.outbox.beside.service import enqueue
from ledger_service.points.set_aside import INTENT
from ledger_service.referrals.rewards.commands import CAMPAIGN, REWARD, RewardCommand, may_be_appealed
from ledger_service.referrals.rewards.models import share_reward
from ledger_service.referrals.rewards.opening import AGAIN, SETTLED
from ledger_service.referrals.rewards.promising import TOLD, stands, wait_after
from ledger_service.referrals.rewards.rules import BACK, GOING, GONE


class ReturnCommand(RewardCommand):
    """The chain is told that a promised reward went back, or its answer is written down; answers where that
    stands.

    It waits until promise and issue are settled there, and until nobody may appeal a person's refusal. Of a
    promise that was refused nothing is told. A return that was refused for a moment's reason is told again,
    each time twice as long after the last one.

    Idempotency: by the reward's ``promise``, and by the operation's id. Invariants: INV-14.
    """

    def reads_first(self, view: Workset) -> Iterable[Need]:
        """What the chain was told last, and the issue."""
        yield INTENT.of(self.reward_id)
        row = view.one(REWARD, self.reward_id)
        if row is not None and row["promise_id"] is not None:
            yield TOLD.of(row["promise_id"])

    def apply(self, draft: Draft) -> str:
        """Tell, or write down."""
        row = draft.one(REWARD, self.reward_id)
        if row is None or row["promise"] not in (GOING, GONE):
            return BACK if row is None else str(row["promise"])
        told, issue = draft.one(TOLD, row["promise_id"]), draft.one(INTENT, self.reward_id)
        if told is None or any(one["state"] not in SETTLED for one in (told, issue) if one is not None):
            return str(row["promise"])
        refused = told["reason"] is not None
        if row["promise"] == GOING and may_be_appealed(row, self.at):
            return GOING
        if row["promise"] == GOING:
            return self._back(draft) if refused else self._tell(draft)
        if told["reason"] not in AGAIN:
            return self._back(draft)
        early = self.at < told["created_at"] + wait_after(row["returns"])
        return GONE if early else self._tell(draft)

    def _tell(self, draft: Draft) -> str:
        row = draft.one(REWARD, self.reward_id)
        campaign = None if row is None else draft.one(CAMPAIGN, row["campaign_id"])
        if row is None or campaign is None:
            raise LookupError("the campaign of a reward is gone")
        operation = ReturnReward(
            return_id_of(self.reward_id, row["returns"]), campaign["merchant_id"], seconds_floor(self.at),
            self.reward_id, row["campaign_id"],
        )  # fmt: skip
        enqueue(draft, TARGET, CODEC, operation, self.at)
        said = {"promise": GONE, "promise_id": operation.op_id, "returns": row["returns"] + 1}
        draft.change(share_reward, self.reward_id, **said)
        return GONE

    def _back(self, draft: Draft) -> str:
        row = draft.one(REWARD, self.reward_id)
        if row is not None:
            stands(draft, row, -row["points"])
            draft.change(share_reward, self.reward_id, promise=BACK)
        return BACK
