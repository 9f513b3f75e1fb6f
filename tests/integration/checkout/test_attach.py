"""A receipt joins a member late: once, within the merchant's days, with the earn of its own day (INV-11,
INV-13)."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from sqlalchemy import select, update

from ledger_service.checkout.attach.errors import (
    AttachClosed,
    AttachTooLate,
    AttachToStaff,
    SaleHasMember,
)
from ledger_service.checkout.errors import IdempotencyKeyReused, UnknownSale
from ledger_service.kernel.clock import seconds_floor
from ledger_service.ledger.models import lot
from ledger_service.members.errors import MemberFrozen, MemberUnknown
from ledger_service.members.models import member
from ledger_service.outbox.models import intent
from ledger_service.points import programmes
from ledger_service.points.rules import EarnRule

from .attaching import allow_days, attach, later, office, works_here
from .shop import FUEL, Phone, Shop, line


def epochs(shop: Shop, phone: Phone) -> dict[int, int]:
    mine = lot.c.member_id == phone.member_id
    with shop.database.read() as conn:
        return {row.epoch: row.available for row in conn.execute(select(lot).where(mine)) if row.available}


def test_a_receipt_earns_what_the_sale_would_have_earned_and_lives_as_long(shop: Shop) -> None:
    mine, late = shop.enrol(), shop.enrol()
    at_the_till = shop.sell(mine, line("1", 12_345))["earned"][0]
    sale = shop.sell(None, line("1", 12_345))
    assert sale["earned"] == []
    later(shop, days=25)  # the next month, whose points live a month longer
    answer = attach(shop, sale["sale_id"], late)
    earned = answer["earned"][0]
    same = ("points", "epoch", "expires_at", "rule_version", "base_minor", "state")
    assert {name: earned[name] for name in same} == {name: at_the_till[name] for name in same}
    assert shop.balance(late, 1) == 123
    assert epochs(shop, late) == epochs(shop, mine)
    assert answer["occurred_at"] == sale["occurred_at"]
    assert answer["receipt"]["kind"] == "attach"
    with shop.database.read() as conn:
        op = conn.execute(select(intent).where(intent.c.member_id == late.member_id)).one()
    assert answer["operations"] == [op.op_id.hex()]


def test_the_same_attach_again_is_answered_the_same_and_another_is_refused(shop: Shop) -> None:
    one, two = shop.enrol(), shop.enrol()
    sale = shop.sell(None, line("1", 1_000))["sale_id"]
    first = attach(shop, sale, one, key="k")
    assert attach(shop, sale, one, key="k") == first
    with pytest.raises(IdempotencyKeyReused):
        attach(shop, sale, two, key="k")
    for phone in (one, two):
        with pytest.raises(SaleHasMember):
            attach(shop, sale, phone)
    assert (shop.balance(one, 1), shop.balance(two, 1)) == (10, 0)
    assert shop.count("sale_attachment") == 1


def test_a_sale_that_had_a_member_is_not_moved_to_another(shop: Shop) -> None:
    one, two = shop.enrol(), shop.enrol()
    sale = shop.sell(one, line("1", 1_000))["sale_id"]
    with pytest.raises(SaleHasMember):
        attach(shop, sale, two)
    assert shop.balance(one, 1) == 10


@pytest.mark.parametrize(("days", "age", "refusal"), [
    (None, 30 * 24, None), (None, 30 * 24 + 1, AttachTooLate), (5, 121, AttachTooLate), (5, 120, None),
    (0, 0, AttachClosed),
])  # fmt: skip
def test_a_receipt_joins_within_the_merchants_days(
    shop: Shop, days: int | None, age: int, refusal: Any
) -> None:
    if days is not None:
        allow_days(shop, days)
    phone, sale = shop.enrol(), shop.sell(None, line("1", 1_000))["sale_id"]
    later(shop, hours=age)
    if refusal is None:
        attach(shop, sale, phone)
        return
    with pytest.raises(refusal):
        attach(shop, sale, phone)
    assert shop.balance(phone, 1) == 0
    assert shop.count("sale_attachment") == 0


def test_nobody_joins_what_is_not_there_or_somebody_elses(shop: Shop) -> None:
    phone, gone = shop.enrol(), Phone(99, "952000000000000019", b"", b"")
    sale = shop.sell(None, line("1", 1_000))["sale_id"]
    with pytest.raises(UnknownSale):
        attach(shop, "0" * 32, phone)
    with pytest.raises(UnknownSale):
        attach(shop, shop.sell(None, line("1", 1_000), at=FUEL)["sale_id"], phone)
    with pytest.raises(MemberUnknown):
        attach(shop, sale, gone)
    with shop.database.begin() as conn:
        conn.execute(update(member).values(status="frozen", frozen_at=shop.clock.at))
    with pytest.raises(MemberFrozen):
        attach(shop, sale, phone)
    assert shop.count("sale_attachment") == 0


def test_a_cashier_who_attaches_strangers_receipts_to_her_own_card_is_refused_under_any_name(
    shop: Shop,
) -> None:
    ann = shop.enrol()
    works_here(shop, "ann", ann)
    sale = shop.sell(None, line("1", 1_000))["sale_id"]
    for cashier in ("ann", "bob"):
        with pytest.raises(AttachToStaff):
            attach(shop, sale, ann, cashier=cashier)
    assert shop.balance(ann, 1) == 0
    attach(shop, sale, ann, by=office())  # a second person, with a key of the merchant
    assert shop.balance(ann, 1) == 10
    # Where she does not work she is a customer like any other.
    fuel = shop.sell(None, line("1", 1_000), at=FUEL)["sale_id"]
    attach(shop, fuel, ann, by=shop.caller(FUEL))


def test_the_daily_cap_of_the_sales_own_day_holds(database: Any) -> None:
    shop = Shop(database)
    shop.found(daily_cap=100)
    phone = shop.enrol()
    shop.sell(phone, line("1", 7_000))
    sale = shop.sell(None, line("1", 5_000))["sale_id"]
    later(shop, days=3)
    assert attach(shop, sale, phone)["earned"][0]["points"] == 30
    assert shop.sell(phone, line("1", 7_000))["earned"][0]["points"] == 70
    shop.close()


def test_the_rule_of_the_sales_own_time_holds(shop: Shop) -> None:
    phone, sale = shop.enrol(), shop.sell(None, line("1", 1_000))["sale_id"]
    later(shop, days=1)
    with shop.database.begin() as conn:
        programmes.add_rule(conn, "GROC", EarnRule(2, seconds_floor(shop.clock.at), 5, 100))
    shop.catalogue.refresh()
    later(shop, days=1)
    earned = attach(shop, sale, phone)["earned"][0]
    assert (earned["points"], earned["rule_version"]) == (10, 1)


def test_points_whose_epoch_has_ended_by_then_are_not_issued(database: Any) -> None:
    shop = Shop(database)
    shop.found()
    with shop.database.begin() as conn:
        conn.exec_driver_sql("UPDATE programme_terms SET validity_epochs = 0")
        programmes.set_pending_days(conn, "GROC", 0)  # tells the tills to look
    shop.catalogue.refresh()
    phone, sale = shop.enrol(), shop.sell(None, line("1", 1_000))["sale_id"]
    later(shop, days=25)
    earned = attach(shop, sale, phone)["earned"][0]
    assert (earned["points"], earned["reason"]) == (0, "expired")
    assert shop.balance(phone, 1) == 0
    shop.close()


SPLITS = list(product([0, 1, 2, 3], repeat=2))


@pytest.mark.parametrize(("before", "after"), SPLITS)
def test_refunds_before_and_after_come_to_what_one_refund_of_it_all_comes_to(
    shop: Shop, before: int, after: int
) -> None:
    lines = (line("1", 1_999, 3), line("2", 350))
    at_once, late = shop.enrol(), shop.enrol()
    plain = shop.sell(at_once, *lines)["sale_id"]
    sale = shop.sell(None, *lines)["sale_id"]
    if before:
        shop.refund(sale, [("1", before)])
    attach(shop, sale, late)
    more = min(after, 3 - before)
    last = shop.refund(sale, [("1", more)]) if more else None
    if before + more:
        whole = shop.refund(plain, [("1", before + more)])
        assert shop.balance(late, 1) == shop.balance(at_once, 1)
        assert whole["cash_withheld_minor"] == 0
    assert last is None or (last["cash_withheld_minor"], last["debt"]) == (0, [])
    shop.refund(sale)
    assert shop.balance(late, 1) == 0


def test_what_was_spent_meanwhile_is_withheld_from_the_money_as_after_any_earn(shop: Shop) -> None:
    at_once, late = shop.enrol(), shop.enrol()
    plain, sale = (
        shop.sell(at_once, line("1", 3_000, 3))["sale_id"],
        shop.sell(None, line("1", 3_000, 3))["sale_id"],
    )
    shop.refund(plain, [("1", 1)])
    shop.refund(sale, [("1", 1)])
    attach(shop, sale, late)
    for phone in (at_once, late):
        assert shop.balance(phone, 1) == 20
        shop.sell(phone, line("1", 20), spend=[{"programme": "GROC", "points": 20}])
    one, two = shop.refund(plain), shop.refund(sale)
    named = ("cash_minor", "cash_withheld_minor", "clawed", "debt")
    assert {n: one[n] for n in named} == {n: two[n] for n in named}
    assert two["cash_withheld_minor"] == 20


def test_points_that_wait_for_days_wait_from_the_sale_on(database: Any) -> None:
    shop = Shop(database)
    shop.found()
    with shop.database.begin() as conn:
        programmes.set_pending_days(conn, "GROC", 14)
    shop.catalogue.refresh()
    early, late = shop.enrol(), shop.enrol()
    first, second = (shop.sell(None, line("1", 1_000, 2))["sale_id"] for _ in range(2))
    shop.refund(first, [("1", 1)])
    later(shop, days=3)
    assert attach(shop, first, early)["earned"][0]["state"] == "pending"
    assert (shop.balance(early, 1, "pending"), shop.balance(early, 1)) == (5, 0)
    shop.refund(first)
    assert shop.balance(early, 1, "pending") == 0
    later(shop, days=20)
    earned = attach(shop, second, late)["earned"][0]
    assert (earned["state"], earned["points"], shop.balance(late, 1)) == ("available", 10, 10)
    shop.close()


def test_a_member_that_joins_a_returned_sale_earns_nothing_of_it(shop: Shop) -> None:
    phone, sale = shop.enrol(), shop.sell(None, line("1", 1_000))["sale_id"]
    shop.refund(sale)
    assert attach(shop, sale, phone)["earned"] == []
    assert shop.balance(phone, 1) == 0
