"""From the outbox to the chain and back: every kind of operation, exactly once, and SQL = chain."""

from __future__ import annotations

import time

import pytest
from sqlalchemy import select

from ledger_service.chain import admin
from ledger_service.chain.admin import Admin, MerchantOnChain, Steps
from ledger_service.chain.bridge import Bridge, Job, lag_of
from ledger_service.chain.models import chain_batch, chain_net, chain_tx
from ledger_service.chain.node_check import check_node
from ledger_service.chain.ports import APPROVER, OPERATOR
from ledger_service.chain.reconciler import reconcile
from ledger_service.db.engine import Database
from ledger_service.kernel.events import OperationFinal, OperationMined
from ledger_service.kernel.secp256k1 import keccak256
from ledger_service.outbox.models import intent
from tests.chain.world import MERCHANTS, World


def drain(bridge: Bridge, database: Database, seconds: float = 30.0) -> None:
    """Step until no intent is queued, packed or mined."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        progress = bridge.step()
        with database.snapshot() as conn:
            states = set(conn.execute(select(intent.c.state)).scalars())
        if states <= {"final", "set_aside"} and progress.idle:
            return
        time.sleep(0.005)
    raise AssertionError(f"not drained: {states} {lag_of(database)}")


def states(database: Database) -> dict[bytes, str]:
    with database.snapshot() as conn:
        return {row.op_id: row.state for row in conn.execute(select(intent.c.op_id, intent.c.state))}


def assert_clean(world: World) -> None:
    report = reconcile(world.database, world.book)
    assert report.differences == []
    assert world.deployment is not None
    assert check_node(world.database, world.node, world.deployment.contracts) == []


def everyday(world: World) -> None:
    """One of everything, in an order in which later operations depend on earlier ones."""
    ann, ben, *_ = world.members
    world.enqueue(world.signer(ann), world.signer(ben))
    earned = world.issue(ann, 1, 1000)
    world.enqueue(earned, world.issue(ben, 2, 500))
    spent = world.redeem(ann, MERCHANTS[1], (1, 300))
    world.enqueue(spent, world.gift(ann, ben, 1, 100))
    world.enqueue(world.redeem(ben, MERCHANTS[0], (1, 40), (2, 60)))
    world.enqueue(world.restore(spent, 0, 70), world.restore(spent, 0, 30), world.clawback(earned, 200))
    world.enqueue(world.redeem(ann, MERCHANTS[1], (1, 500)), world.extend(ben, 2, (1, 2), 40))


def test_every_kind_of_operation_gets_to_the_chain_once_and_the_books_agree(world: World) -> None:
    everyday(world)
    drain(world.bridge(), world.database)
    assert set(states(world.database).values()) == {"final"}
    assert_clean(world)
    mined = [event.op_id for event in world.told if isinstance(event, OperationMined)]
    final = [event.op_id for event in world.told if isinstance(event, OperationFinal)]
    assert sorted(mined) == sorted(final) == sorted(states(world.database))
    with world.database.snapshot() as conn:
        nets = {row.merchant: row.net_micros for row in conn.execute(select(chain_net))}
    assert sum(nets.values()) == 0
    assert nets[MERCHANTS[0]] != 0


def test_an_act_of_the_operator_does_not_wait_for_a_batch_that_nobody_looks_for(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An act waits for what other keys have sent, so the index must go on while one is due."""
    monkeypatch.setattr(admin, "_PATIENCE_SECONDS", 2.0)
    due: list[int] = []
    bridge = world.bridge(jobs=(Job("acts", 0.0, lambda: bool(due) and act(due.pop()), signs=True),))

    def act(merchant: int) -> bool:
        steps = Steps(bridge._desk, world.node, world.keys, bridge.delivery, world.settings)
        assert world.deployment is not None
        keys = (keccak256(b"a key")[12:],) * 3
        Admin(steps, world.deployment.contracts).admit_merchant(MerchantOnChain(merchant, *keys))
        return True

    world.enqueue(world.issue(world.members[0], 1, 5))
    while not bridge.step().packed:
        pass
    due.append(9501101530027)
    bridge.step()
    assert due == []
    drain(bridge, world.database)
    assert_clean(world)


def test_an_act_does_not_wait_for_a_batch_that_is_in_a_block_which_nobody_has_read(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The batch waits for one act and is sent while the next one waits for it, inside one pass."""
    monkeypatch.setattr(admin, "_PATIENCE_SECONDS", 2.0)
    due: list[str] = []
    bridge = world.bridge(jobs=(Job("acts", 0.0, lambda: bool(due) and act(due.pop()), signs=True),))

    def act(key: str) -> bool:
        steps = Steps(bridge._desk, world.node, world.keys, bridge.delivery, world.settings)
        steps.by(key).perform(f"act of {key}", b"\x0a" * 20, b"", None)
        return True

    drain(bridge, world.database)
    due.append(OPERATOR)
    world.enqueue(world.issue(world.members[0], 1, 5))
    bridge.step()
    due.append(APPROVER)
    bridge.step()
    assert due == []
    drain(bridge, world.database)
    assert_clean(world)


def test_a_job_that_fails_each_time_holds_up_neither_the_others_nor_the_chain(world: World) -> None:
    """What a merchant brings a job to, a segment too dear to count say, must not stop everybody's chain."""
    ran: list[str] = []

    def fail() -> bool:
        ran.append("fails")
        raise ValueError("poison")

    jobs = (Job("fails", 0.0, fail), Job("works", 0.0, lambda: bool(ran.append("works"))))
    world.enqueue(world.signer(world.members[0]), world.issue(world.members[0], 1, 100))
    bridge = world.bridge(jobs=jobs)
    drain(bridge, world.database)
    assert ran[:4] == ["fails", "works"] * 2
    assert_clean(world)


def test_reconcile_is_clean_at_any_moment_before_the_queue_is_drained(world: World) -> None:
    bridge = world.bridge(most_operations=2)
    everyday(world)
    for _ in range(12):
        assert reconcile(world.database, world.book).differences == []
        bridge.step()
    drain(bridge, world.database)
    assert_clean(world)


def test_a_batch_never_exceeds_its_bounds(world: World) -> None:
    ann = world.members[0]
    world.enqueue(world.signer(ann), *(world.issue(ann, 1 + n % 2, 5) for n in range(100)))
    drain(world.bridge(most_operations=30, gas_budget=1_400_000), world.database)
    with world.database.snapshot() as conn:
        counts = list(conn.execute(select(chain_batch.c.count)).scalars())
        gas = list(conn.execute(select(chain_tx.c.gas).where(chain_tx.c.batch_number.is_not(None))).scalars())
    assert sum(counts) == 101
    assert max(counts) <= 30
    assert max(gas) <= 1_400_000
    assert_clean(world)
