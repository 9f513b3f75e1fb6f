"""Races and turncoats of sharing: jobs, tills and members that try to be paid twice for one thing."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import select

from ledger_service.checkout.shared_sales import SharedSales
from ledger_service.members.merging import Merge
from ledger_service.referrals.campaigns.rules import Milestone
from ledger_service.referrals.campaigns.service import Budget
from ledger_service.referrals.rewards import following
from ledger_service.referrals.rewards.dispatch import follow
from ledger_service.referrals.rewards.models import share_reward
from tests.integration.checkout.shop import Phone
from tests.integration.checkout.test_races import at_once

from .sharing import Sharing, terms
from .test_reviews import erase

JOBS = 3


def racing(sharing: Sharing, *sales: Callable[[], str]) -> None:
    """Tills sell while several jobs follow, each over a connection of its own; the rest is followed after."""
    database, at = sharing.shop.database, sharing.shop.clock.at

    def job() -> str:
        for _ in range(4):
            with database.begin() as conn:
                follow(conn, SharedSales(), at)
        return ""

    found = at_once(*sales, *[job] * JOBS)
    assert not [one for one in found if isinstance(one, Exception)]
    sharing.job()


def buying(sharing: Sharing, phone: Phone) -> Callable[[], str]:
    return lambda: sharing.buy(phone)


def test_two_purchases_of_one_newcomer_at_once_are_one_first_purchase(sharing: Sharing) -> None:
    sharing.campaign()
    ann = sharing.shop.enrol()
    ben = sharing.bring(ann)
    racing(sharing, buying(sharing, ben), buying(sharing, ben))
    assert sorted(sharing.outcomes()) == ["rewarded", "trigger-not-met"]
    assert (sharing.used(), sharing.shop.balance(ann, 1)) == ((150, 2), 100)


def test_a_milestone_that_friends_reach_at_once_is_given_once(sharing: Sharing) -> None:
    sharing.campaign(terms(milestones=(Milestone(2, 500), Milestone(3, 700))))
    ann = sharing.shop.enrol()
    friends = [sharing.bring(ann) for _ in range(4)]
    racing(sharing, *[buying(sharing, friend) for friend in friends])
    reached = [points for role, _, points, _ in sharing.paid() if role == "milestone"]
    assert sorted(reached) == [500, 700]
    assert sharing.used() == (4 * 150 + 1_200, 4 * 2 + 2)


def test_the_last_of_a_budget_that_two_tills_reach_for_is_given_whole_and_once(sharing: Sharing) -> None:
    sharing.campaign(budget=Budget(299, 4))
    ann = sharing.shop.enrol()
    ben, cid = sharing.bring(ann), sharing.bring(ann)
    racing(sharing, buying(sharing, ben), buying(sharing, cid))
    assert sorted(sharing.outcomes()) == ["budget-exhausted", "rewarded"]
    assert (sharing.used(), len(sharing.paid())) == ((150, 2), 2)


def test_what_one_earned_by_the_others_purchase_two_levels_down_waits_when_both_are_one(
    sharing: Sharing,
) -> None:
    sharing.campaign(terms(second_points=30))
    ann = sharing.shop.enrol()
    ben = sharing.bring(ann)
    cid = sharing.bring(ben)
    sharing.buy(cid)
    sharing.rewards.follow(sharing.shop.clock.at)
    with sharing.shop.database.begin() as conn:
        following.follow_merge(conn, Merge(cid.member_id, ann.member_id, sharing.shop.clock.at))
    states = {role: state for role, _, _, state in sharing.paid()}
    assert states == {"newcomer": "due", "sharer": "due", "second": "held"}
    with sharing.shop.database.read() as conn:
        its = select(share_reward.c.reasons).where(share_reward.c.role == "second")
        assert conn.execute(its).scalar_one() == "same-member"
    sharing.job()
    assert sharing.shop.balance(ann, 1) == 50, "its own purchase pays it as who came, and not as who brought"


def test_who_was_erased_and_comes_back_is_a_stranger_and_only_a_limit_bounds_its_friend(
    sharing: Sharing,
) -> None:
    sharing.campaign(terms(most_per_sharer=2))
    ann = sharing.shop.enrol()
    for _ in range(3):
        ben = sharing.bring(ann)
        sharing.buy(ben)
        sharing.job()
        assert not [state for *_, state in sharing.paid() if state == "held"], "nothing of before is known"
        erase(sharing, ben.member_id)
    assert sharing.outcomes() == ["rewarded", "rewarded", "sharer-limit"]
    assert sharing.shop.balance(ann, 1) == 200
