"""Accounts that move, on a chain: order, refunds that follow, refusals that hold their member and nobody
else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select

from ledger_service.chain.bridge import Bridge
from ledger_service.chain.models import chain_balance, chain_operation
from ledger_service.chain.originals import resolve
from ledger_service.chain.plan import Lookup, Situation, plan_batch
from ledger_service.chain.reconciler import reconcile
from ledger_service.kernel.operations import Kind
from tests.chain import samples as s
from tests.chain.test_bridge import assert_clean, drain, states
from tests.chain.test_fresh_index import against_fresh_index
from tests.chain.test_plan import WIDE, queued, taken
from tests.chain.world import MERCHANTS, Member, World, member

NEW, LAST = member(71), member(72)


def begin(world: World) -> tuple[Bridge, Member]:
    """Ann has points of two programmes on the chain, and the account she may rotate to has its signer."""
    ann = world.members[0]
    world.enqueue(world.signer(ann), world.issue(ann, 1, 1000), world.issue(ann, 2, 500), world.signer(NEW))
    return world.bridge(), ann


def where(world: World, kind: Kind) -> list[int]:
    """The batches that hold operations of a kind."""
    with world.database.snapshot() as conn:
        o = chain_operation.c
        return list(conn.execute(select(o.batch).where(o.kind == int(kind)).order_by(o.batch)).scalars())


def test_a_move_comes_after_all_that_was_accepted_before_and_before_all_that_follows(world: World) -> None:
    bridge, ann = begin(world)
    spent = world.redeem(ann, MERCHANTS[1], (1, 300))
    world.enqueue(spent, world.rotate(ann, NEW), world.redeem(NEW, MERCHANTS[1], (1, 700), (2, 500)))
    world.enqueue(world.restore(spent, 0, 300, account=NEW.account), world.issue(NEW, 1, 5))
    world.enqueue(world.signer(LAST), world.rotate(NEW, LAST), world.redeem(LAST, MERCHANTS[0], (1, 305)))
    for _ in range(6):
        assert reconcile(world.database, world.book).differences == []
        bridge.step()
    drain(bridge, world.database)
    assert set(states(world.database).values()) == {"final"}
    assert_clean(world)
    first, second = where(world, Kind.MOVE)
    assert where(world, Kind.REDEEM) == [first - 1, first + 1, second + 1]
    with world.database.snapshot() as conn:
        left = conn.execute(select(chain_balance.c.account).where(chain_balance.c.amount != 0)).all()
    assert left == []


def test_refunds_and_clawbacks_follow_through_two_moves(world: World, tmp_path: Path) -> None:
    bridge, ann = begin(world)
    spent, earned = world.redeem(ann, MERCHANTS[1], (1, 300)), world.issue(ann, 1, 40)
    world.enqueue(spent, earned, world.rotate(ann, NEW), world.signer(LAST), world.rotate(NEW, LAST))
    drain(bridge, world.database)
    back = world.clawback(earned, 40)
    world.book.balances[ann.account, 1, 1] += 40
    world.book.balances[LAST.account, 1, 1] -= 40
    world.enqueue(world.restore(spent, 0, 120, account=LAST.account), replace(back, account=LAST.account))
    drain(bridge, world.database)
    assert set(states(world.database).values()) == {"final"}
    assert_clean(world)
    assert against_fresh_index(world, tmp_path / "fresh.db") == []


def test_a_move_that_is_refused_holds_its_member_until_another_mends_it(world: World) -> None:
    bridge, ann = begin(world)
    bob = world.members[1]
    spent = world.redeem(ann, MERCHANTS[1], (1, 300))
    forged = world.rotate(ann, NEW)
    world.enqueue(spent, replace(forged, authorisation=bytes(65)))
    waits = [world.redeem(NEW, MERCHANTS[1], (1, 700)), world.restore(spent, 0, 10, account=NEW.account)]
    world.enqueue(*waits, world.issue(bob, 1, 9))
    for _ in range(80):
        bridge.step()
    found = states(world.database)
    assert found.pop(forged.op_id) == "set_aside"
    assert [found.pop(each.op_id) for each in waits] == ["queued", "queued"]
    assert set(found.values()) == {"final"}
    assert reconcile(world.database, world.book).differences == []
    world.enqueue(replace(forged, op_id=world.op_id()))
    drain(bridge, world.database)
    assert {each.op_id: states(world.database)[each.op_id] for each in waits} == {
        each.op_id: "final" for each in waits
    }
    assert_clean(world)


def test_a_reorg_between_a_move_and_what_follows_loses_nothing(world: World) -> None:
    bridge, ann = begin(world)
    spent = world.redeem(ann, MERCHANTS[1], (1, 300))
    world.enqueue(spent, world.rotate(ann, NEW), world.restore(spent, 0, 300, account=NEW.account))
    drain(bridge, world.database)
    cursor = bridge.indexer.cursor()
    assert cursor is not None
    for back in (1, 2, 3):
        bridge.indexer.rewind(cursor.number - back)
        assert reconcile(world.database, world.book).differences == []
        drain(bridge, world.database)
    assert_clean(world)


def test_a_reversal_waits_for_the_move_and_never_goes_past_it(world: World) -> None:
    bridge, ann = begin(world)
    spent = world.redeem(ann, MERCHANTS[1], (1, 300))
    world.enqueue(spent, world.rotate(ann, NEW))
    early, later = world.restore(spent, 0, 1), world.restore(spent, 0, 1, account=LAST.account)
    drain(bridge, world.database)
    with world.database.snapshot() as conn:
        assert resolve(conn, [early]) == {spent.op_id: Lookup.NEVER}
        assert resolve(conn, [later]) == {spent.op_id: Lookup.NOT_YET}


@pytest.mark.parametrize("where_", ["moving", "flying"])
def test_moves_share_the_air_with_nothing_of_their_accounts(where_: str) -> None:
    move, spend, stranger = s.move(1), s.redeem(2), s.issue(3, account=b"\x09" * 20)
    assert taken(plan_batch(queued(stranger, move, spend), Situation(), WIDE)) == [1]
    other = s.move(4, b"\x07" * 20, b"\x08" * 20)
    assert taken(plan_batch(queued(move, stranger, spend, other), Situation(), WIDE)) == [1, 4]
    keys = frozenset({(s.OTHER, -1 if where_ == "moving" else 1)})
    situation = Situation(**{where_: keys})
    assert taken(plan_batch(queued(move, spend, stranger), situation, WIDE)) == [3]


def test_a_refused_redemption_whose_refund_names_the_next_account_is_no_difference(world: World) -> None:
    bridge, ann = begin(world)
    drain(bridge, world.database)
    poisoned = world.redeem(ann, MERCHANTS[1], (1, 1_500))
    world.enqueue(poisoned)
    drain(bridge, world.database)
    assert states(world.database)[poisoned.op_id] == "set_aside"
    assert [d.subject for d in reconcile(world.database, world.book).differences] == [poisoned.op_id.hex()]
    world.enqueue(world.rotate(ann, NEW), world.signer(LAST), world.rotate(NEW, LAST))
    drain(bridge, world.database)
    back = world.restore(poisoned, 0, 1_500, account=LAST.account)
    world.enqueue(back)
    drain(bridge, world.database)
    assert states(world.database)[back.op_id] == "set_aside"
    assert reconcile(world.database, world.book).differences == []
