"""Points that get a later end, on a chain: order, batches of their own, refusals, the books afterwards."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ledger_service.chain.plan import Situation, plan_batch
from ledger_service.chain.reconciler import reconcile
from ledger_service.kernel.operations import Kind
from tests.chain import samples as s
from tests.chain.test_bridge import assert_clean, drain, states
from tests.chain.test_fresh_index import against_fresh_index
from tests.chain.test_moves import where
from tests.chain.test_plan import WIDE, queued, taken
from tests.chain.world import MERCHANTS, World


def test_extensions_share_their_batches_with_extensions_alone() -> None:
    queue = queued(
        s.extend(1), s.extend(2, s.MERCHANT_B), s.issue(3, account=s.OTHER), s.extend(4, s.MERCHANT_A)
    )
    plan = plan_batch(queue, Situation(), WIDE)
    assert taken(plan) == [1, 2, 4]
    assert list(plan.slices) == sorted({s.MERCHANT_A, s.MERCHANT_B})
    assert plan.rows == set()
    assert taken(plan_batch(queue[2:], Situation(), WIDE)) == [3]


def test_what_follows_an_extension_of_the_same_points_waits_for_it_and_strangers_do_not() -> None:
    first, spent = s.issue(1), s.redeem(3)
    queue = queued(first, s.extend(2), spent, s.issue(4, account=s.OTHER), s.extend(5, account=s.OTHER))
    assert taken(plan_batch(queue, Situation(), WIDE)) == [1, 4]
    assert taken(plan_batch(queue[1:3], Situation(), WIDE)) == [2]


def test_points_are_spent_in_the_epoch_that_an_extension_brought_them_to(
    world: World, tmp_path: Path
) -> None:
    ann, bob = world.members[:2]
    world.enqueue(world.signer(ann), world.issue(ann, 1, 1000), world.issue(ann, 2, 7), world.signer(bob))
    spent = world.redeem(ann, MERCHANTS[1], (1, 300))
    world.enqueue(
        spent, world.extend(ann, 1, (1, 2), 700), world.redeem(ann, MERCHANTS[1], (1, 450), epoch=2)
    )
    world.enqueue(
        world.restore(spent, 0, 40), world.extend(ann, 1, (1, 2), 40), world.extend(ann, 1, (2, 3), 290)
    )
    world.enqueue(world.issue(bob, 2, 5), world.extend(ann, 2, (1, 3), 7))
    bridge = world.bridge()
    for _ in range(6):
        assert reconcile(world.database, world.book).differences == []
        bridge.step()
    drain(bridge, world.database)
    assert set(states(world.database).values()) == {"final"}
    assert_clean(world)
    assert against_fresh_index(world, tmp_path / "fresh.db") == []
    assert world.book.balances[ann.account, 1, 3] == 290


def test_a_reorganised_extension_is_sent_again_as_it_was(world: World) -> None:
    ann = world.members[0]
    world.enqueue(world.signer(ann), world.issue(ann, 1, 100), world.extend(ann, 1, (1, 2), 60))
    bridge = world.bridge()
    drain(bridge, world.database)
    (batch,) = where(world, Kind.EXTEND)
    bridge.indexer.rewind(world.node.head().number - 2)
    drain(bridge, world.database)
    assert where(world, Kind.EXTEND) == [batch]
    assert_clean(world)


def test_an_extension_that_the_contract_refuses_is_set_aside_and_the_others_go_on(world: World) -> None:
    ann, bob = world.members[:2]
    world.enqueue(world.signer(ann), world.issue(ann, 1, 100), world.issue(bob, 1, 100))
    earlier = replace(world.extend(ann, 1, (1, 2), 60), into_epoch=1)
    world.enqueue(earlier, world.extend(bob, 1, (1, 2), 60))
    bridge = world.bridge()
    for _ in range(60):
        bridge.step()
    found = states(world.database)
    assert found.pop(earlier.op_id) == "set_aside"
    assert set(found.values()) == {"final"}
    assert len(where(world, Kind.EXTEND)) == 1
