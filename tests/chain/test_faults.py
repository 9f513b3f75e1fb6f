"""Refusals, lost answers, crashes at every point, two leaders, a node that lies: each intent still takes
effect once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import Connection, select, update

from ledger_service.chain.bridge import Bridge, lag_of
from ledger_service.chain.client import Node
from ledger_service.chain.errors import ChainUnavailable, LeadershipLost, LyingNode
from ledger_service.chain.models import chain_batch, chain_batch_item, chain_operation, chain_tx
from ledger_service.chain.outbound import Draft, Outbound
from ledger_service.chain.reconciler import reconcile
from ledger_service.chain.transport import Call, Transport
from ledger_service.db.engine import Database
from ledger_service.kernel.events import OperationSetAside
from ledger_service.kernel.points import Leg
from ledger_service.outbox.models import intent
from tests.chain.networks import Anvil, Network
from tests.chain.test_bridge import assert_clean, drain, everyday, states
from tests.chain.world import MERCHANTS, World, wall


def test_a_poisoned_operation_is_set_aside_with_its_reason_and_the_others_go_on(world: World) -> None:
    ann, ben, *_ = world.members
    world.enqueue(world.signer(ann), world.signer(ben), world.issue(ann, 1, 100), world.issue(ben, 1, 100))
    drain(world.bridge(), world.database)
    poisoned = world.redeem(ann, MERCHANTS[1], (1, 500))
    good = [world.redeem(ben, MERCHANTS[1], (1, 10)) for _ in range(5)]
    orphan = world.restore(poisoned, 0, 7)
    later = world.issue(ann, 1, 11)
    world.enqueue(*good[:2], poisoned, *good[2:], orphan, later)
    drain(world.bridge(), world.database)
    told = {e.op_id: e.reason for e in world.told if isinstance(e, OperationSetAside)}
    assert set(told) == {poisoned.op_id, orphan.op_id}
    assert told[poisoned.op_id].startswith("AlliancePointsInsufficientBalance(")
    assert states(world.database)[poisoned.op_id] == "set_aside"
    assert all(states(world.database)[o.op_id] == "final" for o in (*good, later))
    named = {
        d.subject
        for d in reconcile(world.database, world.book).differences
        if d.check == "operation-set-aside"
    }
    assert named == {poisoned.op_id.hex(), orphan.op_id.hex()}


def test_an_operation_is_in_one_live_batch_only_and_never_twice_on_the_chain(world: World) -> None:
    ann = world.members[0]
    world.enqueue(world.signer(ann), world.issue(ann, 1, 100), world.redeem(ann, MERCHANTS[1], (1, 500)))
    drain(world.bridge(), world.database)
    with world.database.snapshot() as conn:
        items = list(conn.execute(select(chain_batch_item.c.op_id, chain_batch_item.c.live)))
        mined = list(conn.execute(select(chain_operation.c.op_id)).scalars())
        dead = list(conn.execute(select(chain_batch.c.number).where(chain_batch.c.state == "dead")).scalars())
    assert dead == [1]
    assert len(mined) == len(set(mined)) == 2
    assert len([op for op, live in items if live]) == 2
    assert len(items) == 5


def test_a_merchant_without_its_key_holds_back_only_its_own_operations(world: World) -> None:
    ann, ben, *_ = world.members
    world.keys.missing.add(MERCHANTS[1])
    held, free = world.issue(ann, 2, 10), world.issue(ben, 1, 10)
    world.enqueue(held, free)
    bridge = world.bridge()
    for _ in range(20):
        bridge.step()
    assert states(world.database)[held.op_id] == "queued"
    assert states(world.database)[free.op_id] == "final"
    assert [a[0] for a in lag_of(world.database).alarms] == ["merchant-key"]
    world.keys.missing.clear()
    drain(world.bridge(), world.database)
    assert_clean(world)


def test_a_slice_that_is_not_signed_by_the_merchant_never_counts(world: World) -> None:
    ann, ben, *_ = world.members
    world.keys.wrong.add(MERCHANTS[1])
    held, free = world.issue(ann, 2, 10), world.issue(ben, 1, 10)
    world.enqueue(held, free)
    bridge = world.bridge()
    for _ in range(20):
        bridge.step()
    assert states(world.database)[held.op_id] == "queued"
    assert states(world.database)[free.op_id] == "final"
    world.keys.wrong.clear()
    drain(world.bridge(), world.database)
    assert_clean(world)


def test_a_forged_outbox_row_is_not_sent_and_named(world: World) -> None:
    ann = world.members[0]
    forged, honest = world.issue(ann, 1, 10), world.issue(world.members[1], 1, 10)
    world.enqueue(forged, honest)
    word, false = f"{forged.leg.word():x}", f"{Leg(1, 1, 1, 10_000).word():x}"
    with world.database.begin() as conn:
        payload = conn.execute(select(intent.c.payload).where(intent.c.op_id == forged.op_id)).scalar_one()
        conn.execute(
            update(intent).where(intent.c.op_id == forged.op_id).values(payload=payload.replace(word, false))
        )
    bridge = world.bridge()
    for _ in range(10):
        bridge.step()
    assert states(world.database) == {forged.op_id: "queued", honest.op_id: "final"}
    assert ("intent-altered", forged.op_id.hex()) in {(a[0], a[1]) for a in lag_of(world.database).alarms}


class LossyTransport(Transport):
    """Forwards every write and loses its answer, every second time."""

    lost = 0
    writes = 0

    def write(self, calls: Any) -> list[Any]:
        answer = super().write(calls)
        if calls and calls[0][0] == "eth_sendRawTransaction":
            self.writes += 1
            if self.writes % 2:
                self.lost += 1
                raise ChainUnavailable(calls[0][0], "lost")
        return answer


def test_lost_answers_send_the_same_bytes_again_and_nothing_is_doubled(
    world: World, network: Network
) -> None:
    transport = LossyTransport(network.url)
    world.node = Node(transport)
    network.nodes.append(world.node)
    everyday(world)
    bridge = world.bridge(most_operations=3)
    for _ in range(400):
        try:
            if bridge.step().idle and set(states(world.database).values()) == {"final"}:
                break
        except ChainUnavailable:
            continue
    assert transport.lost >= 3
    assert set(states(world.database).values()) == {"final"}
    assert_clean(world)
    with world.database.snapshot() as conn:
        assert set(conn.execute(select(chain_tx.c.attempt)).scalars()) == {0}


class Killed(BaseException):
    """The process is gone: nothing after this line has happened."""


@dataclass
class CrashingDatabase:
    """A database whose process dies before or after its n-th commit, or around its n-th write to the node."""

    inner: Database
    countdown: int

    def tick(self) -> None:
        self.countdown -= 1
        if self.countdown == 0:
            raise Killed

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        with self.inner.begin() as conn:
            yield conn
            self.tick()
        self.tick()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


class CrashingTransport(Transport):
    """The process dies before the request leaves, or before its answer is read."""

    clock: CrashingDatabase

    def write(self, calls: list[Call]) -> list[Any]:  # type: ignore[override]  # narrower on purpose
        self.clock.tick()
        answer = super().write(calls)
        self.clock.tick()
        return answer


def _run_until_killed(bridge: Bridge) -> bool:
    try:
        for _ in range(60):
            bridge.step()
    except Killed:
        return True
    return False


def test_a_crash_between_any_two_steps_loses_nothing_and_doubles_nothing(
    world: World, network: Network
) -> None:
    real, real_node = world.database, world.node
    crashes = 0
    for point in range(1, 40):
        everyday_small(world)
        crashing = CrashingDatabase(real, point)
        transport = CrashingTransport(network.url)
        transport.clock = crashing
        world.database, world.node = crashing, Node(transport)  # type: ignore[assignment]  # stands in for both
        network.nodes.append(world.node)
        crashes += _run_until_killed(world.bridge(f"bridge {point}", most_operations=3, lease_seconds=0))
        transport.close()
        world.database, world.node = real, real_node
    drain(world.bridge("the last one"), real)
    assert crashes == 39
    assert set(states(real).values()) == {"final"}
    assert_clean(world)


def everyday_small(world: World) -> None:
    ann = world.members[0]
    if not world.book.balances:
        world.enqueue(world.signer(ann))
    earned = world.issue(ann, 1, 50)
    spent = world.redeem(ann, MERCHANTS[1], (1, 20))
    world.enqueue(earned, spent, world.restore(spent, 0, 5), world.clawback(earned, 3))


def test_only_one_of_two_bridges_works_and_the_old_leader_cannot_write(world: World) -> None:
    first, second = world.bridge("first"), world.bridge("second")
    everyday(world)
    assert first.step().leading
    assert not second.step().leading
    with world.database.begin() as conn:
        conn.exec_driver_sql("UPDATE chain_leader SET expires_at = 0")
    assert second.step().leading
    with pytest.raises(LeadershipLost), first.indexer._desk.write():
        pass
    assert not first.step().leading
    drain(second, world.database)
    assert_clean(world)


class LyingTransport(Transport):
    """Leaves out one log of each block that has several, while ``lying``."""

    lying = True

    def write(self, calls: Any) -> list[Any]:
        answers = super().write(calls)
        if not self.lying:
            return answers
        return [
            a[1:] if c[0] == "eth_getLogs" and len(a) > 2 else a for c, a in zip(calls, answers, strict=True)
        ]


class SilentTransport(Transport):
    """Has no logs at all, while ``lying``."""

    lying = True

    def write(self, calls: Any) -> list[Any]:
        answers = super().write(calls)
        return [
            [] if self.lying and c[0] == "eth_getLogs" else a for c, a in zip(calls, answers, strict=True)
        ]


@pytest.mark.parametrize("kind", [LyingTransport, SilentTransport])
def test_a_node_that_omits_logs_is_not_believed(world: World, network: Network, kind: Any) -> None:
    drain(world.bridge(), world.database)
    transport = kind(network.url)
    world.node = Node(transport)
    network.nodes.append(world.node)
    everyday(world)
    bridge = world.bridge()
    with pytest.raises(LyingNode):
        drain(bridge, world.database)
    assert "final" not in states(world.database).values()
    transport.lying = False
    drain(bridge, world.database)
    assert_clean(world)


def test_an_old_transaction_that_turns_up_late_finds_its_operations_still_its_own(world: World) -> None:
    """D8: while a batch may still be mined, however long it takes, nothing of it is packed anew."""
    ann = world.members[0]
    world.enqueue(world.issue(ann, 1, 10))
    bridge = world.bridge()
    bridge.step()  # the mirror is up to date before anything is sent
    drain(bridge, world.database)
    world.enqueue(world.issue(ann, 1, 20), world.issue(ann, 1, 30))
    assert bridge.packer.step(0) == 2  # stored, signed, not sent: as if the node had lost it
    for _ in range(20):
        assert world.bridge().packer.step(1) == 0
    drain(world.bridge(), world.database)
    with world.database.snapshot() as conn:
        assert list(conn.execute(select(chain_batch.c.state)).scalars()) == ["final", "final"]
    assert_clean(world)


def test_a_batch_whose_nonce_a_stranger_used_is_dead_and_its_operations_go_into_another(world: World) -> None:
    ann = world.members[0]
    bridge = world.bridge()
    drain(bridge, world.database)
    world.enqueue(world.issue(ann, 1, 20))
    assert bridge.packer.step(0) == 1
    with world.database.snapshot() as conn:
        row = conn.execute(select(chain_tx).where(chain_tx.c.batch_number == 1)).one()
        old = conn.exec_driver_sql(
            "SELECT raw_tx FROM chain_journal ORDER BY position DESC LIMIT 1"
        ).scalar_one()
    thief = Outbound(bridge.indexer._desk, world.node, world.keys, world.settings)
    stolen = thief.sign("relayer", row.nonce, Draft(row.signer, b"", 21_000))
    world.node.send([stolen.raw])
    drain(bridge, world.database)
    with world.database.snapshot() as conn:
        assert list(conn.execute(select(chain_batch.c.state).order_by(chain_batch.c.number)).scalars()) == [
            "dead",
            "final",
        ]
    world.node.send([old])  # the old transaction turns up late
    drain(bridge, world.database)
    assert_clean(world)


def test_a_stuck_transaction_is_replaced_by_one_that_bids_more(
    anvil: Anvil, sqlite_database: Database, settings: Any
) -> None:
    world = World(sqlite_database, anvil.node(), settings)
    world.found()
    world.enqueue(world.issue(world.members[0], 1, 20))
    bridge = world.bridge(bump_after_seconds=0.2)
    drain_steps(bridge)
    world.node.control(("evm_setAutomine", [False]))
    world.enqueue(world.issue(world.members[0], 1, 30))
    for _ in range(60):
        bridge.step()
        wait(0.02)
    with world.database.snapshot() as conn:
        attempts = conn.execute(
            select(chain_tx.c.attempt, chain_tx.c.max_fee).where(chain_tx.c.batch_number == 2)
        ).all()
    assert len(attempts) >= 2
    assert max(attempts).max_fee > min(attempts).max_fee
    world.node.control(("evm_mine", []), ("evm_setAutomine", [True]))
    drain(bridge, world.database)
    assert_clean(world)


def drain_steps(bridge: Bridge) -> None:
    while not bridge.step().idle:
        pass


def wait(seconds: float) -> None:
    import time

    time.sleep(seconds)


def test_the_wall_clock_of_leases_is_aware(world: World) -> None:
    assert wall().tzinfo is not None
