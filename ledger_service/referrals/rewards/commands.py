"""What every command on one reward has in common: its locks, its budget, and what is written of it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from ledger_service.db.bulk import Row
from ledger_service.db.commands import BookCommand
from ledger_service.db.workset import Draft, Load, Need, Workset, load_by
from ledger_service.points.parties import MEMBER_BY_ID
from ledger_service.referrals.campaigns.models import share_campaign
from ledger_service.referrals.campaigns.service import Budget
from ledger_service.referrals.rewards.fraud_rules import APPEAL_DAYS
from ledger_service.referrals.rewards.models import share_reward, share_reward_event
from ledger_service.referrals.rewards.rules import COUPON, GOING, SAID

REWARD: Load = load_by(share_reward, "reward_id")
EVENTS_OF_REWARD: Load = load_by(share_reward_event, "reward_id")
CAMPAIGN: Load = load_by(share_campaign, "campaign_id")
SERVICE = "service"


class RewardCommand(BookCommand[str]):
    """What every command on one reward locks and reads; answers the state that follows."""

    def __init__(self, reward_id: bytes, at: datetime) -> None:
        """Take the reward."""
        self.reward_id, self.at = reward_id, at

    def probe(self) -> Iterable[Need]:
        """The reward, for its member."""
        return [REWARD.of(self.reward_id)]

    def locks(self, view: Workset) -> Iterable[Need]:
        """The member, the campaign whose budget it is of, the reward."""
        row = view.one(REWARD, self.reward_id)
        if row is not None:
            yield MEMBER_BY_ID.of(row["member_id"])
            yield CAMPAIGN.of(row["campaign_id"])
        yield REWARD.of(self.reward_id)

    def reads_first(self, view: Workset) -> Iterable[Need]:
        """What happened to the reward."""
        return [EVENTS_OF_REWARD.of(self.reward_id)]


def refuse(draft: Draft, row: Row, reason: str, by: tuple[str, datetime]) -> str:
    """The reward is refused, and the campaign has its budget back; a promise of it on the chain goes back."""
    move_budget(draft, row, -1)
    draft.change(share_reward, row["reward_id"], state="refused", decided_by=by[0], until=by[1], **leave(row))
    note(draft, row["reward_id"], ("refused", reason), by)
    return "refused"


def void(draft: Draft, row: Row, at: datetime) -> str:
    """The goods came back before anything was given: the reward is void, its budget the campaign's again."""
    move_budget(draft, row, -1)
    draft.change(share_reward, row["reward_id"], state="void", **leave(row))
    note(draft, row["reward_id"], ("void", "returned"), (SERVICE, at))
    return "void"


def leave(row: Row) -> dict[str, str]:
    """What changes of a reward's promise when it is given up: the chain is to hear that it went back, of what
    a person refused once nobody may object any more.
    """
    return {"promise": GOING} if row["promise"] == SAID else {}


def may_be_appealed(row: Row, at: datetime) -> bool:
    """Whether a person refused the reward so lately that its member may object: till then its promise stands
    on the chain, which takes no second one.
    """
    by_somebody = row["state"] == "refused" and row["decided_by"] != SERVICE
    return by_somebody and bool(at <= row["until"] + timedelta(days=APPEAL_DAYS))


def move_budget(draft: Draft, row: Row, sign: int) -> bool:
    """The reward takes its part of the campaign's budget (1), or gives it back (-1).

    Returns:
        False where the budget does not hold it; then nothing is changed.
    """
    campaign = draft.one(CAMPAIGN, row["campaign_id"])
    if campaign is None:
        raise LookupError("the campaign of a reward is gone")
    part = Budget(row["points"], 1, 1 if row["pays"] == COUPON else 0)
    used = {
        "used_points": campaign["used_points"] + sign * part.points,
        "used_rewards": campaign["used_rewards"] + sign * part.rewards,
        "used_coupons": campaign["used_coupons"] + sign * part.coupons,
    }
    if any(used[f"used_{what}"] > campaign[f"most_{what}"] for what in ("points", "rewards", "coupons")):
        return False
    draft.change(share_campaign, row["campaign_id"], **used)
    return True


def note(draft: Draft, reward_id: bytes, what: tuple[str, str], by: tuple[str, datetime]) -> None:
    """What happened to the reward is written down: its kind, its reason, by whom, when."""
    position = len(draft.find(EVENTS_OF_REWARD, reward_id))
    draft.add(share_reward_event, {
        "reward_id": reward_id, "position": position, "kind": what[0], "by_whom": by[0], "reason": what[1],
        "at": by[1],
    })  # fmt: skip
