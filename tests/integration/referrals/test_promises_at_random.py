"""Whatever happens in whichever order, ledger and chain agree on what stands promised."""

from __future__ import annotations

from random import Random

import pytest
from sqlalchemy import select

from ledger_service.db.engine import Database
from ledger_service.kernel.campaign_operations import OpenCampaign, PromiseReward, ReturnReward
from ledger_service.referrals.campaigns.models import share_campaign
from ledger_service.referrals.campaigns.rules import Terms
from ledger_service.referrals.campaigns.service import Budget
from ledger_service.referrals.rewards.models import share_reward
from ledger_service.referrals.rewards.rules import SAID
from tests.integration.checkout.shop import Phone, Shop, lots_equal_postings

from .promised import CampaignChain
from .sharing import Sharing, terms

STEPS = 70
PASSING = ("OperationTooLate()", "OperationMerchantSuspended()")


class Days:
    """A sharing town over some days: each step is one of what may happen next."""

    def __init__(self, shop: Shop, seed: int) -> None:
        self.sharing, self.chain = Sharing(shop, promises=True), CampaignChain(shop.database)
        self.random, self.sales = Random(seed), list[str]()
        self.sharing.campaign(self._terms(), budget=Budget(450, 100))
        self.people: list[Phone] = [shop.enrol(), shop.enrol()]

    def _terms(self) -> Terms:
        """Nothing is suspicious here."""
        return terms(vest_days=self.random.choice((0, 1)), most_a_day=1_000, burst_hour=1_000)

    def step(self) -> None:
        acts = (
            self.sell, self.sell, self.give_back, self.a_job, self.a_job, self.a_job, self.the_chain,
            self.the_chain, self.wait, self.change_budget, self.bad_moment,
        )  # fmt: skip
        self.random.choice(acts)()
        self.check()

    def sell(self) -> None:
        friend = self.sharing.bring(self.random.choice(self.people))
        self.people.append(friend)
        self.sales.append(self.sharing.buy(friend))

    def give_back(self) -> None:
        if self.sales:
            self.sharing.shop.refund(self.sales.pop(self.random.randrange(len(self.sales))))

    def a_job(self) -> None:
        rewards, at = self.sharing.rewards, self.sharing.shop.clock.at
        jobs = (rewards.follow, rewards.take_back, rewards.pay_due, rewards.tell_chain)
        self.random.choice(jobs)(at)
        if not self.random.randrange(3):
            self.sharing.points.vest_due(at)

    def the_chain(self) -> None:
        if self.random.randrange(2):
            self.chain.take(self.random.randint(1, 4))
        else:
            self.chain.issue()

    def wait(self) -> None:
        self.sharing.shop.clock.forward(hours=self.random.choice((1, 30)))

    def change_budget(self) -> None:
        used = self.sharing.used()[0]
        self.sharing.set_budget(Budget(used + self.random.choice((150, 300, 600)), 100))

    def bad_moment(self) -> None:
        kind = self.random.choice((OpenCampaign, PromiseReward, ReturnReward))
        self.chain.refusing.setdefault(kind, []).append(self.random.choice(PASSING))

    def check(self) -> None:
        """INV-14, and that the ledger never counts less than the chain."""
        c = share_campaign.c
        columns = (c.used_points, c.most_points, c.stands_points, c.open_points, c.told_points)
        with self.sharing.shop.database.read() as conn:
            used, most, stands, opened, told = conn.execute(select(*columns)).one()
        assert used <= most
        assert stands <= opened <= told
        for one in self.chain.campaigns.values():
            assert one.promised - one.returned <= stands <= one.told.budget

    def settle(self) -> None:
        self.chain.refusing.clear()
        for _ in range(12):
            self.sharing.job()
            self.chain.take()
            self.chain.issue()
            self.sharing.shop.clock.forward(hours=4)
            self.check()


SEEDS = [*range(1, 7), *(pytest.param(n, marks=pytest.mark.deep) for n in range(7, 60))]


@pytest.mark.parametrize("seed", SEEDS)
def test_ledger_and_chain_agree_on_what_stands_promised(database: Database, seed: int) -> None:
    shop = Shop(database)
    shop.found()
    days = Days(shop, seed)
    for _ in range(STEPS):
        days.step()
    days.settle()
    r = share_reward.c
    with database.read() as conn:
        rows = conn.execute(select(r.state, r.promise, r.points, r.reward_id)).all()
    assert rows
    assert {(row.state, row.promise) for row in rows} <= {
        ("granted", SAID), ("void", "unsaid"), ("void", "back"), ("clawed", "back"),
    }  # fmt: skip
    standing = {row.reward_id: row.points for row in rows if row.state == "granted"}
    (campaign,) = days.chain.campaigns.values()
    assert campaign.promised - campaign.returned == sum(standing.values()) == days.sharing.used()[0]
    issued = {reward for reward, (_, state) in days.chain.rewards.items() if state == "issued"}
    assert issued == standing.keys()
    returns = [one.reward for one in days.chain.heard if isinstance(one, ReturnReward)]
    # Of a promise that the chain refused, and that nobody made again, there is nothing to return.
    back = {row.reward_id for row in rows if row.promise == "back"}
    assert set(returns) == back & days.chain.rewards.keys()
    shop.close()
    lots_equal_postings(shop)
