"""Promises on the chain: a reward of points is told to the campaigns' contract first, and issued only once
that stands there for good (INV-14, ADR 77).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from ledger_service.db.bulk import Row
from ledger_service.db.workset import Draft, Load, Need, load_by
from ledger_service.kernel.campaign_operations import (
    CODEC,
    TARGET,
    PromiseReward,
    RewardRole,
    attribution_of,
    day_of,
    promise_id_of,
    purchase_of,
)
from ledger_service.kernel.clock import instant_of_seconds, seconds_floor
from ledger_service.outbox.beside.models import beside_intent
from ledger_service.outbox.beside.service import enqueue
from ledger_service.referrals.campaigns.models import share_campaign
from ledger_service.referrals.links.models import share_commitment
from ledger_service.referrals.rewards.commands import (
    CAMPAIGN,
    EVENTS_OF_REWARD,
    SERVICE,
    note,
    refuse,
)
from ledger_service.referrals.rewards.models import share_reward
from ledger_service.referrals.rewards.opening import AGAIN, SETTLED
from ledger_service.referrals.rewards.rules import SAID, UNSAID

TOLD: Load = load_by(beside_intent, "op_id")
COMMITMENT: Load = load_by(share_commitment, "number")
# Twice as long after each time, up to a day and a third.
TRY_AGAIN, MOST_DOUBLINGS = timedelta(hours=1), 5
# Such refusals say nothing of the reward: it is promised once more.
NO_ROOM = "RewardBeyondBudget()"
_AGAIN = AGAIN | {"CampaignUnknown()", NO_ROOM}


def needs_of(row: Row) -> Iterable[Need]:
    """What ``stand`` reads of a reward."""
    if row["promise"] == UNSAID:
        yield COMMITMENT.of(row["number"])
    elif row["promise_id"] is not None:
        yield TOLD.of(row["promise_id"])


def stand(draft: Draft, row: Row, account: bytes, at: datetime) -> str | None:
    """None where the reward's promise stands on the chain for good; else the state that it has meanwhile.

    Reads: ``needs_of`` the reward, its campaign and its events. Idempotency: by the promise's id.

    Args:
        draft: of a command that has locked the reward and its campaign.
        row: of a reward that the chain is to promise.
        account: 20 bytes, whose the points are to be.
        at: now.
    """
    if row["promise"] == UNSAID:
        return _say(draft, row, account, at)
    told = draft.one(TOLD, row["promise_id"])
    if told is None or told["state"] not in SETTLED:
        # Also of one that a person has released while its promise was on the way.
        draft.change(share_reward, row["reward_id"], state="promised")
        return "promised"
    return None if told["reason"] is None else _refused(draft, row, told["reason"], at)


def stands(draft: Draft, row: Row, points: int) -> None:
    """So many points more of the campaign stand promised on the chain, or (below zero) fewer."""
    campaign = _campaign(draft, row)
    draft.change(share_campaign, row["campaign_id"], stands_points=campaign["stands_points"] + points)


def _say(draft: Draft, row: Row, account: bytes, at: datetime) -> str:
    """The promise is queued where the campaign has room for it on the chain, as the chain has said so far."""
    campaign, sold_on = _campaign(draft, row), day_of(seconds_floor(row["sold_at"]))
    if sold_on > seconds_floor(at):
        # A till's clock may be ahead, and its day begin before ours.
        draft.change(share_reward, row["reward_id"], until=instant_of_seconds(sold_on))
        return "due"
    if campaign["stands_points"] + row["points"] > campaign["open_points"]:
        return "due"
    operation = _promise(draft, row, account, at)
    enqueue(draft, TARGET, CODEC, operation, at)
    stands(draft, row, row["points"])
    draft.change(share_reward, row["reward_id"], state="promised", promise=SAID, promise_id=operation.op_id)
    note(draft, row["reward_id"], ("promised", ""), (SERVICE, at))
    return "promised"


def _promise(draft: Draft, row: Row, account: bytes, at: datetime) -> PromiseReward:
    reward_id, role = row["reward_id"], RewardRole[row["role"].upper()]
    link = draft.one(COMMITMENT, row["number"])
    if link is None:
        raise LookupError("the commitment of a reward is gone")
    before = _times(draft, reward_id)
    return PromiseReward(
        promise_id_of(reward_id, before), _campaign(draft, row)["merchant_id"], seconds_floor(at),
        row["campaign_id"], reward_id, int(role), account, row["points"],
        day_of(seconds_floor(row["sold_at"])), attribution_of(link["commitment"], role),
        purchase_of(link["commitment"], row["sale_id"], role),
    )  # fmt: skip


def _refused(draft: Draft, row: Row, reason: str, at: datetime) -> str:
    """The contract did not take it: it is promised once more later, or refused by the contract's word."""
    stands(draft, row, -row["points"])
    draft.change(share_reward, row["reward_id"], state="due", promise=UNSAID, promise_id=None)
    if reason in _AGAIN:
        draft.change(share_reward, row["reward_id"], until=at + wait_after(_times(draft, row["reward_id"])))
        note(draft, row["reward_id"], ("due", reason), (SERVICE, at))
        return "due"
    return refuse(draft, {**row, "promise": UNSAID}, reason, (SERVICE, at))


def wait_after(times: int) -> timedelta:
    """How long what was refused so often waits until it is told once more."""
    return TRY_AGAIN * (1 << min(max(times - 1, 0), MOST_DOUBLINGS))


def _times(draft: Draft, reward_id: bytes) -> int:
    """How often the reward was promised so far."""
    return sum(event["kind"] == "promised" for event in draft.find(EVENTS_OF_REWARD, reward_id))


def _campaign(draft: Draft, row: Row) -> Row:
    found = draft.one(CAMPAIGN, row["campaign_id"])
    if found is None:
        raise LookupError("the campaign of a reward is gone")
    return found
