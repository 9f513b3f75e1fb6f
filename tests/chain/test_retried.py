"""A refused operation in the queue again: a dry run first, then once on the chain, or set aside once more."""

from __future__ import annotations

from sqlalchemy import func, select, update

from ledger_service.chain.client import Node
from ledger_service.chain.models import chain_alarm, chain_batch, chain_batch_item
from ledger_service.chain.reconciler import reconcile
from ledger_service.db.engine import Database
from ledger_service.kernel.events import OperationSetAside
from ledger_service.kernel.operations import Operation, Redeem
from ledger_service.outbox.models import intent
from tests.chain.networks import Network
from tests.chain.test_bridge import assert_clean, drain, states
from tests.chain.test_crashes import CrashingDatabase, CrashingTransport, run_until_killed
from tests.chain.world import MERCHANTS, Member, World


def queue_again(database: Database, *operations: Operation) -> None:
    """What an approved retry does to the outbox."""
    with database.begin() as conn:
        mine = intent.c.op_id.in_([one.op_id for one in operations]) & (intent.c.state == "set_aside")
        moved = conn.execute(update(intent).where(mine).values(state="queued")).rowcount
        assert moved == len(operations)


def refused(world: World) -> tuple[Member, Redeem]:
    """A payment that the contract refuses for want of points."""
    ann, ben, *_ = world.members
    world.enqueue(world.signer(ann), world.signer(ben), world.issue(ann, 1, 100), world.issue(ben, 1, 100))
    drain(world.bridge(), world.database)
    spent = world.redeem(ann, MERCHANTS[1], (1, 500))
    world.enqueue(spent, world.redeem(ben, MERCHANTS[1], (1, 10)))
    drain(world.bridge(), world.database)
    assert states(world.database)[spent.op_id] == "set_aside"
    return ann, spent


def refused_batches(database: Database) -> int:
    with database.snapshot() as conn:
        dead = select(func.count()).select_from(chain_batch).where(chain_batch.c.state == "dead")
        return int(conn.execute(dead).scalar_one())


def alarms(database: Database) -> list[str]:
    with database.snapshot() as conn:
        query = select(chain_alarm.c.subject).where(chain_alarm.c.code == "operation-set-aside")
        return list(conn.execute(query).scalars())


def test_once_its_cause_is_gone_it_counts_once_and_nothing_is_named_any_more(world: World) -> None:
    ann, spent = refused(world)
    orphan = world.restore(spent, 0, 20)
    world.enqueue(orphan)
    drain(world.bridge(), world.database)
    assert states(world.database)[orphan.op_id] == "set_aside"
    world.enqueue(world.issue(ann, 1, 400))
    drain(world.bridge(), world.database)
    assert alarms(world.database) != []
    queue_again(world.database, spent, orphan)
    assert reconcile(world.database, world.book).differences == []
    drain(world.bridge(), world.database)
    assert set(states(world.database).values()) == {"final"}
    assert_clean(world)
    assert alarms(world.database) == []
    with world.database.snapshot() as conn:
        mine = chain_batch_item.c.live & (chain_batch_item.c.op_id == spent.op_id)
        assert conn.execute(select(func.count()).where(mine)).scalar_one() == 1
        reasons = conn.execute(select(intent.c.reason).where(intent.c.op_id == spent.op_id)).scalar_one()
        assert reasons is None


def test_while_its_cause_stands_a_dry_run_sets_it_aside_and_no_batch_is_lost_to_it(world: World) -> None:
    ann, spent = refused(world)
    with world.database.begin() as conn:  # as of one that no batch ever carried
        mine = intent.c.op_id == spent.op_id
        conn.execute(update(intent).where(mine).values(batch_number=None, batch_index=None))
    before = refused_batches(world.database)
    for _ in range(2):
        queue_again(world.database, spent)
        good = world.issue(ann, 1, 1)
        world.enqueue(good)
        drain(world.bridge(), world.database)
        found = states(world.database)
        assert (found[spent.op_id], found[good.op_id]) == ("set_aside", "final")
    assert refused_batches(world.database) == before
    told = [e for e in world.told if isinstance(e, OperationSetAside) and e.op_id == spent.op_id]
    assert len(told) == 3
    assert alarms(world.database) == [spent.op_id.hex()]


def test_a_crash_between_any_two_steps_of_a_retry_loses_nothing_and_doubles_nothing(
    world: World, network: Network
) -> None:
    ann, spent = refused(world)
    real, real_node, crashes = world.database, world.node, 0
    for point in range(1, 20):
        if point == 7:  # the cause is gone in the middle of it
            world.enqueue(world.issue(ann, 1, 400))
        if states(real)[spent.op_id] == "set_aside":
            queue_again(real, spent)
        world.enqueue(world.issue(ann, 1, 1))
        crashing, transport = CrashingDatabase(real, point), CrashingTransport(network.url)
        transport.clock = crashing
        world.database, world.node = crashing, Node(transport)  # type: ignore[assignment]  # stands in for both
        network.nodes.append(world.node)
        crashes += run_until_killed(world.bridge(f"bridge {point}", most_operations=3, lease_seconds=0))
        transport.close()
        world.database, world.node = real, real_node
    drain(world.bridge("the last one"), real, 90.0)
    if states(real)[spent.op_id] == "set_aside":
        queue_again(real, spent)
        drain(world.bridge("and once more"), real, 90.0)
    assert crashes == 19
    assert set(states(real).values()) == {"final"}
    assert_clean(world)
