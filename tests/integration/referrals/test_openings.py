"""What the chain is told of campaigns, and who waits for that: budgets, ends, depths, suspended merchants."""

from __future__ import annotations

import pytest
from sqlalchemy import select, update

from ledger_service.db.engine import Database
from ledger_service.kernel.campaign_operations import (
    OpenCampaign,
)
from ledger_service.kernel.clock import seconds_floor
from ledger_service.kernel.intents import readable_operation
from ledger_service.kernel.operations import IssueReason
from ledger_service.merchants.models import merchant
from ledger_service.outbox.beside.models import beside_intent
from ledger_service.outbox.models import intent
from ledger_service.referrals.campaigns import service as campaigns
from ledger_service.referrals.campaigns.errors import ShareTermsRefused
from ledger_service.referrals.campaigns.models import share_campaign
from ledger_service.referrals.campaigns.service import Budget, Said
from ledger_service.referrals.rewards.models import share_reward
from ledger_service.referrals.rewards.opening import to_open
from ledger_service.referrals.rewards.rules import SAID, UNSAID
from tests.integration.checkout.shop import GROCER, Shop, lots_equal_postings

from .promised import CampaignChain, rounds, sold, stands, states
from .sharing import Sharing, terms


@pytest.fixture
def sharing(promising: Sharing) -> Sharing:
    return promising


def test_the_chain_hears_of_a_greater_budget_and_of_the_end_and_of_no_smaller_budget(
    sharing: Sharing, chain: CampaignChain
) -> None:
    sharing.campaign(budget=Budget(150, 10))
    ann = sharing.shop.enrol()
    sharing.job()
    chain.take()
    for points in (100, 300, 200):
        sharing.set_budget(Budget(points, 10))
        rounds(sharing, chain, 2)
    assert (stands(sharing), [one.budget for one in chain.heard]) == ((0, 300), [150, 300])
    friend = sharing.bring(ann)
    sale_before = sharing.buy(friend)
    said = Said("merchant:ann", sharing.shop.clock.at.replace(microsecond=1))
    sharing.shop.writer.run(lambda conn: campaigns.end(conn, "SPRING", said))
    rounds(sharing, chain, 4)
    assert [one for one in chain.heard if isinstance(one, OpenCampaign)][2].ends == seconds_floor(said.at) + 1
    assert sale_before
    assert chain.sums() == [(150, 0, 150)]


def test_what_waits_for_the_chains_answer_holds_up_no_new_campaign(sharing: Sharing) -> None:
    sharing.campaign(code="FIRST")
    sharing.job()
    sharing.campaign(code="LATER")
    with sharing.shop.database.read() as conn:
        (told,) = to_open(conn, 1)
        code = conn.execute(select(share_campaign.c.code).where(share_campaign.c.campaign_id == told))
        assert (code.scalar_one(), len(to_open(conn))) == ("LATER", 2)


def test_a_campaign_that_pays_coupons_alone_is_told_once_it_has_a_budget_of_points(
    sharing: Sharing, chain: CampaignChain
) -> None:
    sharing.campaign(budget=Budget(0, 10))
    rounds(sharing, chain, 2)
    assert chain.heard == []
    sharing.set_budget(Budget(500, 10))
    rounds(sharing, chain, 2)
    assert [one.budget for one in chain.heard] == [500]


def test_no_version_goes_deeper_than_the_chain_was_told(sharing: Sharing, chain: CampaignChain) -> None:
    sharing.campaign()
    said, deep = Said("merchant:ann", sharing.shop.clock.at), terms(second_points=20)
    run = sharing.shop.writer.run
    assert run(lambda conn: campaigns.revise(conn, "SPRING", deep, said)) == 2
    rounds(sharing, chain, 2)
    with pytest.raises(ShareTermsRefused) as approved:
        run(lambda conn: campaigns.decide(conn, "SPRING", Said("merchant:bob", said.at), approve=True))
    run(lambda conn: campaigns.decide(conn, "SPRING", Said("merchant:bob", said.at), approve=False))
    with pytest.raises(ShareTermsRefused) as revised:
        run(lambda conn: campaigns.revise(conn, "SPRING", deep, said))
    assert approved.value.reason == revised.value.reason == "deeper-than-opened"


def test_rewards_of_before_the_desk_stay_earns_and_their_campaign_is_opened_for_the_next(
    database: Database, chain: CampaignChain
) -> None:
    shop = Shop(database)
    shop.found()
    old, new = Sharing(shop), Sharing(shop, promises=True)
    old.campaign(terms(vest_days=3))
    ann, _, sale = sold(old)
    new.buy(new.bring(ann))
    rounds(new, chain, 4)
    assert states(new) == {("granted", None), ("granted", SAID)}
    shop.clock.forward(days=4)
    rounds(new, chain, 2)
    with database.read() as conn:
        made = {row.op_id: readable_operation(row.payload) for row in conn.execute(select(intent))}
        rows = conn.execute(select(share_reward)).all()
    reasons = {row.promise: made[row.reward_id].reason for row in rows}
    assert reasons == {None: IssueReason.EARN, SAID: IssueReason.REWARD}
    shop.refund(sale)
    rounds(new, chain, 4)
    assert chain.sums() == [(150, 0, 150)], "what was never promised is not returned"
    shop.close()
    lots_equal_postings(shop)


def test_a_suspended_merchant_promises_and_returns_nothing_until_it_is_free(
    sharing: Sharing, chain: CampaignChain
) -> None:
    sharing.campaign()
    ann, _, sale = sold(sharing)
    rounds(sharing, chain)
    sharing.shop.refund(sale)
    with sharing.shop.database.begin() as conn:
        conn.execute(update(merchant).where(merchant.c.merchant_id == GROCER).values(status="suspended"))
    heard = len(chain.heard)
    rounds(sharing, chain, 3)
    assert len(chain.heard) == heard
    with sharing.shop.database.begin() as conn:
        conn.execute(update(merchant).where(merchant.c.merchant_id == GROCER).values(status="active"))
    rounds(sharing, chain, 3)
    assert chain.sums() == [(150, 150, 150)]
    assert sharing.shop.balance(ann, 1) == 0


def test_what_the_chain_holds_back_blocks_no_other_campaign(sharing: Sharing, chain: CampaignChain) -> None:
    sharing.campaign(budget=Budget(150, 10))
    sold(sharing)
    rounds(sharing, chain, 1)
    with sharing.shop.database.begin() as conn:
        conn.execute(update(share_campaign).values(stands_points=150))
    sharing.campaign(terms(vest_days=1), code="AUTUMN")
    friend = sharing.bring(sharing.shop.enrol(), "AUTUMN")
    sharing.buy(friend)
    rounds(sharing, chain, 4)
    with sharing.shop.database.read() as conn:
        waits = conn.execute(select(beside_intent.c.op_id).where(beside_intent.c.state == "queued")).all()
    assert waits == []
    assert states(sharing) == {("due", UNSAID), ("granted", SAID)}


def test_a_campaign_whose_programme_is_not_registered_yet_is_told_until_it_is(
    sharing: Sharing, chain: CampaignChain
) -> None:
    chain.refusing[OpenCampaign] = ["CampaignInvalid()"] * 3
    sharing.campaign()
    ann, _, _ = sold(sharing)
    rounds(sharing, chain, 3)
    assert len(chain.heard) == 2, "once more at once, then later and later"
    for minutes in (2, 6):
        sharing.shop.clock.forward(minutes=minutes)
        rounds(sharing, chain, 3)
    rounds(sharing, chain, 2)
    assert len({one.op_id for one in chain.heard if isinstance(one, OpenCampaign)}) == 4
    assert sharing.shop.balance(ann, 1) == 100
