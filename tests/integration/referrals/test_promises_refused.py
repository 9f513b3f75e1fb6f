"""What the chain knows and a restored ledger does not, and what somebody hears of it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import delete, select, update

from ledger_service.bootstrap.campaign_alarms import campaign_alarms
from ledger_service.chain.models import chain_alarm
from ledger_service.kernel.campaign_operations import OPEN_END, OpenCampaign, PromiseReward
from ledger_service.kernel.clock import seconds_floor
from ledger_service.outbox.beside.models import beside_intent
from ledger_service.referrals.campaigns.models import share_campaign
from ledger_service.referrals.campaigns.service import Budget
from ledger_service.referrals.links.rules import SKEW_SECONDS
from ledger_service.referrals.rewards.rules import SAID, UNSAID

from .promised import CampaignChain, rounds, sold, stands, states
from .sharing import Sharing

_UNTOLD = dict.fromkeys(
    ("told", "answered", "told_points", "told_depth", "told_ends", "open_points", "stands_points"), 0
)


@pytest.fixture
def sharing(promising: Sharing, chain: CampaignChain) -> Sharing:
    chain.handlers = (campaign_alarms(lambda: promising.shop.clock.at),)
    return promising


def restore(sharing: Sharing, budget: Budget) -> None:
    """The backup knew the campaign as a draft; it goes live once more, an hour later, with this budget."""
    c = share_campaign.c
    with sharing.shop.database.begin() as conn:
        conn.execute(delete(beside_intent))
        live_at = conn.execute(select(c.live_at)).scalar_one() + timedelta(hours=1)
        conn.execute(update(share_campaign).values(**_UNTOLD, live_at=live_at))
    sharing.set_budget(budget)


def alarms(sharing: Sharing) -> list[tuple[str, str, str]]:
    a = chain_alarm.c
    with sharing.shop.database.read() as conn:
        return [tuple(row) for row in conn.execute(select(a.code, a.subject, a.detail).order_by(a.code))]


def test_a_campaign_that_went_live_twice_is_opened_again_as_it_began(
    sharing: Sharing, chain: CampaignChain
) -> None:
    sharing.campaign(budget=Budget(1_000, 10))
    began = seconds_floor(sharing.shop.clock.at)
    rounds(sharing, chain, 1)
    restore(sharing, Budget(1_500, 10))
    sharing.shop.clock.forward(hours=1)
    ann, _, _ = sold(sharing)
    rounds(sharing, chain)
    assert (states(sharing), stands(sharing)) == ({("granted", SAID)}, (150, 1_500))
    assert (sharing.shop.balance(ann, 1), alarms(sharing)) == (100, [])
    (stood,) = chain.campaigns.values()
    again = [one for one in chain.heard if isinstance(one, OpenCampaign)][1]
    assert stood.told.begins == began - SKEW_SECONDS < again.begins
    assert stood.told.ends == OPEN_END


def test_of_a_greater_budget_that_the_chain_knows_nothing_is_promised_until_somebody_says_it(
    sharing: Sharing, chain: CampaignChain
) -> None:
    sharing.campaign(budget=Budget(1_000, 10))
    rounds(sharing, chain, 1)
    restore(sharing, Budget(400, 10))
    sharing.shop.clock.forward(hours=1)
    ann, _, _ = sold(sharing)
    rounds(sharing, chain)
    assert (states(sharing), stands(sharing)) == ({("due", UNSAID)}, (0, 0))
    assert alarms(sharing) == [("campaign-refused", "SPRING", "CampaignTakesBack(): budget 400, depth 1")]
    sharing.set_budget(Budget(1_000, 10))
    rounds(sharing, chain)
    assert (states(sharing), stands(sharing)) == ({("granted", SAID)}, (150, 1_000))
    assert (sharing.shop.balance(ann, 1), alarms(sharing)) == (100, [])


def test_a_raise_that_the_chain_refuses_leaves_what_it_has_taken(
    sharing: Sharing, chain: CampaignChain
) -> None:
    sharing.campaign(budget=Budget(1_000, 10))
    rounds(sharing, chain, 2)
    chain.refusing[OpenCampaign] = ["CampaignTakesBack()"]
    sharing.set_budget(Budget(1_500, 10))
    rounds(sharing, chain, 2)
    assert stands(sharing) == (0, 1_000)


def test_a_promise_for_which_the_chain_has_no_room_is_heard_of(
    sharing: Sharing, chain: CampaignChain
) -> None:
    sharing.campaign()
    sold(sharing)
    rounds(sharing, chain, 1)
    chain.refusing[PromiseReward] = ["RewardBeyondBudget()", "OperationTooLate()"]
    rounds(sharing, chain, 3)
    ((code, subject, detail),) = alarms(sharing)
    assert (code, subject) == ("campaign-no-room", "SPRING")
    assert "100 points" in detail or "50 points" in detail


def test_a_telling_that_came_too_late_alarms_nobody(sharing: Sharing, chain: CampaignChain) -> None:
    sharing.campaign()
    chain.refusing[OpenCampaign] = ["OperationTooLate()"]
    rounds(sharing, chain, 3)
    assert (alarms(sharing), stands(sharing)[1]) == ([], 100_000)
