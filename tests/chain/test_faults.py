"""Refusals, lost answers, crashes at every point, two leaders, a node that lies: each intent still takes
effect once."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import select, update

from ledger_service.chain.bridge import Bridge, Job, lag_of
from ledger_service.chain.client import Node
from ledger_service.chain.errors import LeadershipLost, LyingNode
from ledger_service.chain.models import (
    chain_batch,
    chain_batch_item,
    chain_operation,
    chain_signer,
    chain_tx,
)
from ledger_service.chain.outbound import Draft
from ledger_service.chain.reconciler import reconcile
from ledger_service.chain.transport import Transport
from ledger_service.custody.errors import SignerUnavailable, SigningRefused
from ledger_service.kernel.errors import DomainError
from ledger_service.kernel.events import OperationSetAside
from ledger_service.kernel.points import Leg
from ledger_service.outbox.models import intent
from tests.chain.networks import Network
from tests.chain.test_bridge import assert_clean, drain, everyday, states
from tests.chain.world import MERCHANTS, World

LONG_GONE = datetime(2020, 1, 1, tzinfo=UTC)


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
    # The restore follows from the refused redemption; together they are one difference (D7).
    assert named == {poisoned.op_id.hex()}


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


def step_until_final(bridge: Bridge, world: World, op_id: bytes) -> None:
    """The operation is final, however slow the node is, and what else there is had time to follow."""
    deadline = time.monotonic() + 30
    while states(world.database)[op_id] != "final":
        assert time.monotonic() < deadline
        bridge.step()
    for _ in range(10):
        bridge.step()


def test_a_merchant_without_its_key_holds_back_only_its_own_operations(world: World) -> None:
    ann, ben, *_ = world.members
    world.keys.missing.add(MERCHANTS[1])
    held, free = world.issue(ann, 2, 10), world.issue(ben, 1, 10)
    world.enqueue(held, free)
    bridge = world.bridge()
    step_until_final(bridge, world, free.op_id)
    assert states(world.database)[held.op_id] == "queued"
    assert [a[0] for a in lag_of(world.database).alarms] == ["merchant-key"]
    world.keys.missing.clear()
    drain(world.bridge(), world.database)
    assert_clean(world)


def test_a_merchant_without_its_key_holds_back_nobody_however_much_of_it_waits_in_front(world: World) -> None:
    ann, ben, *_ = world.members
    world.keys.missing.add(MERCHANTS[1])
    held, free = [world.issue(ann, 2, 10) for _ in range(30)], world.issue(ben, 1, 10)
    later = world.redeem(ann, MERCHANTS[0], (2, 10))
    world.enqueue(world.signer(ann), *held, later, free)
    bridge = world.bridge(most_operations=3)
    step_until_final(bridge, world, free.op_id)
    told = states(world.database)
    assert {told[o.op_id] for o in (*held, later)} == {"queued"}
    world.keys.missing.clear()
    drain(world.bridge(), world.database)
    assert_clean(world)


def test_a_slice_that_is_not_signed_by_the_merchant_never_counts(world: World) -> None:
    ann, ben, *_ = world.members
    world.keys.wrong.add(MERCHANTS[1])
    held, free = world.issue(ann, 2, 10), world.issue(ben, 1, 10)
    world.enqueue(held, free)
    bridge = world.bridge()
    step_until_final(bridge, world, free.op_id)
    assert states(world.database)[held.op_id] == "queued"
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


class WithholdingTransport(Transport):
    """Has no receipts, like a node behind the same address that lags."""

    def write(self, calls: Any) -> list[Any]:
        answers = super().write(calls)
        return [
            None if c[0] == "eth_getTransactionReceipt" else a for c, a in zip(calls, answers, strict=True)
        ]


def test_a_node_that_withholds_receipts_cannot_make_a_mined_batch_dead(
    world: World, network: Network
) -> None:
    """D8: the mirror has not seen the block yet, so nothing is proven, whatever receipts are missing."""
    drain(world.bridge(), world.database)
    honest = world.node
    world.node = Node(WithholdingTransport(network.url))
    network.nodes.append(world.node)
    world.enqueue(world.issue(world.members[0], 1, 10))
    bridge = world.bridge(resend_after_seconds=0.0)
    assert bridge._desk.lead()
    assert bridge.packer.step(0) == 1
    for _ in range(3):
        bridge.submitter.step()
    world.node = honest
    drain(world.bridge(), world.database)
    with world.database.snapshot() as conn:
        assert list(conn.execute(select(chain_batch.c.state)).scalars()) == ["final"]
        assert len(list(conn.execute(select(chain_operation.c.op_id)))) == 1
    assert_clean(world)


@pytest.mark.parametrize(
    ("failure", "said"),
    [
        (SignerUnavailable(2), "bridge waits: signer-unavailable"),
        (SigningRefused("no-such-key"), "bridge failed in a pass"),
    ],
)
def test_a_signing_process_that_is_away_is_waited_for_and_is_no_defect(
    world: World, caplog: pytest.LogCaptureFixture, failure: DomainError, said: str
) -> None:
    stop = threading.Event()

    def refuse() -> bool:
        stop.set()
        raise failure

    world.bridge(jobs=(Job("acts", 1, refuse),)).run(stop)
    told = [record.getMessage() for record in caplog.records if record.name.endswith("bridge")]
    assert [line[: len(said)] for line in told] == [said]


def test_what_fills_a_gap_goes_before_what_waits_for_it(world: World) -> None:
    """As after a restore: nonces were taken over, another key's step was stored, and one nonce is missing."""
    drain(world.bridge(), world.database)
    bridge = world.bridge()
    assert bridge._desk.lead()
    outbound = bridge.submitter._outbound
    first = outbound.next_nonce("relayer")
    behind = outbound.sign("relayer", first + 1, Draft(outbound.sender("relayer"), b"", 21_000))
    step = outbound.sign("operator", outbound.next_nonce("operator"), Draft(bytes(20), b"", 30_000, step="x"))
    with bridge._desk.write() as conn:
        outbound.store(conn, behind)
        outbound.store_next(conn, step)
        mine = chain_signer.c.address == behind.signer
        conn.execute(update(chain_signer).where(mine).values(next_nonce=first + 2))
        conn.execute(update(chain_tx).where(chain_tx.c.tx_hash == behind.tx_hash).values(sent_at=LONG_GONE))
    drain(bridge, world.database)
    for _ in range(6):
        bridge.step()
    with world.database.snapshot() as conn:
        opened = select(chain_tx.c.nonce).where(chain_tx.c.state.in_(("signed", "broadcast")))
        assert list(conn.execute(opened).scalars()) == []


def test_what_signs_waits_until_the_chain_was_read_to_its_end(world: World) -> None:
    """Else a job that waits for a block would keep the bridge from reading those that it waits for."""
    ran: list[int] = []

    def run() -> bool:
        cursor = bridge.indexer.cursor()
        ran.append(-1 if cursor is None else cursor.number)
        return True

    everyday(world)
    drain(world.bridge(most_operations=1), world.database)
    head = world.node.head().number
    behind = world.bridge()
    assert behind._desk.lead()
    behind.indexer.rewind(head - 9)
    bridge = world.bridge(jobs=(Job("signs", 0.0, run, signs=True),), blocks_per_read=2)
    for _ in range(8):
        bridge.step()
    assert ran
    assert min(ran) == head
