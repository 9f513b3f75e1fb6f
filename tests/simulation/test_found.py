"""What runs have found, each as a test of its own."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from random import Random
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from ledger_service.chain.client import Node
from ledger_service.chain.desk import Desk
from ledger_service.chain.errors import LyingNode
from ledger_service.chain.indexer import Indexer
from ledger_service.chain.settings import Contracts
from tests.simulation.checking import at_rest
from tests.simulation.climate import Climate
from tests.simulation.founding import ROOM, Founded
from tests.simulation.machine.process import Process
from tests.simulation.machine.stage import Stage
from tests.simulation.network.clients import ANVIL
from tests.simulation.network.faults import FaultyCarry, Weather
from tests.simulation.network.wire import Wire
from tests.simulation.running import Run
from tests.simulation.world import World


class Passes(threading.Event):
    """Stops a bridge's loop after some passes."""

    def __init__(self, passes: int) -> None:
        super().__init__()
        self._left = passes

    def wait(self, timeout: float | None = None) -> bool:
        self._left -= 1
        if self._left == 0:
            self.set()
        return self.is_set()


def test_an_alarm_that_cannot_be_stored_does_not_end_the_bridge(
    founded: Founded, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    bridging = World(founded, stage, 1, Climate()).bridging
    passes: list[int] = []

    def lie() -> Any:
        passes.append(1)
        raise LyingNode(1, "whatever")

    @contextmanager
    def no_disk() -> Iterator[None]:
        raise OperationalError("COMMIT", None, OSError("no disk"))
        yield

    monkeypatch.setattr(bridging.bridge, "step", lie)
    monkeypatch.setattr(bridging.desk, "write", no_disk)
    bridging.bridge.run(Passes(3))
    assert len(passes) == 3


def test_a_bridge_that_dies_while_it_heals_a_chain_leaves_it_mining(founded: Founded, stage: Stage) -> None:
    deaths = 0
    for point in range(1, 26):
        run = Run(World(founded, stage, 1, Climate(ANVIL)))
        with run.world.clock.installed():
            _sell_and_mine(run)
            run.world.chain.restart(founded.blocks[-1].number)
            run.world.bridging.process.countdown = point
            run.world.step_bridge()
            deaths += run.world.met["bridge-died"]
            run.do(run.people.sale())
            run.calm()
            at_rest(run.world, run.memory)
    assert deaths == 25


def test_an_event_outside_of_batches_that_a_node_leaves_out_is_noticed(
    founded: Founded, stage: Stage
) -> None:
    world = World(founded, stage, 1, Climate())
    carry = FaultyCarry(world.wire.rpc, Random(1), Weather({"omit-log": 1000}))
    desk = Desk(stage.auditors, "auditor", world.clock.now, 3600.0)
    desk.lead()
    alliance = founded.alliance
    contracts = Contracts(alliance.clearing_house, alliance.registry)
    indexer = Indexer(
        desk, Node(Wire(Process("auditor"), carry)), contracts, replace(ROOM, blocks_per_read=1)
    )
    with pytest.raises(LyingNode, match="a receipt has other logs than its block"):
        _index_all(indexer)


def test_a_sale_that_is_repeated_after_its_points_were_adopted_is_not_decided_anew(
    founded: Founded, stage: Stage
) -> None:
    """Its points would have paid for the same basket: nothing of it earned, and no id stood twice."""
    climate = Climate(room=replace(ROOM, confirmations=1), sharing=True, backup_at=4, accident_at=18)
    Run(World(founded, stage, 315, climate)).go(40)


def test_points_that_are_pending_after_a_restore_vest_as_they_did_on_the_chain(
    founded: Founded, stage: Stage
) -> None:
    """A week later they vested into another epoch than there, and the issue was set aside for good."""
    climate = Climate(room=replace(ROOM, confirmations=1), sharing=True, backup_at=4, accident_at=18)
    Run(World(founded, stage, 339, climate)).go(40)


def _index_all(indexer: Indexer) -> None:
    while indexer.step().blocks:
        continue


def _sell_and_mine(run: Run) -> None:
    for _ in range(2):
        run.world.pass_time(5.0)
        run.do(run.people.sale())
        run.world.step_bridge()
        run.world.pass_time(1.0)
        run.world.step_bridge()


@pytest.mark.parametrize("seed", [20, 39])
def test_a_sale_of_lost_hours_whose_coupon_is_lost_as_well_is_left_to_its_adoption(
    founded: Founded, stage: Stage, seed: int
) -> None:
    """Its till repeats it, and it comes to other points than on the chain, which then belonged to nobody."""
    room = replace(ROOM, confirmations=1)
    run = Run(World(founded, stage, seed, Climate(room=room, coupons=True, backup_at=4, accident_at=18)))
    run.go(30)
    assert run.world.met["repeated"]
    assert run.world.met["adopted"]
