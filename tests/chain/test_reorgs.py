"""Reorganised, rolled back, emptied: ordinary cases. The mirror equals a fresh index (INV-8), nothing is lost
or doubled."""

from __future__ import annotations

from itertools import count
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from ledger_service.chain import models as m
from ledger_service.chain.errors import WrongNetwork
from ledger_service.chain.journal import Journal
from ledger_service.chain.reexecution import reexecute
from ledger_service.chain.settings import ChainSettings
from ledger_service.db.engine import Database
from ledger_service.kernel.events import OperationReorged
from tests.chain.networks import LONG_AGO, Anvil, Network, OwnChain
from tests.chain.test_bridge import assert_clean, drain, everyday, states
from tests.chain.test_fresh_index import against_fresh_index
from tests.chain.world import MERCHANTS, World


def assert_mirror_is_a_fresh_index(world: World, path: Path) -> None:
    assert against_fresh_index(world, path / "fresh.db") == []


@pytest.fixture
def on_anvil(sqlite_database: Database, anvil: Anvil, settings: ChainSettings) -> World:
    world = World(sqlite_database, anvil.node(), settings)
    world.found()
    return world


@pytest.mark.parametrize("depth", [1, 3, 8])
def test_a_reorg_takes_back_and_sends_again_the_same_bytes(
    on_anvil: World, depth: int, tmp_path: Path
) -> None:
    world = on_anvil
    bridge = world.bridge(most_operations=3, confirmations=2)
    everyday(world)
    for _ in range(30):
        bridge.step()
    world.node.control(("anvil_reorg", [depth, []]))
    more = world.issue(world.members[0], 1, 77)
    world.enqueue(more)
    for _ in range(60):
        bridge.step()
    world.node.control(*[("evm_mine", [])] * 3)
    drain(bridge, world.database)
    assert states(world.database)[more.op_id] == "final"
    assert any(isinstance(event, OperationReorged) for event in world.told)
    assert_clean(world)
    assert_mirror_is_a_fresh_index(world, tmp_path)
    with world.database.snapshot() as conn:
        assert set(conn.execute(select(m.chain_tx.c.attempt)).scalars()) == {0}


def test_a_chain_that_was_rolled_back_to_an_older_state_is_healed_bit_for_bit(
    on_anvil: World, tmp_path: Path
) -> None:
    world = on_anvil
    bridge = world.bridge(most_operations=3)
    drain(bridge, world.database)
    snapshot = world.node.control(("evm_snapshot", []))[0]
    everyday(world)
    drain(bridge, world.database)
    before = world.node.head()
    world.node.control(("evm_revert", [snapshot]))
    assert world.node.head().number < before.number
    bridge.step()
    assert world.node.head().hash == before.hash
    world.enqueue(world.issue(world.members[0], 1, 5))
    drain(bridge, world.database)
    assert not any(isinstance(event, OperationReorged) for event in world.told)
    assert_clean(world)
    assert_mirror_is_a_fresh_index(world, tmp_path)


def test_an_anvil_that_starts_empty_is_healed_bit_for_bit(
    on_anvil: World, anvil: Anvil, tmp_path: Path
) -> None:
    world = on_anvil
    everyday(world)
    bridge = world.bridge(most_operations=3)
    drain(bridge, world.database)
    before = world.node.head()
    anvil.kill()
    waiting = world.issue(world.members[0], 1, 9)
    world.enqueue(waiting)
    anvil.start()
    drain(bridge, world.database)
    assert world.node.blocks([before.number])[0] == before
    assert states(world.database)[waiting.op_id] == "final"
    assert_clean(world)
    assert_mirror_is_a_fresh_index(world, tmp_path)


@pytest.mark.parametrize("blocks", [1, 7, 30])
def test_an_anvil_that_dies_while_it_is_healed_is_healed_from_the_start(
    on_anvil: World, anvil: Anvil, monkeypatch: pytest.MonkeyPatch, blocks: int, tmp_path: Path
) -> None:
    """It is back, empty, before anybody notices: the blocks that were replayed already are gone as well."""
    world = on_anvil
    everyday(world)
    bridge = world.bridge(most_operations=3)
    drain(bridge, world.database)
    before = world.node.head()
    anvil.kill()
    anvil.start()
    replay, replayed = Journal._replay_block, count(1)

    def die_in_the_middle(journal: Journal, *arguments: Any) -> bytes | None:
        if next(replayed) == blocks:
            anvil.kill()
            anvil.start()
            world.node.transport.close()
        return replay(journal, *arguments)

    monkeypatch.setattr(Journal, "_replay_block", die_in_the_middle)
    drain(bridge, world.database)
    assert world.node.blocks([before.number])[0] == before
    assert_clean(world)
    assert_mirror_is_a_fresh_index(world, tmp_path)


def test_an_anvil_of_another_genesis_gets_the_same_transactions_again(
    on_anvil: World, anvil: Anvil, tmp_path: Path
) -> None:
    world = on_anvil
    everyday(world)
    bridge = world.bridge(most_operations=3)
    drain(bridge, world.database)
    anvil.kill()
    anvil.genesis_time += 2
    anvil.start()
    drain(bridge, world.database)
    for _ in range(200):
        bridge.step()
        if set(states(world.database).values()) == {"final"}:
            break
    assert set(states(world.database).values()) == {"final"}
    assert_clean(world)
    assert_mirror_is_a_fresh_index(world, tmp_path)


def test_a_stranger_network_without_time_control_gets_nothing(
    on_anvil: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = on_anvil
    drain(world.bridge(), world.database)
    other = Anvil(genesis_time=LONG_AGO)
    other.start()
    try:
        world.node = other.node()
        world.node.__dict__["has_time_control"] = False
        bridge = world.bridge()
        with pytest.raises(WrongNetwork):
            bridge.step()
        assert world.node.head_number() == 0
    finally:
        other.close()


def test_the_own_chain_goes_on_after_a_kill_at_any_time(
    sqlite_database: Database, settings: ChainSettings, tmp_path: Path
) -> None:
    network: Network = OwnChain(store=tmp_path / "chain.db")
    network.start()
    try:
        world = World(sqlite_database, network.node(), settings)
        world.found()
        bridge = world.bridge(most_operations=3)
        everyday(world)
        bridge.step()
        network.kill()
        network.start()
        drain(bridge, world.database)
        assert_clean(world)
        assert_mirror_is_a_fresh_index(world, tmp_path)
    finally:
        network.close()


def test_the_own_chain_started_empty_is_healed_bit_for_bit(
    sqlite_database: Database, settings: ChainSettings, tmp_path: Path
) -> None:
    network = OwnChain(store=tmp_path / "chain.db")
    network.start()
    try:
        world = World(sqlite_database, network.node(), settings)
        world.found()
        everyday(world)
        bridge = world.bridge(most_operations=3)
        drain(bridge, world.database)
        before = world.node.head()
        network.kill()
        network.forget()
        network.start()
        drain(bridge, world.database)
        assert world.node.blocks([before.number])[0] == before
        assert_clean(world)
    finally:
        network.close()


def test_the_journal_replayed_into_a_fresh_node_gives_the_same_hashes(on_anvil: World, anvil: Anvil) -> None:
    world = on_anvil
    everyday(world)
    drain(world.bridge(most_operations=3), world.database)
    head = world.node.head()
    fresh = Anvil(genesis_time=anvil.genesis_time)
    fresh.start()
    try:
        node = fresh.node()
        assert world.deployment is not None
        done = reexecute(world.database, node, world.deployment.contracts)
        assert done.verified
        assert done.block_number == head.number
        assert node.head().hash == head.hash
    finally:
        fresh.close()


def test_replay_dates_blocks_by_the_data_and_expiry_and_late_refunds_follow_its_clock(
    sqlite_database: Database, network: Network, settings: ChainSettings, tmp_path: Path
) -> None:
    network.kill()
    network.genesis_time = LONG_AGO
    network.forget()
    network.start()
    replaying = ChainSettings(
        most_operations=40, linger_seconds=0.0, fee_floor_wei=2_000_000_000, replay=True
    )
    world = World(sqlite_database, network.node(), replaying, now=LONG_AGO + 86_400 * 10)
    world.found()
    ann = world.members[0]
    bridge = world.bridge()
    world.enqueue(world.signer(ann), world.issue(ann, 1, 100))
    spent = world.redeem(ann, MERCHANTS[1], (1, 60))
    world.enqueue(spent)
    drain(bridge, world.database)
    assert abs(world.node.head().timestamp - world.now()) < 60
    world.advance(86_400 * 31)  # past the end of epoch 1
    world.enqueue(world.expire(ann, 1, 1), world.restore(spent, 0, 60, epoch=3))
    drain(bridge, world.database)
    assert set(states(world.database).values()) == {"final"}
    assert_clean(world)
    assert_mirror_is_a_fresh_index(world, tmp_path)
