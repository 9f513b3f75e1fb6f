"""Of two members that become one while a reward is promised, a person decides, and the member may object."""

from __future__ import annotations

import pytest

from ledger_service.kernel.campaign_operations import PromiseReward, ReturnReward
from ledger_service.members.merging import Merge
from ledger_service.referrals.rewards import following
from ledger_service.referrals.rewards.errors import ShareRewardStepRefused
from ledger_service.referrals.rewards.fraud_rules import APPEAL_DAYS
from ledger_service.referrals.rewards.rules import BACK, GOING, SAID
from tests.integration.checkout.shop import Phone

from .promised import CampaignChain, rounds, sold, stands, states
from .sharing import Sharing


@pytest.fixture
def sharing(promising: Sharing) -> Sharing:
    return promising


def merged(sharing: Sharing, chain: CampaignChain) -> tuple[Phone, bytes]:
    """Who brought the other turns out to be the other while the rewards stand promised; who stays, and the
    sharer's reward.
    """
    sharing.campaign()
    ann, ben, _ = sold(sharing)
    rounds(sharing, chain, 1)
    sharing.job()
    sharing.job()
    with sharing.shop.database.begin() as conn:
        following.follow_merge(conn, Merge(ben.member_id, ann.member_id, sharing.shop.clock.at))
    rounds(sharing, chain, 2)
    assert states(sharing) == {("held", SAID)}
    return ann, sharing.reward("sharer").reward_id


def refuse_both(sharing: Sharing) -> None:
    for role in ("sharer", "newcomer"):
        sharing.step(sharing.reward(role).reward_id, "refuse")


def promises_of(chain: CampaignChain, reward: bytes) -> list[type]:
    return [type(one) for one in chain.heard if getattr(one, "reward", None) == reward]


def test_two_that_become_one_while_promised_wait_for_a_person(
    sharing: Sharing, chain: CampaignChain
) -> None:
    _, reward = merged(sharing, chain)
    sharing.step(reward, "release")
    rounds(sharing, chain, 5)
    assert states(sharing) == {("held", SAID), ("granted", SAID)}
    assert len([one for one in chain.heard if isinstance(one, PromiseReward)]) == 2


def test_what_a_person_refuses_of_them_goes_back_once_nobody_may_object(
    sharing: Sharing, chain: CampaignChain
) -> None:
    _, reward = merged(sharing, chain)
    refuse_both(sharing)
    sharing.shop.clock.forward(days=APPEAL_DAYS)
    rounds(sharing, chain, 3)
    assert (sharing.reward("sharer").state, sharing.reward("sharer").promise) == ("refused", GOING)
    assert promises_of(chain, reward) == [PromiseReward]
    sharing.shop.clock.forward(seconds=1)
    rounds(sharing, chain, 3)
    assert (sharing.reward("sharer").state, sharing.reward("sharer").promise) == ("refused", BACK)
    assert promises_of(chain, reward) == [PromiseReward, ReturnReward]
    with pytest.raises(ShareRewardStepRefused):
        sharing.step(reward, "appeal")


def test_the_refusal_may_be_appealed_and_its_promise_stands_meanwhile(
    sharing: Sharing, chain: CampaignChain
) -> None:
    ann, reward = merged(sharing, chain)
    sharing.step(reward, "refuse")
    rounds(sharing, chain, 3)
    sharing.shop.clock.forward(days=APPEAL_DAYS - 1)
    assert sharing.step(reward, "appeal", member_id=ann.member_id) == "appealed"
    rounds(sharing, chain, 3)
    assert (sharing.reward("sharer").state, sharing.reward("sharer").promise) == ("appealed", SAID)
    sharing.step(reward, "release", by="merchant:bob")
    rounds(sharing, chain, 4)
    assert (sharing.reward("sharer").state, sharing.reward("sharer").promise) == ("granted", SAID)
    assert promises_of(chain, reward) == [PromiseReward]
    assert (stands(sharing)[0], chain.sums()[0][:2]) == (150, (150, 0))


def test_what_is_refused_once_more_goes_back_after_its_own_days(
    sharing: Sharing, chain: CampaignChain
) -> None:
    ann, reward = merged(sharing, chain)
    refuse_both(sharing)
    sharing.step(reward, "appeal", member_id=ann.member_id)
    sharing.step(reward, "refuse", by="merchant:bob")
    rounds(sharing, chain, 2)
    assert (sharing.reward("sharer").promise, promises_of(chain, reward)) == (GOING, [PromiseReward])
    sharing.shop.clock.forward(days=APPEAL_DAYS, seconds=1)
    rounds(sharing, chain, 3)
    assert (states(sharing), stands(sharing)[0], chain.sums()) == ({("refused", BACK)}, 0, [(150, 150, 0)])
