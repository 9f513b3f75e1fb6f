"""Coupons on chains that reorganise or restart empty, and over databases that crash or come from a backup:
each operation takes effect once (INV-7), and what the ledger knows is what the contract did."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from ledger_service.chain.beside.audit import check_beside
from ledger_service.chain.beside.models import chain_beside_batch, chain_beside_item
from ledger_service.chain.bridge import Bridge, lag_of
from ledger_service.chain.client import Node
from ledger_service.chain.settings import ChainSettings
from ledger_service.db.engine import Database
from ledger_service.kernel.coupon_operations import Consume, CouponOperation
from ledger_service.kernel.events import BesideReorged
from tests.chain.coupons import Codes, CouponDesk, bridge_beside, reasons, settle, target_of
from tests.chain.networks import Anvil, Network
from tests.chain.test_crashes import CrashingDatabase, CrashingTransport, Killed
from tests.chain.world import MERCHANTS, World


@pytest.fixture
def desk(world: World) -> CouponDesk:
    return CouponDesk(world)


@pytest.fixture
def on_anvil(sqlite_database: Database, anvil: Anvil, settings: ChainSettings) -> CouponDesk:
    world = World(sqlite_database, anvil.node(), settings)
    world.found()
    return CouponDesk(world)


def story(desk: CouponDesk, codes: Codes) -> list[CouponOperation]:
    """Two rivals fight for a code, one of three uses is taken back, and the code is used again."""
    first, beaten = desk.consume(codes, 3), desk.consume(codes, 3, MERCHANTS[0])
    again = desk.consume(codes, 3, MERCHANTS[0])
    told: list[CouponOperation] = [desk.type(), desk.root(codes), first, beaten, desk.consume(codes, 4)]
    told += [desk.reverse(first), again]
    desk.enqueue(*told)
    return told


EXPECTED = [None, None, None, "CouponConsumed()", None, None, None]


def assert_once(desk: CouponDesk, codes: Codes, told: list[CouponOperation]) -> None:
    """Every operation lives in one batch, was judged as it must be, and the contract says the same."""
    assert reasons(desk, *told) == EXPECTED
    used = [desk.is_consumed(coupon) for coupon in codes.ids]
    assert used == [at in (3, 4) for at in range(codes.count)]
    with desk.world.database.snapshot() as conn:
        live = list(conn.execute(select(chain_beside_item.c.op_id).where(chain_beside_item.c.live)).scalars())
    assert sorted(live) == sorted(operation.op_id for operation in told)
    assert check_beside(desk.world.database, desk.world.node, target_of(desk.world)) == []


@pytest.mark.anvil
@pytest.mark.parametrize("depth", [1, 4, 9])
def test_a_reorg_takes_back_what_was_judged_and_it_is_sent_and_judged_again(
    on_anvil: CouponDesk, depth: int
) -> None:
    desk, codes = on_anvil, Codes()
    bridge = bridge_beside(desk.world, most_operations=2, confirmations=2)
    told = story(desk, codes)
    for _ in range(40):
        bridge.step()
    desk.world.node.control(("anvil_reorg", [depth, []]))
    for _ in range(60):
        bridge.step()
    desk.world.node.control(*[("evm_mine", [])] * 3)
    settle(bridge, desk)
    assert_once(desk, codes, told)
    assert any(isinstance(event, BesideReorged) for event in desk.world.told)


def test_a_chain_that_starts_empty_again_gets_the_same_batches(desk: CouponDesk, network: Network) -> None:
    codes = Codes()
    bridge = bridge_beside(desk.world, most_operations=2)
    told = story(desk, codes)
    settle(bridge, desk)
    before = batches(desk)
    network.kill()
    network.forget()
    network.start()
    desk.world.node.transport.close()
    more = desk.consume(codes, 6)
    desk.enqueue(more)
    told.append(more)
    settle(bridge, desk)
    assert batches(desk)[: len(before)] == before
    assert desk.is_consumed(codes.ids[6])
    assert reasons(desk, *told) == [*EXPECTED, None]


def batches(desk: CouponDesk) -> list[Any]:
    b = chain_beside_batch.c
    with desk.world.database.snapshot() as conn:
        return [tuple(row) for row in conn.execute(select(b.number, b.state, b.root).order_by(b.number))]


def test_a_crash_between_any_two_steps_loses_nothing_and_doubles_nothing(
    desk: CouponDesk, network: Network
) -> None:
    codes, world = Codes(), desk.world
    real, real_node, crashes = world.database, world.node, 0
    told = story(desk, codes)
    for point in range(1, 30):
        crashing = CrashingDatabase(real, point)
        transport = CrashingTransport(network.url)
        transport.clock = crashing
        world.database, world.node = crashing, Node(transport)  # type: ignore[assignment]  # stands in for both
        bridge = bridge_beside(world, f"bridge {point}", most_operations=2, lease_seconds=0)
        crashes += _run_until_killed(bridge)
        transport.close()
        world.database, world.node = real, real_node
    settle(bridge_beside(world, "the last one"), desk)
    assert crashes > 10
    assert_once(desk, codes, told)


def _run_until_killed(bridge: Bridge) -> bool:
    try:
        for _ in range(12):
            bridge.step()
    except Killed:
        return True
    return False


@pytest.mark.parametrize("idle", [True, False])
def test_a_restored_database_takes_over_what_the_contract_did_meanwhile(
    desk: CouponDesk, restored: Any, idle: bool
) -> None:
    """Also where a till repeats what the backup does not know: that is the one on the chain."""
    codes, world = Codes(), desk.world
    desk.enqueue(desk.type(), desk.root(codes))
    settle(bridge_beside(world), desk)
    put = restored()
    used, other = desk.consume(codes, 0), desk.consume(codes, 1)
    desk.enqueue(used, other)
    settle(bridge_beside(world, most_operations=1), desk)
    put()
    if idle:
        bridge = bridge_beside(world)
        for _ in range(10):
            bridge.step()
        assert desk.ask("lastBatch")[0] == len(batches(desk)), "without anything to send"
    beaten, later = desk.consume(codes, 0, MERCHANTS[0]), desk.consume(codes, 2)
    desk.enqueue(used, beaten, desk.reverse(other), later, other)
    settle(bridge_beside(world), desk)
    assert reasons(desk, used, beaten, later, other) == [None, "CouponConsumed()", None, None]
    assert [desk.is_consumed(coupon) for coupon in codes.ids[:3]] == [True, False, True]
    assert desk.ask("lastBatch")[0] == len(batches(desk))
    assert {code for code, *_ in lag_of(world.database).alarms} == {"transaction-adopted"}


def test_a_batch_that_lacked_gas_is_packed_anew_with_all_there_is(desk: CouponDesk) -> None:
    """Out of gas in its block: dead at finality depth, and its nonce served."""
    codes, world = Codes(), desk.world
    desk.enqueue(desk.type(), desk.root(codes))
    settle(bridge_beside(world), desk)
    used = desk.consume(codes, 0)
    desk.enqueue(used)
    settle(bridge_beside(world, gas={int(Consume.kind): -140_000}), desk)
    assert reasons(desk, used) == [None]
    assert [state for _, state, _ in batches(desk)][-2:] == ["dead", "final"]
    assert desk.is_consumed(codes.ids[0])


def test_a_relay_whose_contract_is_not_there_alarms_and_the_bridge_goes_on(desk: CouponDesk) -> None:
    world, codes = desk.world, Codes()
    assert world.deployment is not None
    object.__setattr__(world.deployment, "coupons", b"\x11" * 20)
    desk.enqueue(desk.type(), desk.root(codes))
    earned = world.issue(world.members[0], 1, 10)
    world.enqueue(earned)
    bridge = bridge_beside(world)
    for _ in range(20):
        bridge.step()
    assert ("beside-contract-silent", "coupons") in {alarm[:2] for alarm in lag_of(world.database).alarms}
    assert any(getattr(event, "op_id", b"") == earned.op_id for event in world.told)


@pytest.mark.postgres
def test_the_same_on_postgresql(postgres_database: Database, anvil: Anvil, settings: ChainSettings) -> None:
    world = World(postgres_database, anvil.node(), settings)
    world.found()
    desk, codes = CouponDesk(world), Codes()
    bridge = bridge_beside(world, most_operations=2)
    told = story(desk, codes)
    for _ in range(20):
        bridge.step()
    world.node.control(("anvil_reorg", [4, []]))
    settle(bridge, desk)
    assert_once(desk, codes, told)
