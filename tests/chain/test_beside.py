"""Coupons go from the outbox to their contract exactly once, in their order, and what it refuses is known."""

from __future__ import annotations

import pytest
from sqlalchemy import select, update

from ledger_service.chain.beside.audit import check_beside
from ledger_service.chain.beside.models import UNSETTLED, chain_beside_batch, chain_beside_item
from ledger_service.chain.bridge import lag_of
from ledger_service.kernel.events import BesideJudged
from ledger_service.outbox.beside.models import QUEUED, beside_intent
from tests.chain.coupons import Codes, CouponDesk, bridge_beside, reasons, settle, target_of
from tests.chain.world import MERCHANTS, World


@pytest.fixture
def desk(world: World) -> CouponDesk:
    return CouponDesk(world)


def test_a_code_is_used_once_reversed_once_and_used_again(desk: CouponDesk) -> None:
    codes, bridge = Codes(), bridge_beside(desk.world)
    first, second = desk.consume(codes, 3), desk.consume(codes, 3, MERCHANTS[0])
    other, back = desk.consume(codes, 4, MERCHANTS[0]), desk.reverse(first)
    third, again = desk.consume(codes, 3, MERCHANTS[0]), desk.reverse(first)
    desk.enqueue(desk.type(), desk.root(codes), first, second, other, back, third, again)
    settle(bridge, desk)
    assert reasons(desk, first, second, other) == [None, "CouponConsumed()", None]
    assert reasons(desk, back, third, again) == [None, None, "CouponReversed()"]
    assert [desk.is_consumed(coupon) for coupon in codes.ids[2:6]] == [False, True, True, False]
    assert check_beside(desk.world.database, desk.world.node, target_of(desk.world)) == []
    told = {event.op_id: event.reason for event in desk.world.told if isinstance(event, BesideJudged)}
    assert told == {op_id: reason for op_id, (_, reason) in desk.standing().items()}


def test_a_reversal_of_what_the_contract_refused_is_set_aside(desk: CouponDesk) -> None:
    codes = Codes()
    first, second = desk.consume(codes, 1), desk.consume(codes, 1, MERCHANTS[0])
    back = desk.reverse(second)
    desk.enqueue(desk.type(), desk.root(codes), first, second, back)
    settle(bridge_beside(desk.world), desk)
    assert reasons(desk, second, back) == ["CouponConsumed()", "OriginalRefused()"]
    assert desk.is_consumed(codes.ids[1])


def test_who_has_no_key_holds_back_its_own_and_what_follows_from_it(desk: CouponDesk) -> None:
    codes, world = Codes(), desk.world
    bridge = bridge_beside(world)
    desk.enqueue(desk.type(), desk.root(codes))
    settle(bridge, desk)
    world.keys.missing.add(MERCHANTS[0])
    given = desk.consume(codes, 0, MERCHANTS[0])
    beaten, free = desk.consume(codes, 0), desk.consume(codes, 1)
    desk.enqueue(given, beaten, free)
    for _ in range(20):
        bridge.step()
    states = {op_id: state for op_id, (state, _) in desk.standing().items()}
    assert (states[given.op_id], states[beaten.op_id], states[free.op_id]) == ("queued", "queued", "final")
    world.keys.missing.clear()
    settle(bridge_beside(world), desk)
    assert reasons(desk, given, beaten) == [None, "CouponConsumed()"]


def test_an_altered_payload_is_not_sent_and_an_unreadable_one_is_set_aside(desk: CouponDesk) -> None:
    codes, world = Codes(), desk.world
    altered, garbled, sound = (desk.consume(codes, at) for at in range(3))
    desk.enqueue(desk.type(), desk.root(codes), altered, garbled, sound)
    forged = desk.consume(codes, 5)
    with world.database.begin() as conn:
        row = conn.execute(select(beside_intent).where(beside_intent.c.op_id == altered.op_id)).one()
        payload = row.payload.replace(str(altered.coupon), str(forged.coupon))
        for op_id, text in ((altered.op_id, payload), (garbled.op_id, "[3,")):
            change = update(beside_intent).where(beside_intent.c.op_id == op_id)
            conn.execute(change.values(payload=text))
    settle(bridge_beside(world), desk, but=[altered.op_id])
    standing = desk.standing()
    assert standing[altered.op_id] == ("queued", None)
    assert standing[garbled.op_id] == ("set_aside", "PayloadUnreadable()")
    assert standing[sound.op_id] == ("final", None)
    alarms = {(code, subject) for code, subject, _ in lag_of(world.database).alarms}
    assert ("intent-altered", altered.op_id.hex()) in alarms


def test_batches_are_small_where_they_must_and_their_numbers_rise(desk: CouponDesk) -> None:
    codes = Codes(30)
    used = [desk.consume(codes, at, MERCHANTS[at % 2]) for at in range(30)]
    desk.enqueue(desk.type(), desk.root(codes), *used)
    settle(bridge_beside(desk.world, most_operations=7), desk)
    assert set(reasons(desk, *used)) == {None}
    with desk.world.database.snapshot() as conn:
        rows = conn.execute(select(chain_beside_batch).order_by(chain_beside_batch.c.number)).all()
        items = conn.execute(select(chain_beside_item.c.op_id).where(chain_beside_item.c.live)).all()
    assert [row.number for row in rows] == list(range(1, len(rows) + 1))
    assert len(items) == len({item.op_id for item in items}) == 32
    assert max(row._mapping["count"] for row in rows) == 7
    assert desk.ask("lastBatch")[0] == len(rows)


def test_the_audit_names_what_ledger_and_contract_tell_differently(desk: CouponDesk) -> None:
    codes, world = Codes(), desk.world
    used, lost, forged = (desk.consume(codes, at) for at in range(3))
    desk.enqueue(desk.type(), desk.root(codes), used, lost, forged)
    settle(bridge_beside(world), desk)
    i, b = beside_intent.c, chain_beside_batch.c
    with world.database.begin() as conn:
        conn.execute(update(beside_intent).where(i.op_id == lost.op_id).values(reason="CouponConsumed()"))
        conn.execute(update(beside_intent).where(i.op_id == forged.op_id).values(leaf=bytes(32)))
        conn.execute(update(chain_beside_batch).where(b.number == 1).values(root=bytes(32)))
    found = check_beside(world.database, world.node, target_of(world))
    assert {one.check for one in found} == {"beside-leaf", "coupons-rootOf", "coupons-consumedWord"}
    told = next(one for one in found if one.check == "coupons-consumedWord")
    assert (told.expected, told.actual) == ("0x1", "0x7")


def test_looking_for_work_reads_the_indexes_of_what_is_open_alone(desk: CouponDesk) -> None:
    """Ten times a second, whatever ever was."""
    queries = {
        "ix_beside_intent_queued": select(beside_intent.c.op_id).where(
            (beside_intent.c.target == "coupons") & QUEUED
        ),
        "ix_chain_beside_batch_unsettled": select(chain_beside_batch).where(
            (chain_beside_batch.c.target == "coupons") & UNSETTLED
        ),
    }
    with desk.world.database.snapshot() as conn:
        for index, query in queries.items():
            text = str(query.compile(conn.engine, compile_kwargs={"literal_binds": True}))
            plan = conn.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}").all()
            assert index in str(plan), plan
