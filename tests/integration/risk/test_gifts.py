"""Gifts go by the alliance's rules: counted, held or refused before a point moves."""

from __future__ import annotations

import pytest

from ledger_service.bootstrap.foundations import SystemRandom
from ledger_service.bootstrap.watching import gift_watch
from ledger_service.checkout.sources import Watch
from ledger_service.kernel.clock import seconds_floor
from ledger_service.kernel.permits import GiftPermit, nonce_of
from ledger_service.kernel.points import Leg
from ledger_service.kernel.secp256k1 import SigningKey
from ledger_service.points.adjustments import AdjustmentLimits
from ledger_service.points.permits import CustodialLimits
from ledger_service.points.requests import GiftRequest
from ledger_service.points.service import PointsService, PointsSettings
from ledger_service.risk.errors import HeldForReview, RefusedByRules
from ledger_service.risk.guard import Guard
from ledger_service.risk.pins import CountPin, JudgePin, PinTry
from ledger_service.risk.rules import Outcome, Who
from tests.integration.checkout.shop import DOMAIN, GROCER, Phone

from .guarded import GuardedShop, rule


def give(shop: GuardedShop, giver: Phone, taker: Phone, points: int) -> None:
    settings = PointsSettings(DOMAIN, CustodialLimits(10**9, 10**9), AdjustmentLimits(1, 1), "w1")
    watch = gift_watch(Watch(shop.rules, SystemRandom()), "w1", 2)
    service = PointsService(shop.writer, shop.database, shop.catalogue, settings, watch)
    with shop.database.read() as conn:
        epoch = conn.exec_driver_sql("SELECT max(epoch) FROM lot WHERE available > 0").scalar_one()
    nonce, until = nonce_of(1, next(giver.counter)), seconds_floor(shop.clock.at) + 600
    legs = (Leg(1, 1, epoch, points),)
    permit = GiftPermit(giver.account, taker.account, nonce, until, legs)
    signature = SigningKey(giver.key).sign(DOMAIN.digest(permit.struct_hash()))
    service.gift(GiftRequest(giver.account, taker.account, legs, nonce, until, signature), shop.clock.at)


@pytest.mark.parametrize(
    ("outcome", "kind"), [("hold", HeldForReview), ("step_up", HeldForReview), ("refuse", RefusedByRules)]
)
def test_a_gift_above_the_limit_moves_nothing(shop: GuardedShop, outcome: str, kind: type[Exception]) -> None:
    giver, taker = shop.enrol(), shop.enrol()
    shop.earn(giver, 100_000)
    shop.rule(rule("much", "velocity", outcome, "gift", count="spent_minor", window_seconds=86_400, most=150))
    give(shop, giver, taker, 100)
    shop.clock.forward(minutes=1)
    with pytest.raises(kind):
        give(shop, giver, taker, 100)
    assert (shop.balance(giver, 1), shop.balance(taker, 1)) == (900, 100)
    assert [found for found, _ in shop.decisions()] == ["allow", "hold" if outcome == "step_up" else outcome]
    assert shop.count("permit_use") == 1


def test_merchants_have_no_say_in_gifts(shop: GuardedShop) -> None:
    giver, taker = shop.enrol(), shop.enrol()
    shop.earn(giver, 100_000)
    shop.rule(rule("much", "amount", "refuse", "gift", most=1), scope=GROCER)
    give(shop, giver, taker, 100)
    assert shop.decisions() == []


def test_wrong_pins_are_counted_and_then_no_more_are_tried(shop: GuardedShop) -> None:
    phone = shop.enrol()
    shop.rule(
        rule("pins", "velocity", "refuse", "pin", per="terminal", count="pins", window_seconds=900, most=2)
    )
    who = Who(GROCER, phone.member_id, "t1", "anna")
    at = seconds_floor(shop.clock.at)
    guard = Guard(shop.rules.current().in_force(GROCER, at), shop.rules.current(), "w1", SystemRandom())

    tried = PinTry(who, at, member_since=at)
    for _ in range(2):
        judged = shop.writer.submit(JudgePin(guard, tried))
        assert judged.outcome is Outcome.ALLOW
        shop.writer.submit(CountPin(guard, tried, judged))
    third = shop.writer.submit(JudgePin(guard, tried))
    assert third.outcome is Outcome.REFUSE
    assert isinstance(guard.refusal(third), RefusedByRules)
    assert len(shop.decisions()) == 2, "a try that was only judged is no decision yet"
