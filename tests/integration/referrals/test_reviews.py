"""What is held and decided, who races, who is erased or merged, and what a campaign's end means."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from ledger_service.members.merging import Merge
from ledger_service.members.models import member
from ledger_service.points.errors import SecondPersonNeeded
from ledger_service.referrals.campaigns import service as campaigns
from ledger_service.referrals.campaigns.service import Said
from ledger_service.referrals.links.binding import breaks, commitments_after
from ledger_service.referrals.links.errors import (
    ShareLinkEnded,
)
from ledger_service.referrals.links.models import share_bind, share_tie
from ledger_service.referrals.rewards import following
from ledger_service.referrals.rewards.errors import ShareRewardStepRefused, ShareRewardUnknown
from ledger_service.referrals.staffing.models import share_care
from tests.integration.checkout.shop import FUEL, GROCER, Phone
from tests.integration.checkout.test_races import at_once

from .sharing import LATER, Sharing


def held(sharing: Sharing) -> tuple[Phone, Phone, bytes]:
    """A sharer and a newcomer with one device: what its purchase pays is held."""
    ann, ben = sharing.shop.enrol(), sharing.shop.enrol()
    at = sharing.shop.clock.at
    for phone in (ann, ben):
        sharing.shop.writer.run(
            lambda conn, p=phone: sharing.links.note_signal(conn, p.member_id, "device", " Phone-1 ", at)
        )
    sharing.bind(sharing.touch(sharing.link(ann)), ben)
    sharing.shop.clock.forward(hours=1)
    sharing.buy(ben)
    sharing.job()
    reward = sharing.reward("sharer")
    assert (reward.state, reward.reasons) == ("held", "same-device")
    return ann, ben, reward.reward_id


def test_what_is_suspicious_is_held_refused_with_a_reason_and_appealed_to_another_person(
    sharing: Sharing,
) -> None:
    sharing.campaign()
    ann, ben, reward = held(sharing)
    assert sharing.used() == (150, 2)
    with pytest.raises(ShareRewardUnknown):
        sharing.step(reward, "release", merchant_id=FUEL)
    assert sharing.step(reward, "refuse", merchant_id=GROCER) == "refused"
    assert sharing.used() == (50, 1)
    with pytest.raises(ShareRewardStepRefused):
        sharing.step(reward, "release")
    with pytest.raises(ShareRewardUnknown):
        sharing.step(reward, "appeal", member_id=ben.member_id)
    assert sharing.step(reward, "appeal", by="member:ann", member_id=ann.member_id) == "appealed"
    with pytest.raises(SecondPersonNeeded):
        sharing.step(reward, "release")
    assert sharing.step(reward, "release", by="merchant:bob") == "due"
    sharing.job()
    assert (sharing.shop.balance(ann, 1), sharing.used()) == (100, (150, 2))


def test_without_a_decision_in_time_the_points_are_the_members(sharing: Sharing) -> None:
    sharing.campaign()
    ann, _, _ = held(sharing)
    sharing.shop.clock.forward(days=13)
    sharing.job()
    assert sharing.shop.balance(ann, 1) == 0
    sharing.shop.clock.forward(days=1)
    sharing.job()
    sharing.job()
    assert sharing.shop.balance(ann, 1) == 100


def test_two_jobs_at_once_follow_and_pay_each_sale_once(sharing: Sharing) -> None:
    sharing.campaign()
    ann = sharing.shop.enrol()
    for friend in [sharing.bring(ann) for _ in range(3)]:
        sharing.buy(friend)
    at = sharing.shop.clock.at
    at_once(*[lambda: sharing.rewards.follow(at)] * 3)
    at_once(*[lambda: sharing.rewards.pay_due(at)] * 3)
    assert (sharing.shop.balance(ann, 1), sharing.used()) == (300, (450, 6))


def erase(sharing: Sharing, member_id: int) -> None:
    at = sharing.shop.clock.at
    with sharing.shop.database.begin() as conn:
        following.forget_member(conn, member_id, at)
        gone = {"status": "erased", "member_number": None, "salt": None, "erased_at": at}
        conn.execute(update(member).where(member.c.member_id == member_id).values(gone))


def test_goods_that_come_back_after_an_erasure_take_its_reward_along(sharing: Sharing) -> None:
    sharing.campaign()
    ann = sharing.shop.enrol()
    sale = sharing.buy(sharing.bring(ann))
    sharing.job()
    erase(sharing, ann.member_id)
    sharing.shop.refund(sale)
    sharing.job()
    assert ({state for *_, state in sharing.paid()}, sharing.used()) == ({"clawed"}, (0, 0))
    assert sharing.shop.balance(ann, 1) == 0


def test_erasure_leaves_the_chain_and_the_others_half_and_pays_nobody_who_is_gone(sharing: Sharing) -> None:
    sharing.campaign()
    ann = sharing.shop.enrol()
    ben = sharing.bring(ann)
    sharing.buy(ben)
    sharing.rewards.follow(sharing.shop.clock.at)
    erase(sharing, ann.member_id)
    sharing.job()
    assert {role: state for role, _, _, state in sharing.paid()} == {
        "newcomer": "granted",
        "sharer": "refused",
    }
    with sharing.shop.database.read() as conn:
        bind = conn.execute(select(share_bind)).one()
        assert (bind.sharer_salt, bind.member_salt is None) == (None, False)
        assert breaks(commitments_after(conn, 0, 10), bytes(32)) == []
    with pytest.raises(ShareLinkEnded):
        sharing.touch(bind.code)


def test_two_members_of_one_tree_that_become_one_have_brought_nobody_of_themselves(sharing: Sharing) -> None:
    sharing.campaign()
    ann = sharing.shop.enrol()
    ben = sharing.bring(ann)
    cid = sharing.bring(ben)
    sharing.buy(ben)
    sharing.rewards.follow(sharing.shop.clock.at)
    at = sharing.shop.clock.at
    sharing.bind(sharing.touch(sharing.at_the_door("zoe")), ben, newcomer=False)
    with sharing.shop.database.begin() as conn:
        following.follow_merge(conn, Merge(ben.member_id, ann.member_id, at))
        looked_after = conn.execute(select(share_care.c.member_id, share_care.c.cashier)).all()
    assert [tuple(one) for one in looked_after] == [(ann.member_id, "zoe")]
    assert {(role, state) for role, _, _, state in sharing.paid()} == {
        ("newcomer", "held"),
        ("sharer", "held"),
    }
    with sharing.shop.database.read() as conn:
        ties = conn.execute(select(share_tie.c.member_id, share_tie.c.sharer_id)).all()
    assert [tuple(tie) for tie in ties] == [(cid.member_id, ann.member_id)]
    sharing.shop.clock.forward(hours=2)
    sharing.buy(ann)
    sharing.job()
    assert sharing.outcomes() == ["rewarded", "trigger-not-met"], "its first purchase was the other's"
    assert {state for _, _, _, state in sharing.paid()} == {"held"}, "no turn of the job ends its review"


def test_who_brought_its_own_second_account_has_nothing_for_coming_by_its_own_link(sharing: Sharing) -> None:
    sharing.campaign()
    ann = sharing.shop.enrol()
    ben = sharing.bring(ann)
    with sharing.shop.database.begin() as conn:
        following.follow_merge(conn, Merge(ben.member_id, ann.member_id, sharing.shop.clock.at))
    sharing.buy(ann)
    sharing.job()
    assert (sharing.outcomes(), sharing.paid()) == (["circle"], [])


def test_a_campaign_that_ended_pays_no_later_purchase(sharing: Sharing) -> None:
    sharing.campaign()
    ben = sharing.bring(sharing.shop.enrol())
    at = sharing.shop.clock.at
    sharing.shop.writer.run(lambda conn: campaigns.end(conn, "SPRING", Said("merchant:ann", at)))
    sharing.shop.clock.at += LATER
    sharing.buy(ben)
    sharing.job()
    assert sharing.outcomes() == ["campaign-over"]
    assert timedelta(0) < LATER
