"""anvil reorganised at every depth, started again from an old dump, from one that was cut, or killed in the
middle of batches: the mirror is a fresh index (INV-8), every operation is on the chain once (INV-7)."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from eth_account import Account
from sqlalchemy import func, select

from ledger_service.chain.bridge import Bridge
from ledger_service.chain.models import chain_operation
from ledger_service.chain.settings import ChainSettings
from ledger_service.db.engine import Database
from tests.chain.networks import APPROVER_KEY, Anvil, anvil_binary
from tests.chain.test_bridge import assert_clean, drain, everyday, states
from tests.chain.test_fresh_index import against_fresh_index
from tests.chain.world import World

# An anvil for sixteen depths each: after some 900 blocks a deep reorg inside anvil loses the contracts'
# code, and the bridge rightly believes nothing more of it.
SIXTEENS = [
    pytest.param(range(n, n + 16), marks=pytest.mark.deep, id=f"{n}-{n + 15}") for n in (1, 17, 33, 49)
]
pytestmark = pytest.mark.anvil


@dataclass
class DumpingAnvil(Anvil):
    """An anvil that writes its state to a file when it is asked to end, and begins from one."""

    dump: Path = field(default_factory=Path)

    def command(self) -> list[str]:
        return [*super().command(), "--state", str(self.dump), "--preserve-historical-states"]

    def end(self) -> None:
        """SIGTERM: the state is in the file afterwards."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)
        self.process = None


def founded(database: Database, anvil: Anvil, settings: ChainSettings) -> World:
    world = World(database, anvil.node(), settings)
    world.found()
    return world


def assert_each_once(world: World, path: Path) -> None:
    assert set(states(world.database).values()) == {"final"}
    with world.database.snapshot() as conn:
        count = func.count(chain_operation.c.op_id)
        total, distinct = conn.execute(select(count, func.count(chain_operation.c.op_id.distinct()))).one()
    assert total == distinct == len(states(world.database))
    assert_clean(world)
    assert against_fresh_index(world, path / "fresh.db") == []


@pytest.mark.parametrize("depths", [pytest.param((2, 21, 64), id="some"), *SIXTEENS])
def test_a_reorg_of_any_depth_takes_back_and_sends_again(
    sqlite_database: Database,
    anvil: Anvil,
    settings: ChainSettings,
    tmp_path: Path,
    depths: Sequence[int],
) -> None:
    """Up to 64 blocks, though the bridge takes two for final: what was final is mined again all the same."""
    world = founded(sqlite_database, anvil, settings)
    bridge = world.bridge(most_operations=2, confirmations=2)
    everyday(world)
    drain_mining(world, bridge)
    floor = world.node.head_number()
    for depth in depths:
        world.enqueue(*(world.issue(member, 1, depth) for member in world.members[:3]))
        for _ in range(8):
            bridge.step()
        missing = floor + depth - world.node.head_number()
        world.node.control(*[("evm_mine", [])] * max(missing, 0))
        while bridge.step().blocks:
            pass
        world.node.control(("anvil_reorg", [depth, []]))
        drain_mining(world, bridge)
        assert_clean(world)
    assert_each_once(world, tmp_path)


def drain_mining(world: World, bridge: Bridge) -> None:
    """The bridge has sent all it has, and blocks stand on top of it."""
    for _ in range(6):
        for _ in range(8):
            bridge.step()
        world.node.control(*[("evm_mine", [])] * 3)
    drain(bridge, world.database)


@pytest.fixture
def dumping(tmp_path: Path) -> Iterator[DumpingAnvil]:
    """A running anvil with a file for its state."""
    if anvil_binary() is None:
        pytest.skip("anvil is not installed")
    made = DumpingAnvil(dump=tmp_path / "anvil.json")
    made.start()
    yield made
    made.close()


def test_an_anvil_that_starts_from_an_old_dump_is_brought_up_to_date_bit_for_bit(
    sqlite_database: Database, dumping: DumpingAnvil, settings: ChainSettings, tmp_path: Path
) -> None:
    world = founded(sqlite_database, dumping, settings)
    bridge = world.bridge(most_operations=3)
    drain(bridge, world.database)
    dumping.end()
    old = dumping.dump.read_bytes()
    dumping.start()
    everyday(world)
    drain(bridge, world.database)
    before = world.node.head()
    dumping.kill()
    dumping.dump.write_bytes(old)
    world.enqueue(world.issue(world.members[0], 1, 9))
    dumping.start()
    assert world.node.head_number() < before.number
    drain(bridge, world.database)
    assert world.node.blocks([before.number])[0] == before
    assert_each_once(world, tmp_path)


def test_an_anvil_whose_dump_was_cut_starts_empty_and_is_healed_bit_for_bit(
    sqlite_database: Database, dumping: DumpingAnvil, settings: ChainSettings, tmp_path: Path
) -> None:
    """Half a dump stops anvil's start; who removes the file loses nothing."""
    world = founded(sqlite_database, dumping, settings)
    bridge = world.bridge(most_operations=3)
    everyday(world)
    drain(bridge, world.database)
    before = world.node.head()
    dumping.end()
    whole = dumping.dump.read_bytes()
    dumping.dump.write_bytes(whole[: len(whole) // 2])
    refused = subprocess.run(dumping.command(), capture_output=True, timeout=30, check=False)
    assert refused.returncode != 0
    dumping.dump.unlink()
    dumping.start()
    drain(bridge, world.database)
    assert world.node.blocks([before.number])[0] == before
    assert_each_once(world, tmp_path)


@pytest.mark.parametrize("kills", [pytest.param(12, marks=pytest.mark.deep), 3])
def test_an_anvil_killed_again_and_again_between_batches_loses_no_operation(
    sqlite_database: Database, anvil: Anvil, settings: ChainSettings, tmp_path: Path, kills: int
) -> None:
    world = founded(sqlite_database, anvil, settings)
    everyday(world)
    for number in range(kills):
        bridge = world.bridge(f"bridge {number}", most_operations=1, lease_seconds=0)
        for _ in range(number % 5 + 1):
            bridge.step()
        anvil.kill()
        world.enqueue(world.issue(world.members[number % 6], 1, 5))
        anvil.start()
    drain(world.bridge("the last one", lease_seconds=0), world.database)
    assert_each_once(world, tmp_path)


def test_what_an_anvil_leaves_in_its_pool_is_mined_though_nobody_sends_anything_more(
    sqlite_database: Database, anvil: Anvil, settings: ChainSettings, tmp_path: Path
) -> None:
    """It looks into its pool when a transaction comes, and mines one block: here two of a stranger's that use
    all their gas fill it, and the bridge's waits behind six more."""
    world = founded(sqlite_database, anvil, settings)
    bridge = world.bridge()
    everyday(world)
    drain(bridge, world.database)
    world.enqueue(world.issue(world.members[0], 1, 5))
    endless = {"data": "0x5b600056", "gas": 29_900_000, "value": 0, "chainId": 31337, "type": 2}
    endless |= {"maxFeePerGas": 10**11, "maxPriorityFeePerGas": 10**9}
    stranger = Account.from_key(APPROVER_KEY)
    signed = [stranger.sign_transaction({**endless, "nonce": n}) for n in range(8)]
    world.node.control(("evm_setAutomine", [False]))
    world.node.send([bytes(one.raw_transaction) for one in signed])
    assert bridge.step().sent == 1
    world.node.control(("evm_setAutomine", [True]))
    drain(bridge, world.database)
    assert_each_once(world, tmp_path)
