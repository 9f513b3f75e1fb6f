"""Refunds of what the contract refused, in every order of events: the books say what the chain says (D7)."""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations
from typing import Any

import pytest
from sqlalchemy import delete, update

from ledger_service.checkout.errors import ProgrammeFrozenForMember
from ledger_service.kernel.clock import instant_of_seconds
from ledger_service.kernel.operations import Clawback, Expire, Issue, Redeem, Restore
from ledger_service.kernel.points import Leg
from ledger_service.ledger.rules import SystemKind
from ledger_service.outbox.models import intent
from ledger_service.points import programmes
from ledger_service.points import service as room
from ledger_service.points.models import set_aside
from ledger_service.points.service import PointsService
from tests.integration.checkout.shop import FLORIST, FUEL, GROCER, Phone, Shop, line
from tests.integration.points.refusals import ASIDE, by_state, differences, frozen, on_account, refuse
from tests.integration.points.test_points import epoch_end, gift

STEPS = ("refund", "refund again", "refuse", "apply")


def orders(first: str) -> list[tuple[str, ...]]:
    return [order for order in permutations(STEPS) if order[0] == first]


def play(order: tuple[str, ...], acts: dict[str, Callable[[], Any]], shop: Shop) -> None:
    """Every act in its order, the lots compared after each, and at the end what the job still finds."""
    for name in (*order, "apply"):
        acts[name]()
        no_lot_differs(shop)


def no_lot_differs(shop: Shop) -> None:
    named = [d for d in differences(shop) if not d.startswith("operation-set-aside")]
    assert named == []


def spent(shop: Shop) -> tuple[Phone, dict[str, Any]]:
    """A member with 100 of the grocer's points who pays with 40 of them at the fuel station."""
    phone = shop.enrol()
    shop.stock(phone, 1, 100)
    sale = shop.sell(phone, line("1", 40, 2), at=FUEL, spend=[{"programme": "GROC", "points": 40}])
    return phone, sale


@pytest.mark.parametrize("first", STEPS)
def test_a_refused_redemption_that_is_returned_whole_leaves_nothing(
    shop: Shop, points: PointsService, first: str
) -> None:
    for order in orders(first):
        phone, sale = spent(shop)
        redeem = bytes.fromhex(sale["operations"][0])
        acts = {
            "refund": lambda s=sale: shop.refund(s["sale_id"], [("1", 1)], at=FUEL),
            "refund again": lambda s=sale: shop.refund(s["sale_id"], [("1", 1)], at=FUEL),
            "refuse": lambda r=redeem: refuse(shop, [r]),
            "apply": lambda: points.apply_set_aside(shop.clock.at),
        }
        play(order, acts, shop)
        assert (shop.balance(phone, 1), differences(shop), order) == (100, [], order)
        assert on_account(shop, SystemKind.REDEMPTION, 1, FUEL) == 0
        assert on_account(shop, SystemKind.SUSPENSE, 1, FUEL) == 0
        assert not frozen(shop, phone, 1)
        assert not [op for op in by_state(shop, "queued") if isinstance(op, (Restore, Redeem))]
        assert points.apply_set_aside(shop.clock.at) == 0


@pytest.mark.parametrize("first", STEPS)
def test_a_refused_issue_that_is_returned_whole_leaves_nothing(
    shop: Shop, points: PointsService, first: str
) -> None:
    for stocked, order in enumerate(orders(first), 1):
        phone = shop.enrol()
        shop.stock(phone, 1, 7)
        sale = shop.sell(phone, line("1", 5_000, 2))
        issue, refunds = bytes.fromhex(sale["operations"][0]), []
        back = lambda s=sale, r=refunds: r.append(shop.refund(s["sale_id"], [("1", 1)]))  # noqa: E731
        acts = {
            "refund": back,
            "refund again": back,
            "refuse": lambda i=issue: refuse(shop, [i], "IssuanceCapExceeded()"),
            "apply": lambda: points.apply_set_aside(shop.clock.at),
        }
        play(order, acts, shop)
        assert [r["clawed"][0]["points"] for r in refunds] == [25, 25]
        assert [(r["cash_withheld_minor"], r["debt"]) for r in refunds] == [(0, []), (0, [])]
        assert (shop.balance(phone, 1), differences(shop), order) == (7, [], order)
        assert on_account(shop, SystemKind.ISSUANCE, 1) == -7 * stocked
        assert on_account(shop, SystemKind.CLAWBACK, 1) == on_account(shop, SystemKind.SUSPENSE, 1) == 0
        assert not frozen(shop, phone, 1)
        assert not [op for op in by_state(shop, "queued") if isinstance(op, Clawback)]


def test_part_of_a_refused_redemption_that_stays_sold_waits_in_suspense_and_is_named_once(
    shop: Shop, points: PointsService
) -> None:
    phone, sale = spent(shop)
    refuse(shop, [bytes.fromhex(sale["operations"][0])])
    points.apply_set_aside(shop.clock.at)
    refund = shop.refund(sale["sale_id"], [("1", 1)], at=FUEL)
    assert refund["restored"][0]["points"] == 20
    assert refund["receipt"]["operations"] == []  # no receipt promises what the chain will never show (D13)
    assert differences(shop) == [f"operation-set-aside {sale['operations'][0]}"]
    assert on_account(shop, SystemKind.SUSPENSE, 1, FUEL) == 20
    assert on_account(shop, SystemKind.REDEMPTION, 1, FUEL) == 0
    assert frozen(shop, phone, 1)
    with pytest.raises(ProgrammeFrozenForMember):
        shop.sell(phone, line("1", 100), spend=[{"programme": "GROC", "points": 1}])


@pytest.mark.parametrize("state", ["queued", "packed", "mined", "final"])
def test_what_is_on_its_way_or_on_chain_is_undone_by_an_operation_that_cites_it(
    shop: Shop, state: str
) -> None:
    phone, sale = spent(shop)
    own = shop.sell(phone, line("1", 3_000))
    originals = [bytes.fromhex(s["operations"][0]) for s in (sale, own)]
    if state != "queued":
        with shop.database.begin() as conn:
            mine = intent.c.op_id.in_(originals)
            conn.execute(update(intent).where(mine).values(state=state, batch_number=1, batch_index=0))
    refunds = [shop.refund(sale["sale_id"], at=FUEL), shop.refund(own["sale_id"])]
    restore, clawback = (op for op in by_state(shop, "queued") if isinstance(op, (Restore, Clawback)))
    assert [op.original_op_id for op in (restore, clawback)] == originals
    assert [r["receipt"]["operations"] for r in refunds] == [[restore.leaf().hex()], [clawback.leaf().hex()]]
    assert shop.count("set_aside") == 0


def test_a_redemption_of_several_programmes_comes_back_leg_by_leg(shop: Shop, points: PointsService) -> None:
    phone = shop.enrol()
    shop.stock(phone, 1, 100)
    shop.stock(phone, 2, 100)
    spend = [{"programme": "GROC", "points": 40}, {"programme": "FUEL", "points": 60}]
    sale = shop.sell(phone, line("1", 70), at=FLORIST, spend=spend)
    refuse(shop, [bytes.fromhex(sale["operations"][0])])
    shop.refund(sale["sale_id"], at=FLORIST)
    points.apply_set_aside(shop.clock.at)
    assert (shop.balance(phone, 1), shop.balance(phone, 2), differences(shop)) == (100, 100, [])
    assert not frozen(shop, phone, 1) and not frozen(shop, phone, 2)


def test_points_of_a_refused_redemption_come_back_to_the_epoch_that_they_never_left(
    shop: Shop, points: PointsService
) -> None:
    phone, sale = spent(shop)
    refuse(shop, [bytes.fromhex(sale["operations"][0])])
    points.apply_set_aside(shop.clock.at)
    epoch, end = epoch_end(shop)
    shop.clock.at = instant_of_seconds(end + 200)
    assert points.expire_due(shop.clock.at) == 0  # frozen: how much of it the chain has is not settled
    refund = shop.refund(sale["sale_id"], at=FUEL)
    assert [(r["epoch"], r["points"]) for r in refund["restored"]] == [(epoch, 40)]
    assert differences(shop) == []
    assert points.expire_due(shop.clock.at) == 100
    (expired,) = [op for op in by_state(shop, "queued") if isinstance(op, Expire)]
    assert (expired.leg.epoch, expired.leg.amount, shop.balance(phone, 1)) == (epoch, 100, 0)


def test_what_is_frozen_neither_expires_nor_hides_what_does(
    shop: Shop, points: PointsService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "STEP_ROWS", 1)
    _phone, sale = spent(shop)
    behind = shop.enrol()
    shop.stock(behind, 1, 30)
    refuse(shop, [bytes.fromhex(sale["operations"][0])])
    points.apply_set_aside(shop.clock.at)
    at = instant_of_seconds(epoch_end(shop)[1] + 200)
    assert (points.expire_due(at), points.expire_due(at)) == (30, 0)


def test_refused_earn_that_was_spent_is_withheld_like_any_other(shop: Shop, points: PointsService) -> None:
    phone = shop.enrol()
    sale = shop.sell(phone, line("1", 10_000))
    other = shop.sell(phone, line("1", 60), at=FUEL, spend=[{"programme": "GROC", "points": 60}])
    refuse(shop, [bytes.fromhex(sale["operations"][0])])
    refuse(shop, [bytes.fromhex(other["operations"][0])], "InsufficientBalance()")  # it needed those points
    points.apply_set_aside(shop.clock.at)
    refund = shop.refund(sale["sale_id"])
    assert refund["clawed"] == [{"programme": "GROC", "points": 40, "from": "available"}]
    assert (refund["cash_withheld_minor"], refund["debt"]) == (60, [])
    no_lot_differs(shop)
    assert (shop.balance(phone, 1), frozen(shop, phone, 1)) == (0, False)


def test_a_late_vested_issue_that_is_refused_is_taken_back_from_the_lot_that_it_filled(
    shop: Shop, points: PointsService
) -> None:
    with shop.database.begin() as conn:
        programmes.set_pending_days(conn, "GROC", 14)
    shop.catalogue.refresh()
    phone = shop.enrol()
    sale = shop.sell(phone, line("1", 5_000))
    shop.clock.forward(days=500)  # past its epoch: it vests into a later one
    assert points.vest_due(shop.clock.at) == 1
    (issue,) = [op for op in by_state(shop, "queued") if isinstance(op, Issue)]
    assert issue.leg.epoch != sale["earned"][0]["epoch"]
    refuse(shop, [issue.op_id])
    points.apply_set_aside(shop.clock.at)
    refund = shop.refund(sale["sale_id"])
    assert refund["clawed"] == [{"programme": "GROC", "points": 50, "from": "available"}]
    assert (shop.balance(phone, 1), differences(shop)) == (0, [])


def test_a_refused_gift_freezes_giver_and_recipient(shop: Shop, points: PointsService) -> None:
    giver, recipient = shop.enrol(), shop.enrol()
    shop.stock(giver, 1, 40)
    given = points.gift(gift(shop, giver, recipient, Leg(1, 1, epoch_end(shop)[0], 15)), shop.clock.at)
    refuse(shop, [given])
    assert points.apply_set_aside(shop.clock.at) == 1
    assert frozen(shop, giver, 1) and frozen(shop, recipient, 1)
    assert shop.count("set_aside") == 2
    no_lot_differs(shop)
    for phone in (giver, recipient):
        with pytest.raises(ProgrammeFrozenForMember):
            shop.sell(phone, line("1", 100), spend=[{"programme": "GROC", "points": 1}])


def test_refusals_are_dealt_with_in_steps_and_once(
    shop: Shop, points: PointsService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "STEP_ROWS", 2)
    sales = [spent(shop)[1] for _ in range(3)]
    refuse(shop, [bytes.fromhex(s["operations"][0]) for s in sales])
    assert [points.apply_set_aside(shop.clock.at) for _ in range(3)] == [2, 1, 0]
    assert len(by_state(shop, ASIDE)) == shop.count("set_aside") == 3
    assert on_account(shop, SystemKind.SUSPENSE, 1, FUEL) == 120
    assert on_account(shop, SystemKind.SUSPENSE, 1, GROCER) == 0


def test_what_an_earlier_version_put_into_suspense_is_written_down_and_not_moved_again(
    shop: Shop, points: PointsService
) -> None:
    phone, sale = spent(shop)
    refuse(shop, [bytes.fromhex(sale["operations"][0])])
    points.apply_set_aside(shop.clock.at)
    with shop.database.begin() as conn:
        conn.execute(delete(set_aside))  # as in a database from before that table
    assert points.apply_set_aside(shop.clock.at) == shop.count("set_aside") == 1
    assert on_account(shop, SystemKind.SUSPENSE, 1, FUEL) == 40
    shop.refund(sale["sale_id"], at=FUEL)
    assert (differences(shop), frozen(shop, phone, 1)) == ([], False)


def test_a_quote_offers_no_points_that_the_sale_would_refuse(shop: Shop, points: PointsService) -> None:
    phone, sale = spent(shop)
    body = shop.sale_body(line("1", 100), member={"pay_code": phone.pay_code(shop.clock.at)})
    assert [p["programme"] for p in shop.quote(body)["payable"]] == ["GROC"]
    refuse(shop, [bytes.fromhex(sale["operations"][0])])
    points.apply_set_aside(shop.clock.at)
    assert shop.quote(body)["payable"] == []
