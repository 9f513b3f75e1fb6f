"""Refunds by item: spend restored, earn undone, debts collected, every split the same (INV-13, D10)."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from ledger_service.checkout.errors import RefundExceedsSale, UnknownLine, UnknownSale
from ledger_service.checkout.return_errors import ReturnAtAnotherMerchant
from ledger_service.db.engine import Database
from ledger_service.kernel.clock import seconds_floor
from ledger_service.kernel.intents import operation_of
from ledger_service.kernel.operations import Clawback, Issue, Operation, Restore
from ledger_service.ledger.models import lot
from ledger_service.outbox.models import intent
from ledger_service.points.models import member_programme

from .shop import FUEL, Phone, Shop, line, lots_equal_postings


def operations(shop: Shop) -> list[Operation]:
    with shop.database.read() as conn:
        payloads = conn.execute(select(intent.c.payload).order_by(intent.c.intent_id)).scalars()
        return [operation_of(payload) for payload in payloads]


def debt(shop: Shop, phone: Phone, programme: int) -> int:
    with shop.database.read() as conn:
        standing = member_programme.c
        mine = (standing.member_id == phone.member_id) & (standing.programme_id == programme)
        return conn.execute(select(standing.debt).where(mine)).scalar_one_or_none() or 0


def test_a_whole_refund_restores_the_spend_and_undoes_the_earn(shop: Shop) -> None:
    phone = shop.enrol()
    shop.stock(phone, 1, 300)
    sale = shop.sell(phone, line("1", 1_000, 2), at=FUEL, spend=[{"programme": "GROC", "points": 300}])
    assert (shop.balance(phone, 1), shop.balance(phone, 2)) == (0, 7)
    refund = shop.refund(sale["sale_id"], at=FUEL)
    assert (refund["refunded_minor"], refund["cash_minor"], refund["cash_withheld_minor"]) == (1_000, 700, 0)
    assert [(r["programme"], r["points"]) for r in refund["restored"]] == [("GROC", 300)]
    assert refund["clawed"] == [{"programme": "FUEL", "points": 7, "from": "available"}]
    assert (shop.balance(phone, 1), shop.balance(phone, 2)) == (300, 0)
    restore = next(op for op in operations(shop) if isinstance(op, Restore))
    redeem = next(op for op in operations(shop) if op.op_id == restore.original_op_id)
    assert restore.original_leaf == redeem.leaf()
    clawback = next(op for op in operations(shop) if isinstance(op, Clawback))
    issue = next(op for op in operations(shop) if op.op_id == clawback.original_op_id)
    assert isinstance(issue, Issue) and clawback.original_leaf == issue.leaf()
    with pytest.raises(RefundExceedsSale):
        shop.refund(sale["sale_id"], at=FUEL)


def test_earn_that_was_spent_is_withheld_from_the_money(shop: Shop) -> None:
    phone = shop.enrol()
    sale = shop.sell(phone, line("1", 10_000))
    shop.sell(phone, line("1", 60), at=FUEL, spend=[{"programme": "GROC", "points": 60}])
    refund = shop.refund(sale["sale_id"])
    assert refund["clawed"] == [{"programme": "GROC", "points": 40, "from": "available"}]
    assert (refund["cash_withheld_minor"], refund["cash_minor"], refund["debt"]) == (60, 9_940, [])
    assert shop.balance(phone, 1) == 0


def test_a_debt_is_collected_once_from_later_earnings(database: Database) -> None:
    shop = Shop(database)
    shop.found(points=150)  # 1.50 dollars of points for a dollar: more than the money can cover
    phone = shop.enrol()
    sale = shop.sell(phone, line("1", 1_000))
    shop.sell(phone, line("1", 1_500), at=FUEL, spend=[{"programme": "GROC", "points": 1_500}])
    refund = shop.refund(sale["sale_id"])
    assert (refund["cash_minor"], refund["cash_withheld_minor"]) == (0, 1_000)
    assert refund["debt"] == [{"programme": "GROC", "points": 500}]
    assert debt(shop, phone, 1) == 500
    later = [shop.sell(phone, line("1", 300))["earned"][0] for _ in range(2)]
    assert [(e["points"], e["debt_collected"]) for e in later] == [(450, 450), (450, 50)]
    assert (debt(shop, phone, 1), shop.balance(phone, 1)) == (0, 400)
    issued = [op.leg.amount for op in operations(shop) if isinstance(op, Issue) and op.leg.programme == 1]
    assert issued == [1_500, 400]
    lots_equal_postings(shop)
    shop.close()


def test_an_earn_that_a_debt_took_whole_can_be_returned(database: Database) -> None:
    shop = Shop(database)
    shop.found(points=150)
    phone = shop.enrol()
    first = shop.sell(phone, line("1", 1_000))
    shop.sell(phone, line("1", 1_500), at=FUEL, spend=[{"programme": "GROC", "points": 1_500}])
    shop.refund(first["sale_id"])
    second = shop.sell(phone, line("1", 300))
    assert second["earned"][0]["debt_collected"] == second["earned"][0]["points"] == 450
    refund = shop.refund(second["sale_id"])
    # What the second sale had paid of the debt is owed again: 300 in withheld money, the rest as debt.
    assert (refund["clawed"], refund["cash_minor"], refund["cash_withheld_minor"]) == ([], 0, 300)
    assert (debt(shop, phone, 1), shop.balance(phone, 1)) == (50 + 150, 0)
    lots_equal_postings(shop)
    shop.close()


def test_points_of_an_ended_epoch_come_back_with_thirty_days(shop: Shop) -> None:
    phone = shop.enrol()
    shop.stock(phone, 1, 100)
    ends = shop.catalogue.current().programmes[1].epoch_ends
    with shop.database.read() as conn:
        epoch = conn.execute(select(lot.c.epoch).where(lot.c.available > 0)).scalar_one()
    shop.clock.at += timedelta(seconds=ends[epoch - 1] - seconds_floor(shop.clock.at) - 86_400)
    sale = shop.sell(phone, line("1", 1_000), spend=[{"programme": "GROC", "points": 100}])
    shop.clock.forward(days=3)
    (restored,) = shop.refund(sale["sale_id"])["restored"]
    assert restored["epoch"] > epoch
    assert ends[restored["epoch"] - 1] >= seconds_floor(shop.clock.at) + 30 * 86_400
    restore = next(op for op in operations(shop) if isinstance(op, Restore))
    assert (restore.leg.terms_version, restore.leg.epoch) == (1, restored["epoch"])


@pytest.mark.parametrize("seed", range(4))
def test_refunds_in_any_split_end_where_one_whole_refund_ends(shop: Shop, seed: int) -> None:
    rng = random.Random(seed)
    lines = [line(str(i), rng.randrange(0, 3_000), rng.randrange(1, 5)) for i in range(3)]
    lines.append(line("x", 999, 2))
    totals: list[tuple[Any, ...]] = []
    for split in (False, True):
        phone = shop.enrol()
        shop.stock(phone, 1, 500)
        shop.stock(phone, 3, 40)
        sale = shop.sell(phone, *lines, spend={"max_value_minor": 321})
        spent = shop.balance(phone, 1)
        if spent:
            spend = [{"programme": "GROC", "points": spent - seed}]
            shop.sell(phone, line("1", spent), at=FUEL, spend=spend)
        steps: list[Any] = [[(row["line"], 1)] for row in lines for _ in range(row["quantity"])]
        rng.shuffle(steps)
        refunds = [shop.refund(sale["sale_id"], step) for step in (steps if split else [None])]
        fields = ("refunded_minor", "cash_minor", "points_value_minor", "cash_withheld_minor")
        balances = [shop.balance(phone, p) for p in (1, 2, 3)]
        sums = [sum(r[f] for r in refunds) for f in fields]
        totals.append((*sums, *balances, debt(shop, phone, 1)))
        assert totals[-1][0] == sale["total_minor"]
    assert totals[0] == totals[1]


def test_a_sale_in_money_is_refunded_too(shop: Shop) -> None:
    sale = shop.sell(None, line("1", 1_000, 3))
    cash = [shop.refund(sale["sale_id"], [("1", 1)])["cash_minor"] for _ in range(3)]
    assert sum(cash) == 1_000


def test_a_refund_beyond_the_sale_or_of_a_stranger_is_refused_whole(shop: Shop) -> None:
    sale = shop.sell(shop.enrol(), line("1", 1_000, 3), line("2", 10))["sale_id"]
    with pytest.raises(RefundExceedsSale):
        shop.refund(sale, [("2", 1), ("1", 4)])
    with pytest.raises(UnknownLine):
        shop.refund(sale, [("1", 1), ("3", 1)])
    with pytest.raises(ReturnAtAnotherMerchant):
        shop.refund(sale, at=FUEL)
    with pytest.raises(UnknownSale):
        shop.refund("00" * 16)
    assert shop.count("refund") == 0
    shop.refund(sale, [("1", 2)])
    with pytest.raises(RefundExceedsSale):
        shop.refund(sale, [("1", 2)])


def test_the_same_refund_again_gets_the_same_answer(shop: Shop) -> None:
    sale = shop.sell(shop.enrol(), line("1", 1_000, 3))["sale_id"]
    assert shop.refund(sale, [("1", 1)], key="r") == shop.refund(sale, [("1", 1)], key="r")
    assert shop.count("refund") == 1


def test_buying_spending_and_returning_never_leaves_a_free_point(shop: Shop) -> None:
    rng = random.Random(7)
    phone = shop.enrol()
    for _ in range(12):
        before = shop.balance(phone, 1)
        sale = shop.sell(phone, line("1", rng.randrange(1, 4_000)))
        if shop.balance(phone, 1):
            points = rng.randrange(1, shop.balance(phone, 1) + 1)
            spend = [{"programme": "GROC", "points": points}]
            other = shop.sell(phone, line("1", points), at=FUEL, spend=spend)
            paid = shop.refund(sale["sale_id"])
            shop.refund(other["sale_id"], at=FUEL)
            gained = shop.balance(phone, 1) - before
            assert gained <= paid["cash_withheld_minor"]
