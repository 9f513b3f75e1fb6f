"""Vesting, expiry, gifts, adjustments and what the chain refused, on both databases."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select, text

from ledger_service.checkout.errors import NotEnoughPoints, ProgrammeFrozenForMember
from ledger_service.kernel.clock import instant_of_seconds, seconds_floor
from ledger_service.kernel.events import OperationSetAside
from ledger_service.kernel.intents import operation_of
from ledger_service.kernel.operations import Clawback, Expire, Gift, Issue, IssueReason, Kind, Operation
from ledger_service.kernel.permits import GiftPermit, nonce_of
from ledger_service.kernel.points import Leg
from ledger_service.kernel.secp256k1 import keccak256, sign_digest
from ledger_service.ledger.errors import InsufficientPoints
from ledger_service.ledger.models import lot
from ledger_service.outbox.models import intent
from ledger_service.points import programmes
from ledger_service.points.adjustments import Asked, Decision
from ledger_service.points.errors import (
    AdjustmentDecided,
    AdjustmentLimitReached,
    GiftPermitInvalid,
    GiftRefused,
    NoticeTooShort,
    SecondPersonNeeded,
    TermsOutOfOrder,
)
from ledger_service.points.models import pending_issue
from ledger_service.points.requests import AskAdjustment, GiftRequest
from ledger_service.points.rules import EarnRule, Terms
from ledger_service.points.service import PointsService
from tests.integration.checkout.shop import DOMAIN, FUEL, GROCER, Phone, Shop, line
from tests.integration.points.refusals import refuse


def operations(shop: Shop) -> list[Operation]:
    with shop.database.read() as conn:
        payloads = conn.execute(select(intent.c.payload).order_by(intent.c.intent_id)).scalars()
        return [operation_of(payload) for payload in payloads]


def make_pending(shop: Shop, days: int) -> None:
    with shop.database.begin() as conn:
        programmes.set_pending_days(conn, "GROC", days)
    shop.catalogue.refresh()


def epoch_end(shop: Shop) -> tuple[int, int]:
    with shop.database.read() as conn:
        epoch = int(conn.execute(select(lot.c.epoch).where(lot.c.programme_id == 1)).scalars().first() or 0)
    return epoch, shop.catalogue.current().programmes[1].epoch_ends[epoch - 1]


def test_pending_points_reach_the_chain_only_when_they_vest(shop: Shop, points: PointsService) -> None:
    make_pending(shop, 14)
    phone = shop.enrol()
    sale = shop.sell(phone, line("1", 5_000))
    assert sale["earned"][0]["state"] == "pending"
    assert (shop.balance(phone, 1), shop.balance(phone, 1, "pending"), operations(shop)) == (0, 50, [])
    shop.clock.forward(days=14, seconds=-1)
    assert points.vest_due(shop.clock.at) == 0
    shop.clock.forward(seconds=1)
    assert points.vest_due(shop.clock.at) == 1
    assert points.vest_due(shop.clock.at) == 0
    assert (shop.balance(phone, 1), shop.balance(phone, 1, "pending")) == (50, 0)
    (issue,) = operations(shop)
    assert isinstance(issue, Issue)
    assert (issue.leg.amount, issue.accepted_at) == (50, seconds_floor(shop.clock.at))


def test_a_refund_before_vesting_takes_the_promise_back_and_the_chain_never_hears_of_it(
    shop: Shop, points: PointsService
) -> None:
    make_pending(shop, 14)
    phone = shop.enrol()
    sale = shop.sell(phone, line("1", 5_000, 2))
    refund = shop.refund(sale["sale_id"], [("1", 1)])
    assert refund["clawed"] == [{"programme": "GROC", "points": 25, "from": "pending"}]
    assert operations(shop) == []
    shop.clock.forward(days=15)
    assert points.vest_due(shop.clock.at) == 1
    assert shop.balance(phone, 1) == 25
    second = shop.refund(sale["sale_id"])
    assert second["clawed"] == [{"programme": "GROC", "points": 25, "from": "available"}]
    issue, clawback = operations(shop)
    assert isinstance(clawback, Clawback) and clawback.original_leaf == issue.leaf()
    with shop.database.read() as conn:
        states = conn.execute(select(pending_issue.c.state)).scalars().all()
    assert states == ["vested"]


def test_points_expire_after_their_epoch_once_and_never_before(shop: Shop, points: PointsService) -> None:
    phones = [shop.enrol() for _ in range(3)]
    for phone in phones:
        shop.stock(phone, 1, 40)
    epoch, end = epoch_end(shop)
    assert points.expire_due(instant_of_seconds(end + 119)) == 0
    assert points.expire_due(instant_of_seconds(end + 120)) == 120
    assert points.expire_due(instant_of_seconds(end + 120)) == 0
    assert [shop.balance(phone, 1) for phone in phones] == [0, 0, 0]
    expired = [op for op in operations(shop) if isinstance(op, Expire)]
    assert [(op.leg.epoch, op.leg.amount, op.merchant) for op in expired] == [(epoch, 40, GROCER)] * 3


def test_points_that_a_hold_kept_over_the_end_expire_when_it_is_freed(
    shop: Shop, points: PointsService
) -> None:
    phone = shop.enrol()
    shop.stock(phone, 1, 40)
    _, end = epoch_end(shop)
    shop.clock.at = instant_of_seconds(end - 30)
    hold = shop.authorise(phone, 900, [{"programme": "GROC", "points": 30}], ttl_seconds=3_600)["hold_id"]
    shop.clock.forward(minutes=10)
    assert points.expire_due(shop.clock.at) == 10
    shop.void(hold)
    with pytest.raises(NotEnoughPoints):
        shop.sell(phone, line("1", 900), spend=[{"programme": "GROC", "points": 1}])
    shop.clock.forward(seconds=1)
    assert points.expire_due(shop.clock.at) == 30


def gift(shop: Shop, giver: Phone, recipient: Phone, leg: Leg, **changes: object) -> GiftRequest:
    until = seconds_floor(shop.clock.at) + 60
    nonce = nonce_of(giver.lane, next(giver.counter))
    permit = GiftPermit(giver.account, recipient.account, nonce, until, (leg,))
    key = changes.get("key", giver.key)
    assert isinstance(key, bytes)
    signature = sign_digest(key, DOMAIN.digest(permit.struct_hash()))
    return GiftRequest(giver.account, recipient.account, (leg,), nonce, until, signature)


def test_a_gift_keeps_its_epoch_and_its_permit_serves_once(shop: Shop, points: PointsService) -> None:
    giver, recipient = shop.enrol(), shop.enrol()
    shop.stock(giver, 1, 40)
    epoch, _ = epoch_end(shop)
    request = gift(shop, giver, recipient, Leg(1, 1, epoch, 15))
    points.gift(request, shop.clock.at)
    assert (shop.balance(giver, 1), shop.balance(recipient, 1)) == (25, 15)
    operation = operations(shop)[-1]
    assert isinstance(operation, Gift) and operation.merchant == GROCER
    with pytest.raises(GiftPermitInvalid):
        points.gift(request, shop.clock.at)


def test_bad_gifts_are_refused(shop: Shop, points: PointsService) -> None:
    giver, recipient = shop.enrol(), shop.enrol()
    shop.stock(giver, 1, 40)
    epoch, end = epoch_end(shop)
    with pytest.raises(GiftPermitInvalid):
        points.gift(gift(shop, giver, recipient, Leg(1, 1, epoch, 1), key=keccak256(b"thief")), shop.clock.at)
    with pytest.raises(InsufficientPoints):
        points.gift(gift(shop, giver, recipient, Leg(1, 1, epoch, 41)), shop.clock.at)
    with pytest.raises(GiftRefused):
        points.gift(gift(shop, giver, recipient, Leg(1, 2, epoch, 1)), shop.clock.at)
    late = gift(shop, giver, recipient, Leg(1, 1, epoch, 1))
    with pytest.raises(GiftPermitInvalid):
        points.gift(late, shop.clock.at + timedelta(seconds=61))
    shop.clock.at = instant_of_seconds(end)
    with pytest.raises(GiftRefused):
        points.gift(gift(shop, giver, recipient, Leg(1, 1, epoch, 1)), shop.clock.at)


def test_an_adjustment_needs_two_people_and_stays_within_limits(shop: Shop, points: PointsService) -> None:
    phone = shop.enrol()
    request = AskAdjustment(phone.number, "GROC", 100, "goodwill", "the freezer broke", GROCER)
    asked = Asked("operator:ann", "k1", shop.clock.at)
    first = points.ask_adjustment(request, asked)
    with pytest.raises(AdjustmentLimitReached):
        points.ask_adjustment(request, Asked("operator:ann", "k2", shop.clock.at))
    with pytest.raises(SecondPersonNeeded):
        points.decide_adjustment(Decision(first, "operator:ann", True, shop.clock.at))
    assert points.decide_adjustment(Decision(first, "operator:bob", True, shop.clock.at)) == "approved"
    with pytest.raises(AdjustmentDecided):
        points.decide_adjustment(Decision(first, "operator:cid", True, shop.clock.at))
    assert shop.balance(phone, 1) == 100
    (issue,) = operations(shop)
    assert isinstance(issue, Issue) and issue.reason == IssueReason.ADJUSTMENT


def test_a_refused_redemption_goes_to_suspense_and_freezes_the_programme_once(
    shop: Shop, points: PointsService
) -> None:
    phone = shop.enrol()
    shop.stock(phone, 1, 40)
    shop.stock(phone, 2, 40)
    sale = shop.sell(phone, line("1", 900), at=FUEL, spend=[{"programme": "GROC", "points": 30}])
    event = OperationSetAside(bytes.fromhex(sale["operations"][0]), int(Kind.REDEEM), "NonceUsed")
    assert not points.on_set_aside(event, shop.clock.at)  # it is on its way again, or still
    refuse(shop, [event.op_id])
    assert points.on_set_aside(event, shop.clock.at)
    assert not points.on_set_aside(event, shop.clock.at)
    with shop.database.read() as conn:
        assert conn.execute(text("SELECT count(*) FROM entry WHERE kind = 'suspend'")).scalar_one() == 1
    with pytest.raises(ProgrammeFrozenForMember):
        shop.sell(phone, line("1", 900), spend=[{"programme": "GROC", "points": 1}])
    shop.sell(phone, line("1", 900), spend=[{"programme": "FUEL", "points": 2}])


def test_terms_and_rules_follow_each_other_with_notice(shop: Shop) -> None:
    now = seconds_floor(shop.clock.at)
    later = now + 9 * 86_400
    with shop.database.begin() as conn:
        soon = Terms(2, now + 7 * 86_400, 20_000, 0, 10**9, 12)
        with pytest.raises(NoticeTooShort):
            programmes.publish_terms(conn, "GROC", soon, shop.clock.at)
        with pytest.raises(TermsOutOfOrder):
            programmes.publish_terms(conn, "GROC", Terms(3, later, 20_000, 0, 10**9, 12), shop.clock.at)
        programmes.publish_terms(conn, "GROC", Terms(2, later, 20_000, 0, 10**9, 12), shop.clock.at)
        programmes.add_rule(conn, "GROC", EarnRule(2, later, 3, 100))
    shop.catalogue.refresh()
    phone = shop.enrol()
    shop.stock(phone, 1, 100)
    before = shop.sell(phone, line("1", 500), spend=[{"programme": "GROC", "points": 10}])
    shop.clock.at = instant_of_seconds(later)
    after = shop.sell(phone, line("1", 500), spend=[{"programme": "GROC", "points": 10}])
    assert [s["spent"][0]["value_minor"] for s in (before, after)] == [10, 20]
    assert [s["spent"][0]["terms_version"] for s in (before, after)] == [1, 2]
    assert [s["earned"][0]["points"] for s in (before, after)] == [4, 14]
    assert [s["earned"][0]["rule_version"] for s in (before, after)] == [1, 2]
