"""From the shared link to the points and back, on a real database; each thing once, whoever races."""

from __future__ import annotations

import pytest
from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError

from ledger_service.kernel.ids import derive_id
from ledger_service.ledger.models import entry
from ledger_service.outbox.models import intent
from ledger_service.points.errors import SecondPersonNeeded
from ledger_service.referrals.campaigns import service as campaigns
from ledger_service.referrals.campaigns.errors import (
    ShareBudgetTooSmall,
    ShareCampaignStateWrong,
    ShareTermsRefused,
)
from ledger_service.referrals.campaigns.models import share_campaign_version
from ledger_service.referrals.campaigns.rules import Touch, Trigger
from ledger_service.referrals.campaigns.service import Budget, NewCampaign, Said
from ledger_service.referrals.links.binding import breaks, commitments_after
from ledger_service.referrals.links.errors import (
    ShareLinkEnded,
    ShareLinkUnknown,
    ShareOwnLink,
    ShareTouchUnknown,
)
from ledger_service.referrals.links.models import share_commitment, share_tie, share_touch
from ledger_service.referrals.rewards.models import share_reward
from tests.integration.checkout.shop import FUEL, GROCER
from tests.integration.checkout.test_items import Brand
from tests.integration.checkout.test_races import at_once

from .sharing import TERMS, Sharing, terms


def test_a_friends_first_purchase_pays_both_once_and_a_second_one_nothing(sharing: Sharing) -> None:
    sharing.campaign()
    ann = sharing.shop.enrol()
    ben = sharing.bring(ann)
    sharing.buy(ben)
    sharing.job()
    assert sharing.paid() == [
        ("newcomer", ben.member_id, 50, "granted"), ("sharer", ann.member_id, 100, "granted"),
    ]  # fmt: skip
    assert sharing.shop.balance(ann, 1) == 100
    assert sharing.shop.balance(ben, 1) == 50 + 10
    sharing.buy(ben)
    sharing.job()
    sharing.job()
    assert sharing.outcomes() == ["rewarded", "trigger-not-met"]
    assert (sharing.shop.balance(ann, 1), sharing.used()) == (100, (150, 2))
    with sharing.shop.database.read() as conn:
        ids = set(conn.execute(select(intent.c.op_id)).scalars())
    assert {sharing.reward("sharer").reward_id, sharing.reward("newcomer").reward_id} <= ids


def test_enrolling_alone_pays_nobody(sharing: Sharing) -> None:
    sharing.campaign()
    sharing.bring(sharing.shop.enrol())
    sharing.job()
    assert (sharing.paid(), sharing.outcomes()) == ([], [])


def test_the_database_itself_refuses_a_third_level_and_a_reward_without_a_sale(sharing: Sharing) -> None:
    """INV-14 holds against our own code too."""
    sharing.campaign(terms(second_points=20))
    ann = sharing.shop.enrol()
    ben = sharing.bring(ann)
    cid = sharing.bring(ben)
    sharing.buy(cid)
    sharing.job()
    assert ("second", ann.member_id, 20, "granted") in sharing.paid()
    row = sharing.reward("second")._mapping
    for change in ({"depth": 3}, {"sale_id": None}, {"depth": 1}, {"points": 0}):
        with pytest.raises(IntegrityError), sharing.shop.database.begin() as conn:
            conn.execute(insert(share_reward).values({**row, "reward_id": bytes(16), **change}))
    version = {"campaign_id": row["campaign_id"], "version": 2, "body": "", "state": "draft", "asked_by": "a"}
    for wrong in ({"depth": 3, "trigger_kind": "basket"}, {"depth": 1, "trigger_kind": "enrolment"}):
        values = {**version, **wrong, "asked_at": sharing.shop.clock.at}
        with pytest.raises(IntegrityError), sharing.shop.database.begin() as conn:
            conn.execute(insert(share_campaign_version).values(values))


def test_a_reward_waits_out_its_days_and_goes_back_with_the_goods_while_pending(sharing: Sharing) -> None:
    sharing.campaign(terms(vest_days=14))
    ann = sharing.shop.enrol()
    ben = sharing.bring(ann)
    sale = sharing.buy(ben)
    sharing.job()
    assert (sharing.shop.balance(ann, 1), sharing.shop.balance(ann, 1, "pending")) == (0, 100)
    sharing.shop.refund(sale, [("1", 1)])
    sharing.job()
    assert sharing.shop.balance(ann, 1, "pending") == 100, "half of the goods is still a purchase"
    sharing.shop.refund(sale, [("1", 1)])
    sharing.job()
    assert (sharing.shop.balance(ann, 1, "pending"), sharing.used()) == (0, (0, 0))
    assert [state for *_, state in sharing.paid()] == ["clawed", "clawed"]
    sharing.shop.clock.forward(days=15)
    sharing.job()
    assert (sharing.shop.balance(ann, 1), sharing.shop.balance(ben, 1)) == (0, 0)


def test_vested_points_come_on_the_day_and_spent_ones_become_a_debt_once(sharing: Sharing) -> None:
    sharing.campaign(terms(vest_days=14))
    ann = sharing.shop.enrol()
    ben = sharing.bring(ann)
    sale = sharing.buy(ben)
    sharing.job()
    sharing.shop.clock.forward(days=14)
    sharing.job()
    assert sharing.shop.balance(ann, 1) == 100
    # Sixty of them are spent, then the friend's goods come back.
    sharing.shop.sell(ann, {"line": "1", "category": "FOOD", "quantity": 1, "amount_minor": 60},
                      spend=[{"programme": "GROC", "points": 60}])  # fmt: skip
    sharing.shop.refund(sale)
    sharing.job()
    sharing.job()
    assert sharing.shop.balance(ann, 1) == 0
    with sharing.shop.database.read() as conn:
        kinds = list(conn.execute(select(entry.c.kind).order_by(entry.c.sequence)).scalars())
    assert (kinds.count("clawback"), kinds.count("debt")) == (3, 1)
    # The debt is collected from what is earned next.
    sharing.shop.stock(ann, 1, 70)
    assert sharing.shop.balance(ann, 1) == 10


def test_a_budget_is_never_exceeded_by_a_unit_and_what_goes_back_can_be_promised_again(
    sharing: Sharing,
) -> None:
    sharing.campaign(budget=Budget(299, 10))
    ann = sharing.shop.enrol()
    friends = [sharing.bring(ann) for _ in range(3)]
    sales = [sharing.buy(friend) for friend in friends]
    sharing.job()
    assert sharing.outcomes() == ["rewarded", "budget-exhausted", "budget-exhausted"]
    assert sharing.used() == (150, 2)
    sharing.shop.refund(sales[0])
    sharing.job()
    assert sharing.used() == (0, 0)
    sharing.buy(sharing.bring(ann))
    sharing.job()
    with pytest.raises(ShareBudgetTooSmall):
        sharing.set_budget(Budget(149, 10))
    sharing.set_budget(Budget(150, 2))


def test_two_at_once_never_promise_more_than_the_budget(sharing: Sharing) -> None:
    sharing.campaign(budget=Budget(1_000, 3))
    campaign_id = derive_id("share campaign", "SPRING")
    database = sharing.shop.database

    def take() -> bool:
        with database.begin() as conn:
            budgets = campaigns.Budgets(conn, [campaign_id])
            taken = budgets.take(campaign_id, Budget(400, 1))
            budgets.write()
            return taken

    taken = at_once(*[take] * 5)
    assert sorted(taken) == [False, False, False, True, True]
    assert sharing.used() == (800, 2)


def test_terms_need_a_second_person_and_a_state_that_fits(sharing: Sharing) -> None:
    run, at = sharing.shop.writer.run, sharing.shop.clock.at
    ann, bob = Said("merchant:ann", at), Said("merchant:bob", at)
    new = NewCampaign("SPRING", GROCER, "GROC", "n", TERMS, Budget(10, 10))
    with pytest.raises(ShareTermsRefused):
        run(lambda conn: campaigns.ask(conn, NewCampaign("X", FUEL, "GROC", "n", TERMS, new.budget), ann))
    run(lambda conn: campaigns.ask(conn, new, ann))
    with pytest.raises(SecondPersonNeeded):
        run(lambda conn: campaigns.decide(conn, "SPRING", ann, approve=True))
    with pytest.raises(ShareCampaignStateWrong):
        run(lambda conn: campaigns.go_live(conn, "SPRING", ann))
    assert run(lambda conn: campaigns.decide(conn, "SPRING", bob, approve=False)) == "draft"
    assert run(lambda conn: campaigns.revise(conn, "SPRING", TERMS, ann)) == 2
    assert run(lambda conn: campaigns.decide(conn, "SPRING", bob, approve=True)) == "approved"
    run(lambda conn: campaigns.go_live(conn, "SPRING", ann))
    run(lambda conn: campaigns.end(conn, "SPRING", ann))
    with pytest.raises(ShareCampaignStateWrong):
        run(lambda conn: campaigns.revise(conn, "SPRING", TERMS, ann))


def test_a_forged_ended_own_or_machines_touch_brings_nobody(sharing: Sharing) -> None:
    sharing.campaign()
    ann = sharing.shop.enrol()
    code = sharing.link(ann)
    assert sharing.link(ann) == code
    forged = code[:-1] + ("0" if code[-1] != "0" else "1")
    with pytest.raises(ShareLinkUnknown):
        sharing.touch(forged)
    with pytest.raises(ShareLinkUnknown):
        sharing.touch(sharing.links.codes.code_of(b"never"))
    with pytest.raises(ShareOwnLink):
        sharing.bind(sharing.touch(code), ann)
    with pytest.raises(ShareTouchUnknown):
        sharing.bind(sharing.touch(code, "WhatsApp/2.23"), sharing.shop.enrol())
    mine = sharing.touch(code)
    ben = sharing.shop.enrol()
    assert sharing.bind(mine, ben) == sharing.bind(mine, ben) == 1
    with pytest.raises(ShareTouchUnknown):
        sharing.bind(mine, sharing.shop.enrol())
    at = sharing.shop.clock.at
    sharing.shop.writer.run(lambda conn: sharing.links.end(conn, code, ann.member_id, at))
    with pytest.raises(ShareLinkEnded):
        sharing.touch(code)
    assert sharing.count(share_touch) == 3


def test_who_came_last_or_first_is_committed_before_the_sale_and_the_chain_shows_it(sharing: Sharing) -> None:
    sharing.campaign(terms(touch=Touch.FIRST, vest_days=0))
    ann, ben, cid = (sharing.shop.enrol() for _ in range(3))
    for sharer in (ann, ben):
        sharing.bind(sharing.touch(sharing.link(sharer)), cid, newcomer=sharer is ann)
        sharing.shop.clock.forward(hours=1)
    sharing.buy(cid)
    sharing.job()
    assert ("sharer", ann.member_id, 100, "granted") in sharing.paid()
    with sharing.shop.database.read() as conn:
        links = commitments_after(conn, 0, 10)
        assert breaks(links, bytes(32)) == []
        assert [link.number for link in links] == [1, 2]
        assert conn.execute(select(share_tie.c.sharer_id)).scalar_one() == ann.member_id
    with pytest.raises(IntegrityError), sharing.shop.database.begin() as conn:
        conn.execute(update(share_commitment).values(commitment=bytes(32)))


def test_touches_of_several_devices_count_once_and_after_the_sale_nothing_counts(sharing: Sharing) -> None:
    sharing.campaign()
    ann = sharing.shop.enrol()
    ben = sharing.bring(ann)
    sharing.bind(sharing.touch(sharing.link(ann)), ben, newcomer=False)
    sale = sharing.buy(ben)
    dan = sharing.shop.enrol()
    sharing.shop.clock.forward(minutes=1)
    sharing.bind(sharing.touch(sharing.link(dan)), ben, newcomer=False)
    sharing.job()
    assert len(sharing.paid()) == 2, "the device that came second adds nothing"
    assert sharing.reward("sharer").member_id == ann.member_id
    assert sharing.reward("sharer").sale_id.hex() == sale


def test_old_customers_are_no_first_purchase(sharing: Sharing) -> None:
    sharing.campaign()
    ann, old = sharing.shop.enrol(), sharing.shop.enrol()
    sharing.buy(old)
    sharing.bind(sharing.touch(sharing.link(ann)), old, newcomer=False)
    sharing.shop.clock.forward(hours=1)
    sharing.buy(old)
    sharing.job()
    assert sharing.outcomes() == ["trigger-not-met"]


def test_an_item_that_a_newcomer_scans_is_rewarded_once_and_no_sale_is(sharing: Sharing) -> None:
    sharing.campaign(terms(trigger=Trigger.ITEM_SCAN, second_points=20))
    brand, ann = Brand(sharing.shop), sharing.shop.enrol()
    brand.offer(5)
    ben = sharing.bring(ann)
    cid = sharing.bring(ben)
    brand.claim(ann, 1)
    sharing.buy(cid)
    sharing.job()
    assert (sharing.outcomes(), sharing.paid()) == ([], []), "a sale is no scan, and Ann followed nobody"
    brand.claim(cid, 0)
    sharing.job()
    sharing.job()
    given = {("newcomer", cid.member_id), ("sharer", ben.member_id), ("second", ann.member_id)}
    paid = sharing.paid()
    assert {(role, who) for role, who, _, state in paid if state == "granted"} == given
    assert sharing.used() == (170, 3)
    brand.take_back(0)
    sharing.job()
    assert ({state for *_, state in sharing.paid()}, sharing.used()) == ({"clawed"}, (0, 0))
    assert sharing.shop.balance(ann, 1) == 5, "what Ann's own item gave is hers"


def test_a_refers_b_refers_a_pays_once(sharing: Sharing) -> None:
    sharing.campaign(terms(trigger=Trigger.BASKET, least_minor=1, second_points=30))
    ann = sharing.shop.enrol()
    ben = sharing.bring(ann)
    sharing.buy(ben)
    sharing.bind(sharing.touch(sharing.link(ben)), ann, newcomer=False)
    sharing.shop.clock.forward(hours=1)
    sharing.buy(ann)
    sharing.job()
    assert sharing.outcomes() == ["rewarded", "circle"]
