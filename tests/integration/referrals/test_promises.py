"""Rewards that are promised on the chain before they are issued, and returned there once."""

from __future__ import annotations

import pytest
from sqlalchemy import select, update

from ledger_service.kernel.campaign_operations import (
    OPEN_END,
    OpenCampaign,
    PromiseReward,
    ReturnReward,
    RewardRole,
    promise_id_of,
    return_id_of,
    reward_id_of,
)
from ledger_service.kernel.clock import instant_of_seconds, seconds_floor
from ledger_service.kernel.intents import readable_operation
from ledger_service.kernel.operations import Issue, IssueReason
from ledger_service.outbox.models import intent
from ledger_service.points.models import pending_issue
from ledger_service.referrals.campaigns.service import Budget
from ledger_service.referrals.links.models import share_commitment
from ledger_service.referrals.rewards.errors import ShareRewardStepRefused
from ledger_service.referrals.rewards.models import share_reward
from ledger_service.referrals.rewards.rules import BACK, GOING, GONE, SAID, UNSAID
from ledger_service.referrals.rewards.worklists import leaving
from tests.integration.checkout.shop import GROCER

from .promised import CampaignChain, rounds, sold, stands, states
from .sharing import Sharing, terms
from .test_reviews import erase


@pytest.fixture
def sharing(promising: Sharing) -> Sharing:
    return promising


def test_a_reward_is_opened_promised_and_only_then_issued_with_its_own_reason(
    sharing: Sharing, chain: CampaignChain
) -> None:
    sharing.campaign(terms(second_points=20), budget=Budget(1_000, 10))
    ann, ben, sale = sold(sharing)
    sharing.job()
    assert states(sharing) == {("due", UNSAID)}, "nothing is promised before the chain knows the campaign"
    (opened,) = chain.take()
    began = seconds_floor(sharing.shop.clock.at) - 3_600
    assert isinstance(opened, OpenCampaign)
    assert (opened.merchant, opened.budget, opened.depth, opened.ends) == (GROCER, 1_000, 2, OPEN_END)
    assert opened.begins <= began
    sharing.job()
    sharing.job()
    assert (states(sharing), stands(sharing)) == ({("promised", SAID)}, (150, 1_000))
    told = chain.take()
    assert {type(one) for one in told} == {PromiseReward}
    assert {one.account for one in told} == {ann.account, ben.account}
    assert sharing.shop.balance(ann, 1) == 0
    sharing.job()
    assert states(sharing) == {("granted", SAID)}
    with sharing.shop.database.read() as conn:
        queued = {row.op_id: readable_operation(row.payload) for row in conn.execute(select(intent))}
    for reward in ("sharer", "newcomer"):
        issue = queued[sharing.reward(reward).reward_id]
        assert isinstance(issue, Issue) and issue.reason == IssueReason.REWARD
    chain.issue()
    assert (chain.sums(), sharing.used()) == ([(150, 0, 150)], (150, 2))
    assert sharing.shop.balance(ann, 1) == 100
    rounds(sharing, chain)
    assert len(chain.heard) == 3, "nothing is told twice"
    assert sale


def test_points_that_wait_for_their_days_keep_the_reason_until_they_vest(
    sharing: Sharing, chain: CampaignChain
) -> None:
    sharing.campaign(terms(vest_days=14))
    ann, _, _ = sold(sharing)
    rounds(sharing, chain)
    with sharing.shop.database.read() as conn:
        waiting = set(conn.execute(select(pending_issue.c.reason)).scalars())
    assert waiting == {int(IssueReason.REWARD)}
    assert chain.sums() == [(150, 0, 0)]
    sharing.shop.clock.forward(days=15)
    rounds(sharing, chain)
    assert (chain.sums(), sharing.shop.balance(ann, 1)) == ([(150, 0, 150)], 100)


@pytest.mark.parametrize("turns", range(7))
def test_goods_that_come_back_at_any_moment_are_told_once_and_the_budget_is_free_again(
    sharing: Sharing, chain: CampaignChain, turns: int
) -> None:
    """However far a reward had come, what stands promised is nothing in the end, here and on the chain."""
    sharing.campaign(budget=Budget(150, 2))
    ann, ben, sale = sold(sharing)
    for turn in range(turns):
        (sharing.job, chain.take, sharing.job, sharing.job, chain.take, sharing.job)[turn]()
    sharing.shop.refund(sale)
    rounds(sharing, chain, 4)
    assert {state for state, _ in states(sharing)} <= {"void", "clawed"}
    (promised, returned, _), = chain.sums() or [(0, 0, 0)]
    assert promised == returned
    assert (stands(sharing)[0], sharing.used()) == (0, (0, 0))
    returns = [one for one in chain.heard if isinstance(one, ReturnReward)]
    assert len(returns) == len({one.reward for one in returns}) == (2 if promised else 0)
    assert all(one.op_id == return_id_of(one.reward) for one in returns)
    assert sharing.shop.balance(ann, 1) == sharing.shop.balance(ben, 1) == 0
    # What is free again is promised again, and never more than the budget.
    sharing.buy(sharing.bring(ann))
    rounds(sharing, chain, 4)
    assert (sharing.shop.balance(ann, 1), stands(sharing)) == (100, (150, 150))


def test_a_return_waits_for_an_issue_that_is_on_its_way(sharing: Sharing, chain: CampaignChain) -> None:
    """Else the issue would find its promise gone, and take a batch of others with it."""
    sharing.campaign()
    _, _, sale = sold(sharing)
    sharing.job()
    chain.take()
    sharing.job()
    sharing.job()
    chain.take()
    sharing.job()
    assert states(sharing) == {("granted", SAID)}
    sharing.shop.refund(sale)
    sharing.job()
    sharing.job()
    assert states(sharing) == {("clawed", GOING)}
    assert chain.take() == []
    chain.issue()
    sharing.job()
    assert states(sharing) == {("clawed", GONE)}
    assert len(chain.take()) == 2
    sharing.job()
    assert (states(sharing), chain.sums(), stands(sharing)[0]) == ({("clawed", BACK)}, [(150, 150, 150)], 0)


def test_each_further_time_that_it_is_refused_it_waits_twice_as_long(
    sharing: Sharing, chain: CampaignChain
) -> None:
    sharing.campaign()
    sold(sharing)
    rounds(sharing, chain, 1)
    for hours in (1, 2, 4):
        chain.refusing[PromiseReward] = ["RewardBeyondBudget()"] * 2
        rounds(sharing, chain, 3)
        assert states(sharing) == {("due", UNSAID)}
        chain.refusing[PromiseReward] = []
        sharing.shop.clock.forward(minutes=60 * hours - 1)
        rounds(sharing, chain, 1)
        assert states(sharing) == {("due", UNSAID)}, hours
        sharing.shop.clock.forward(minutes=1)


@pytest.mark.parametrize("reason", ["OperationTooLate()", "RewardBeyondBudget()", "CampaignUnknown()"])
def test_a_promise_that_came_at_a_bad_moment_is_said_once_more(
    sharing: Sharing, chain: CampaignChain, reason: str
) -> None:
    sharing.campaign()
    ann, _, _ = sold(sharing)
    rounds(sharing, chain, 1)
    chain.refusing[PromiseReward] = [reason, reason]
    rounds(sharing, chain, 3)
    assert (states(sharing), stands(sharing)[0]) == ({("due", UNSAID)}, 0)
    sharing.shop.clock.forward(hours=1)
    rounds(sharing, chain, 3)
    assert (states(sharing), sharing.shop.balance(ann, 1)) == ({("granted", SAID)}, 100)
    reward = sharing.reward("sharer").reward_id
    asked = [one.op_id for one in chain.heard if getattr(one, "reward", None) == reward]
    assert asked == [promise_id_of(reward), promise_id_of(reward, 1)]


def test_a_promise_that_the_chain_never_takes_is_refused_and_may_be_appealed(
    sharing: Sharing, chain: CampaignChain
) -> None:
    sharing.campaign()
    ann, _, _ = sold(sharing)
    rounds(sharing, chain, 1)
    chain.refusing[PromiseReward] = ["RewardTooDeep()", "RewardTooDeep()"]
    rounds(sharing, chain, 3)
    assert (states(sharing), sharing.used(), stands(sharing)[0]) == ({("refused", UNSAID)}, (0, 0), 0)
    reward = sharing.reward("sharer").reward_id
    assert sharing.step(reward, "appeal", member_id=ann.member_id) == "appealed"
    assert sharing.step(reward, "release", by="merchant:bob") == "due"
    rounds(sharing, chain, 3)
    assert sharing.shop.balance(ann, 1) == 100


def test_who_is_erased_before_the_issue_is_paid_nothing_and_the_promise_goes_back(
    sharing: Sharing, chain: CampaignChain
) -> None:
    sharing.campaign()
    ann, _, _ = sold(sharing)
    rounds(sharing, chain, 1)
    sharing.job()
    sharing.job()
    assert states(sharing) == {("promised", SAID)}
    erase(sharing, ann.member_id)
    rounds(sharing, chain, 5)
    assert states(sharing) == {("granted", SAID), ("refused", BACK)}
    assert (chain.sums(), stands(sharing)[0]) == ([(150, 100, 50)], 50)
    with pytest.raises(ShareRewardStepRefused):
        sharing.step(sharing.reward("sharer").reward_id, "appeal")


def test_the_id_follows_from_commitment_sale_and_role(sharing: Sharing, chain: CampaignChain) -> None:
    sharing.campaign()
    _, _, sale = sold(sharing)
    rounds(sharing, chain)
    with sharing.shop.database.read() as conn:
        commitment = conn.execute(select(share_commitment.c.commitment)).scalars().one()
    for told in (one for one in chain.heard if isinstance(one, PromiseReward)):
        assert told.reward == reward_id_of(commitment, bytes.fromhex(sale), RewardRole(told.role))
        assert told.sold_on % 86_400 == 0
        for secret in (commitment, bytes.fromhex(sale)):
            assert secret not in told.words()


def test_a_return_that_came_at_a_bad_moment_is_said_again_after_twice_the_time(
    sharing: Sharing, chain: CampaignChain
) -> None:
    sharing.campaign()
    _, _, sale = sold(sharing)
    rounds(sharing, chain)
    sharing.shop.refund(sale)
    for hours in (1, 2, 4):
        chain.refusing[ReturnReward] = ["OperationMerchantSuspended()", "OperationTooLate()"]
        rounds(sharing, chain, 3)
        assert not chain.refusing[ReturnReward]
        sharing.shop.clock.forward(minutes=60 * hours - 1)
        rounds(sharing, chain, 2)
        assert states(sharing) == {("clawed", GONE)}, hours
        with sharing.shop.database.read() as conn:
            assert leaving(conn, sharing.shop.clock.at, 10) == [], "it takes nobody's place in the list"
        sharing.shop.clock.forward(minutes=1)
    rounds(sharing, chain, 3)
    assert (chain.sums(), stands(sharing)[0]) == ([(150, 150, 150)], 0)
    told = [one for one in chain.heard if isinstance(one, ReturnReward)]
    assert len({one.op_id for one in told}) == len(told) == 8


def test_an_issue_that_was_adopted_after_a_restore_is_not_made_twice(
    sharing: Sharing, chain: CampaignChain
) -> None:
    """The backup is of before the issue; two operators had it booked from the chain; then its turn comes."""
    sharing.campaign()
    ann, _, _ = sold(sharing)
    rounds(sharing, chain)
    assert sharing.shop.balance(ann, 1) == 100
    with sharing.shop.database.begin() as conn:
        conn.execute(update(share_reward).values(state="promised", leaf=None, epoch=None))
    sharing.job()
    assert (states(sharing), sharing.shop.balance(ann, 1)) == ({("granted", SAID)}, 100)
    with sharing.shop.database.read() as conn:
        leaves = dict(conn.execute(select(intent.c.op_id, intent.c.leaf)).all())
    row = sharing.reward("sharer")
    assert (row.leaf, row.epoch is None, row.collected) == (leaves[row.reward_id], False, 0)


def test_a_sale_that_a_fast_till_dates_tomorrow_is_promised_when_tomorrow_has_come(
    sharing: Sharing, chain: CampaignChain
) -> None:
    sharing.campaign()
    sold(sharing)
    chain.take()
    at = seconds_floor(sharing.shop.clock.at)
    tomorrow = instant_of_seconds(at - at % 86_400 + 86_400)
    with sharing.shop.database.begin() as conn:
        conn.execute(update(share_reward).values(sold_at=tomorrow))
    rounds(sharing, chain, 3)
    assert states(sharing) == {("due", UNSAID)}
    sharing.shop.clock.forward(days=1)
    rounds(sharing, chain, 3)
    assert states(sharing) == {("granted", SAID)}
