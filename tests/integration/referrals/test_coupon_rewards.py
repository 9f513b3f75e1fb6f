"""Coupons as rewards: given once after their days, under the budget, taken back while unused, else left."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError

from ledger_service.checkout.couponing.service import CouponWish
from ledger_service.coupons.definitions.changes import next_number
from ledger_service.coupons.definitions.models import coupon_definition
from ledger_service.coupons.terms.values import AmountOff, GiftRule, OnReturn, Share
from ledger_service.coupons.wallet.giving import GiveCommand
from ledger_service.coupons.wallet.models import coupon
from ledger_service.coupons.wallet.offering import CatalogueOffers
from ledger_service.coupons.wallet.requests import Asked, Giving
from ledger_service.members.models import member
from ledger_service.referrals.campaigns import service as campaigns
from ledger_service.referrals.campaigns.errors import ShareBudgetTooSmall, ShareTermsRefused
from ledger_service.referrals.campaigns.rules import Milestone
from ledger_service.referrals.campaigns.service import Budget, Said
from ledger_service.referrals.rewards.couponing import GiveCouponCommand, TakeCouponCommand
from ledger_service.referrals.rewards.models import share_reward
from tests.integration.checkout.shop import FUEL, GROCER, Phone, line
from tests.integration.checkout.test_races import at_once

from .sharing import Sharing, terms

BOTH = {"sharer_coupon": 7, "newcomer_coupon": 7, "newcomer_points": 50, "sharer_points": 0}
ALL_BACK = {"on_return": OnReturn.GIVE_BACK, "gift": GiftRule.ALLIANCE}


def brought(sharing: Sharing, days: int = 14, budget: Budget | None = None) -> tuple[Phone, Phone, str]:
    """A sharer, whom it brought, and that one's first purchase; each is to have a coupon of ten off."""
    sharing.coupons.publish(7, AmountOff(10), **ALL_BACK)
    sharing.campaign(terms(**BOTH, vest_days=days), budget=budget or Budget(1_000, 10, 5))
    ann = sharing.shop.enrol()
    ben = sharing.bring(ann)
    return ann, ben, sharing.buy(ben)


def states(sharing: Sharing) -> list[tuple[str, str, str]]:
    """Role, what it is paid in, and state of each reward."""
    r = share_reward.c
    with sharing.shop.database.read() as conn:
        rows = conn.execute(select(r.role, r.pays, r.state).order_by(r.role, r.pays))
        return [tuple(row) for row in rows]


def budget_used(sharing: Sharing) -> tuple[int, int, int]:
    c = campaigns.share_campaign.c
    with sharing.shop.database.read() as conn:
        return tuple(conn.execute(select(c.used_points, c.used_rewards, c.used_coupons)).one())


def reward_of(sharing: Sharing, phone: Phone) -> bytes:
    r = share_reward.c
    with sharing.shop.database.read() as conn:
        its = select(r.reward_id).where(r.member_id == phone.member_id, r.pays == "coupon")
        return bytes(conn.execute(its).scalar_one())


def held_by(sharing: Sharing, reward_id: bytes) -> Any:
    with sharing.shop.database.read() as conn:
        return conn.execute(select(coupon).where(coupon.c.coupon_id == reward_id)).one_or_none()


def use(sharing: Sharing, phone: Phone) -> str:
    """The member buys with whatever its wallet holds; the sale."""
    body = sharing.coupons.body(phone, line("1", 500))
    return str(sharing.coupons.sell(body, CouponWish(wallet=True))["sale_id"])


def test_both_have_their_coupon_once_and_only_when_the_days_are_over(sharing: Sharing) -> None:
    ann, ben, _ = brought(sharing)
    sharing.job()
    assert states(sharing) == [
        ("newcomer", "coupon", "due"), ("newcomer", "points", "granted"), ("sharer", "coupon", "due"),
    ]  # fmt: skip
    assert budget_used(sharing) == (50, 3, 2)
    assert sharing.count(coupon) == 0, "a coupon that could be used is given after the days alone"
    sharing.shop.clock.forward(days=14)
    sharing.job()
    sharing.job()
    assert sharing.count(coupon) == 2
    found = held_by(sharing, reward_of(sharing, ann))
    assert (found.holder, found.source, found.definition_id) == (ann.member_id, "share:SPRING", 7)
    sale = use(sharing, ben)
    assert [discount for _, discount in sharing.coupons.used()] == [10]
    assert sharing.coupons.state(reward_of(sharing, ben)) == "consumed"
    assert sale


def test_racing_jobs_give_one_coupon_and_take_it_once(sharing: Sharing) -> None:
    ann, _, sale = brought(sharing, days=0)
    at, offers = sharing.shop.clock.at, CatalogueOffers(sharing.coupons.cache)
    while sharing.rewards.follow(at):
        pass
    reward_id, writer = reward_of(sharing, ann), sharing.shop.writer
    give = [lambda: writer.submit(GiveCouponCommand(reward_id, offers, at))] * 4
    assert at_once(*give) == ["granted"] * 4
    assert sharing.count(coupon) == 1
    sharing.shop.refund(sale)
    take = [lambda: writer.submit(TakeCouponCommand(reward_id, at))] * 4
    assert at_once(*take) == ["clawed"] * 4
    assert held_by(sharing, reward_id).state == "void"
    sharing.job()
    assert budget_used(sharing) == (0, 0, 0)


def test_what_comes_back_before_the_days_never_becomes_a_coupon(sharing: Sharing) -> None:
    _, _, sale = brought(sharing)
    sharing.job()
    sharing.shop.refund(sale)
    sharing.job()
    sharing.shop.clock.forward(days=30)
    sharing.job()
    assert sharing.count(coupon) == 0
    assert {state for _, pays, state in states(sharing) if pays == "coupon"} == {"void"}
    assert budget_used(sharing) == (0, 0, 0)


def test_nothing_is_given_for_goods_that_came_back_before_their_turn(sharing: Sharing) -> None:
    _, _, sale = brought(sharing)
    sharing.rewards.follow(sharing.shop.clock.at)
    sharing.shop.refund(sale)
    sharing.shop.clock.forward(days=30)
    sharing.rewards.pay_due(sharing.shop.clock.at)
    assert (sharing.count(coupon), {state for _, _, state in states(sharing)}) == (0, {"void"})
    assert budget_used(sharing) == (0, 0, 0)


def test_a_used_coupon_is_left_and_taken_after_all_when_its_own_sale_comes_back(sharing: Sharing) -> None:
    ann, ben, sale = brought(sharing, days=0)
    sharing.job()
    second = use(sharing, ben)
    sharing.shop.refund(sale)
    sharing.job()
    assert states(sharing) == [
        ("newcomer", "coupon", "left"), ("newcomer", "points", "clawed"), ("sharer", "coupon", "clawed"),
    ]  # fmt: skip
    assert budget_used(sharing) == (0, 1, 1), "what was used stays spent"
    with pytest.raises(ShareBudgetTooSmall):
        sharing.set_budget(Budget(0, 1, 0))
    sharing.coupons.refund(second)
    sharing.job()
    assert held_by(sharing, reward_of(sharing, ben)).state == "void"
    assert budget_used(sharing) == (0, 0, 0)
    assert sharing.coupons.state(reward_of(sharing, ann)) == "void"


def test_a_coupon_that_was_given_on_is_the_friends_and_one_that_comes_home_is_taken(sharing: Sharing) -> None:
    ann, _, sale = brought(sharing, days=0)
    sharing.job()
    friend, reward_id = sharing.shop.enrol(), reward_of(sharing, ann)
    give(sharing, ann, friend, reward_id)
    sharing.shop.refund(sale)
    sharing.job()
    assert sharing.coupons.state(reward_id) == "available"
    give(sharing, friend, ann, reward_id)
    sharing.job()
    assert sharing.coupons.state(reward_id) == "void"


def give(sharing: Sharing, giver: Phone, to: Phone, coupon_id: bytes) -> None:
    asked = Asked("member:1", sharing.shop.clock.at)
    offers = CatalogueOffers(sharing.coupons.cache)
    giving = Giving(giver.number, coupon_id, to.number)
    sharing.shop.writer.submit(GiveCommand(giving, offers, asked))


def test_no_coupon_more_than_the_budget_is_promised(sharing: Sharing) -> None:
    brought(sharing, budget=Budget(1_000, 10, 3))
    other = sharing.bring(sharing.shop.enrol())
    sharing.buy(other)
    sharing.job()
    assert sharing.outcomes() == ["rewarded", "budget-exhausted"]
    assert budget_used(sharing) == (50, 3, 2)
    with pytest.raises(IntegrityError), sharing.shop.database.begin() as conn:
        conn.execute(update(campaigns.share_campaign).values(used_coupons=4))
    with sharing.shop.database.read() as conn:
        row = conn.execute(select(share_reward).where(share_reward.c.pays == "coupon")).mappings().first()
    for wrong in ({"definition_id": None}, {"pays": "points"}, {"points": 5}, {"definition_id": 99}):
        with pytest.raises(IntegrityError), sharing.shop.database.begin() as conn:
            conn.execute(insert(share_reward).values({**(row or {}), "reward_id": bytes(16), **wrong}))


def test_milestones_and_who_brought_the_sharer_have_coupons_too(sharing: Sharing) -> None:
    sharing.coupons.publish(7, AmountOff(10), **ALL_BACK)
    gifts = {"second_coupon": 7, "milestones": (Milestone(1, 0, 7),), "newcomer_points": 0}
    sharing.campaign(terms(**gifts, vest_days=0), budget=Budget(1_000, 10, 2))
    ann = sharing.shop.enrol()
    ben = sharing.bring(ann)
    sale = sharing.buy(sharing.bring(ben))
    sharing.job()
    given = [
        ("milestone", "coupon", "granted"),
        ("second", "coupon", "granted"),
        ("sharer", "points", "granted"),
    ]
    assert (states(sharing), budget_used(sharing)[1:]) == (given, (3, 2))
    assert held_by(sharing, reward_of(sharing, ann)).holder == ann.member_id
    assert held_by(sharing, reward_of(sharing, ben)).holder == ben.member_id
    sharing.shop.refund(sale)
    sharing.job()
    assert ({state for _, _, state in states(sharing)}, budget_used(sharing)) == ({"clawed"}, (0, 0, 0))


@pytest.mark.parametrize("why", ["frozen", "withdrawn", "erased", "household"])
def test_what_cannot_be_given_waits_or_is_refused(sharing: Sharing, why: str) -> None:
    ann, _, _ = brought(sharing, days=0)
    stopped: dict[str, Callable[[], Any]] = {
        "frozen": lambda: update(member).values(status="frozen"),
        "erased": lambda: update(member).values(status="erased"),
        "household": lambda: update(member).values(household=True),
        "withdrawn": lambda: update(coupon_definition).values(withdrawn_at=sharing.shop.clock.at,
                                                              withdrawn_by="x"),
    }  # fmt: skip
    with sharing.shop.database.begin() as conn:
        change = stopped[why]()
        mine = member.c.member_id == ann.member_id
        conn.execute(change if why == "withdrawn" else change.where(mine))
        next_number(conn)
    sharing.coupons.cache.refresh()
    sharing.job()
    state = {role: state for role, pays, state in states(sharing) if pays == "coupon"}["sharer"]
    assert (state, held_by(sharing, reward_of(sharing, ann))) == (
        "due" if why in ("frozen", "withdrawn") else "refused", None,
    )  # fmt: skip
    if why == "frozen":
        with sharing.shop.database.begin() as conn:
            conn.execute(update(member).values(status="active"))
        sharing.shop.clock.forward(hours=1)
        sharing.job()
        assert sharing.count(coupon) == 2


def test_a_held_coupon_that_is_released_still_waits_for_its_days(sharing: Sharing) -> None:
    ann, _, _ = brought(sharing)
    sharing.job()
    with sharing.shop.database.begin() as conn:
        conn.execute(update(share_reward).where(share_reward.c.pays == "coupon").values(state="held"))
    reward_id = reward_of(sharing, ann)
    assert sharing.step(reward_id, "release") == "due"
    sharing.job()
    assert sharing.count(coupon) == 0
    sharing.shop.clock.forward(days=14)
    sharing.job()
    assert held_by(sharing, reward_id).holder == ann.member_id


def test_only_the_funders_own_coupon_at_its_own_cost_is_promised(sharing: Sharing) -> None:
    shared = (Share(GROCER, 5_000), Share(FUEL, 5_000))
    sharing.coupons.publish(7, AmountOff(10))
    sharing.coupons.publish(8, AmountOff(10), funders=shared)
    for wrong in (8, 9):
        with pytest.raises(ShareTermsRefused):
            sharing.campaign(terms(newcomer_coupon=wrong), code=f"C{wrong}")
    sharing.campaign(terms(newcomer_coupon=7, newcomer_points=0, sharer_points=0))
    said = Said("merchant:ann", sharing.shop.clock.at + timedelta(hours=1))
    with pytest.raises(ShareTermsRefused):
        sharing.shop.writer.run(lambda conn: campaigns.revise(conn, "SPRING", terms(sharer_coupon=8), said))
