"""Prizes that are coupons: committed to with their terms, drawn as any, given once, taken back unused."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest
from sqlalchemy import insert, select, update

from ledger_service.bootstrap.prize_drawing import alarm_stopped_prizes
from ledger_service.chain.desk import dismiss_alarms
from ledger_service.chain.models import chain_alarm
from ledger_service.checkout.couponing.service import CouponWish
from ledger_service.checkout.items.pools import PoolTerms, PrizeWish, open_pool, read_terms
from ledger_service.checkout.items.requests import TakenBack
from ledger_service.coupons.definitions.changes import next_number
from ledger_service.coupons.definitions.errors import DefinitionUnknown
from ledger_service.coupons.definitions.models import coupon_definition, coupon_version
from ledger_service.coupons.terms.text import terms_hash, terms_json
from ledger_service.coupons.terms.values import (
    AmountOff,
    GiftRule,
    InstrumentKind,
    OnReturn,
    Share,
    StoredValue,
    Terms,
    Window,
)
from ledger_service.coupons.wallet.giving import GiveCommand
from ledger_service.coupons.wallet.offering import CatalogueOffers
from ledger_service.coupons.wallet.requests import Asked, Giving
from ledger_service.kernel.errors import MalformedField
from ledger_service.kernel.gs1 import gln_text
from ledger_service.members.models import member
from ledger_service.traceability.goods.service import INDEX_BITS
from ledger_service.traceability.prizes.models import trace_prize
from ledger_service.traceability.prizes.queries import counted, due_prizes, find_pool
from ledger_service.traceability.prizes.rules import (
    PrizeCoupon,
    prize_op_id,
)
from tests.integration.checkout.couponed import CouponShop
from tests.integration.checkout.shop import FUEL, GROCER, Phone, Shop, line
from tests.integration.checkout.test_item_prizes import Lottery
from tests.integration.checkout.test_races import at_once


def item_id(lottery: Lottery, index: int) -> int:
    return (lottery.stock.batch_no << INDEX_BITS) + index


def newer(terms: Terms) -> str:
    return terms_json(replace(terms, version=2, benefit=AmountOff(99)))


def left_of(lottery: Lottery) -> set[bytes]:
    with lottery.shop.database.read() as conn:
        its = trace_prize.c.coupon_left
        return set(conn.execute(select(its).where(its.is_not(None))).scalars())


def hand_over(coupons: CouponShop, giver: Phone, to: Phone, coupon_id: bytes) -> None:
    asked = Asked("member:1", coupons.shop.clock.at)
    giving = Giving(giver.number, coupon_id, to.number)
    coupons.shop.writer.submit(GiveCommand(giving, CatalogueOffers(coupons.cache), asked))


@pytest.fixture
def lottery(shop: Shop) -> Lottery:
    made = Lottery(shop)
    made.offer(5)
    return made


def test_a_coupon_is_given_once_with_the_terms_that_the_root_holds(lottery: Lottery) -> None:
    shop, coupons, ann = lottery.shop, CouponShop(lottery.shop), lottery.shop.enrol()
    terms = coupons.publish(7, AmountOff(10))
    lottery.open(PrizeWish("ten off", 3, coupon="D7"), PrizeWish("points", 7, 40))
    lottery.anchor()
    with shop.database.read() as conn:
        found = find_pool(conn, lottery.stock.batch_no)
    assert found is not None
    committed = PrizeCoupon(gln_text(GROCER), "D7", 1, terms_hash(terms))
    assert (found.pool.version, found.pool.prizes[0].coupon) == (2, committed)
    for index in range(10):
        lottery.claim(ann, index)
    lottery.draw()
    won = lottery.won()
    # Another version is in force by now, and changes nothing of what was promised.
    with shop.database.begin() as conn:
        row = dict(conn.execute(select(coupon_version)).mappings().one())
        conn.execute(insert(coupon_version).values(row | {"version": 2, "body": newer(terms)}))
        next_number(conn)
    shop.coupons.refresh()
    for _ in range(2):
        lottery.give()
        held = lottery.coupons()
        mine = {prize_op_id(item_id(lottery, index)) for index, prize in won.items() if prize == 1}
        assert {one["coupon_id"] for one in held} == mine
        assert {(one["version"], one["holder"], one["state"]) for one in held} == {
            (1, ann.member_id, "available")
        }
    assert shop.balance(ann, 1) == 10 * 5 + 7 * 40
    assert lottery.states() == ["given"] * 10


def test_a_return_takes_back_an_unused_coupon_and_leaves_a_used_one(lottery: Lottery) -> None:
    coupons, ann = CouponShop(lottery.shop), lottery.shop.enrol()
    coupons.publish(7, AmountOff(10))
    lottery.open(PrizeWish("each", 10, coupon="D7"))
    lottery.anchor()
    for index in range(3):
        lottery.claim(ann, index)
    lottery.draw()
    lottery.give()
    used = prize_op_id(item_id(lottery, 1))
    coupons.sell(coupons.body(ann, line("1", 500)), CouponWish((used,)))
    assert coupons.used() == [(used, 10)]
    assert lottery.take_back(0).prize == TakenBack(coupon="void")
    assert lottery.take_back(1).prize == TakenBack(coupon="left")
    assert sorted(one["state"] for one in lottery.coupons()) == ["available", "consumed", "void"]
    assert lottery.states() == ["void", "void", "given"]


def test_a_coupon_that_a_hold_reserved_or_a_friend_had_is_taken_once_it_is_back(lottery: Lottery) -> None:
    shop, coupons = lottery.shop, CouponShop(lottery.shop)
    ann, friend = shop.enrol(), shop.enrol()
    coupons.publish(7, AmountOff(10), gift=GiftRule.ALLIANCE, on_return=OnReturn.GIVE_BACK)
    lottery.open(PrizeWish("each", 10, coupon="D7"))
    lottery.anchor()
    for index in range(4):
        lottery.claim(ann, index)
    lottery.draw()
    lottery.give()
    reserved, used, given, kept = (prize_op_id(item_id(lottery, index)) for index in range(4))
    hold = coupons.authorise(ann, CouponWish((reserved,)), line("1", 500))
    sold = coupons.sell(coupons.body(ann, line("1", 500)), CouponWish((used,)))
    hand_over(coupons, ann, friend, given)
    assert [lottery.take_back(index).prize for index in range(3)] == [TakenBack(coupon="left")] * 3
    assert left_of(lottery) == {reserved, used, given}
    assert not lottery.rooms[0].take_left_prizes(shop.clock.at), "nothing is back, and nothing happens"
    assert [coupons.state(one) for one in (reserved, used, given)] == ["reserved", "consumed", "available"]
    shop.void(hold["hold_id"])
    at_once(*[partial(room.take_left_prizes, shop.clock.at) for room in lottery.rooms * 2])
    assert (coupons.state(reserved), left_of(lottery)) == ("void", {used, given})
    coupons.refund(sold["sale_id"])
    hand_over(coupons, friend, ann, given)
    for _ in range(2):
        assert not lottery.rooms[0].take_left_prizes(shop.clock.at)
    assert [coupons.state(one) for one in (reserved, used, given, kept)] == ["void"] * 3 + ["available"]
    assert left_of(lottery) == set()


def test_a_coupon_waits_until_it_can_be_given(lottery: Lottery) -> None:
    shop, coupons, ann = lottery.shop, CouponShop(lottery.shop), lottery.shop.enrol()
    coupons.publish(7, AmountOff(10))
    lottery.open(PrizeWish("each", 10, coupon="D7"))
    lottery.anchor()
    lottery.claim(ann)
    lottery.draw()
    for status, state in (("frozen", "waiting"), ("active", "given")):
        with shop.database.begin() as conn:
            conn.execute(update(member).values(status=status))
        lottery.give()
        assert lottery.states() == [state]
        shop.clock.forward(hours=1)


def alarms(lottery: Lottery) -> list[tuple[str, str]]:
    """What stands once the bridge's job has looked."""
    database, at = lottery.shop.database, lottery.shop.clock.at
    alarm_stopped_prizes(database, lottery.shop.writer, at)
    with database.read() as conn:
        return [(row.code, row.subject) for row in conn.execute(select(chain_alarm))]


def test_a_coupon_that_was_withdrawn_is_no_prize_any_more_and_alarms_once(lottery: Lottery) -> None:
    shop, coupons, ann = lottery.shop, CouponShop(lottery.shop), lottery.shop.enrol()
    coupons.publish(7, AmountOff(10))
    lottery.open(PrizeWish("each", 10, coupon="D7"))
    lottery.anchor()
    lottery.claim(ann)
    lottery.draw()
    with shop.database.begin() as conn:
        conn.execute(update(coupon_definition).values(withdrawn_at=shop.clock.at, withdrawn_by="a"))
        next_number(conn)
    shop.coupons.refresh()
    lottery.give()
    assert (lottery.states(), lottery.coupons()) == (["stopped"], [])
    number = lottery.stock.batch_no
    for _ in range(2):
        assert alarms(lottery) == [("prize-stopped", str(number))]
    with shop.database.begin() as conn:
        assert counted(conn, number, "stopped") == {1: 1}
        assert due_prizes(conn, shop.clock.at + timedelta(days=1), 9) == []
        assert dismiss_alarms(conn, "prize-stopped", None) == 1
    # Whoever cleared it is not told again of what it knows.
    shop.clock.forward(minutes=10)
    lottery.give()
    assert (lottery.states(), alarms(lottery)) == (["stopped"], [])
    # The item comes back: there is nothing to take.
    assert lottery.take_back(0).prize is None
    assert lottery.states() == ["void"]


def test_a_coupon_whose_time_is_over_is_no_prize_any_more(lottery: Lottery) -> None:
    shop, coupons, ann = lottery.shop, CouponShop(lottery.shop), lottery.shop.enrol()
    coupons.publish(7, AmountOff(10), window=Window(ends_at=shop.clock.at + timedelta(days=20)))
    lottery.open(PrizeWish("each", 10, coupon="D7"))
    lottery.anchor()
    lottery.claim(ann)
    shop.clock.forward(days=21)
    lottery.draw()
    lottery.give()
    assert lottery.states() == ["stopped"]


def test_what_cannot_be_a_prize_is_refused_before_anything_is_printed(lottery: Lottery) -> None:
    shop, coupons = lottery.shop, CouponShop(lottery.shop)
    now = shop.clock.at
    coupons.publish(7, AmountOff(10))
    coupons.publish(8, AmountOff(10), funders=(Share(GROCER, 5_000), Share(FUEL, 5_000)))
    coupons.publish(9, AmountOff(10), window=Window(ends_at=now + timedelta(hours=1)))
    coupons.publish(10, StoredValue(10), kind=InstrumentKind.PAID)
    odd = [("D8", 0, MalformedField), ("D9", 0, MalformedField), ("D10", 0, MalformedField),
           ("D7", 5, MalformedField), ("NONE", 0, DefinitionUnknown)]  # fmt: skip
    for code, points, refusal in odd:
        terms = PoolTerms("GROC", (PrizeWish("a", 1, points, code),), now + timedelta(1))
        with pytest.raises(refusal), shop.database.begin() as conn:
            open_pool(conn, (lottery.stock.batch_no, GROCER), terms, now)
    # Claims are over in time, and nobody has a prize before the draw.
    soon, draw = now + timedelta(minutes=30), now + timedelta(1)
    late = PoolTerms("GROC", (PrizeWish("a", 1, coupon="D9"),), soon, draw)
    with pytest.raises(MalformedField), shop.database.begin() as conn:
        open_pool(conn, (lottery.stock.batch_no, GROCER), late, now)
    for given in ({}, {"points": 1, "coupon": "D7"}):
        with pytest.raises(MalformedField):
            read_terms({"programme": "G", "ends_at": "2031-01-01T00:00:00Z",
                        "prizes": [{"name": "a", "count": 1} | given]})  # fmt: skip
    with pytest.raises(MalformedField):
        read_terms({"programme": "G", "ends_at": "2031-01-01T00:00:00Z", "prizes": ["a"]})
