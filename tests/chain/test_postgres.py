"""The same bridge over PostgreSQL, with real concurrent leaders."""

from __future__ import annotations

import threading

import pytest

from ledger_service.chain.settings import ChainSettings
from ledger_service.db.engine import Database
from tests.chain.networks import Anvil
from tests.chain.test_bridge import assert_clean, drain, everyday, states
from tests.chain.world import World

pytestmark = pytest.mark.postgres


def test_every_kind_of_operation_on_postgresql(
    postgres_database: Database, anvil: Anvil, settings: ChainSettings
) -> None:
    world = World(postgres_database, anvil.node(), settings)
    world.found()
    everyday(world)
    drain(world.bridge(), world.database)
    assert set(states(world.database).values()) == {"final"}
    assert_clean(world)


def test_three_bridges_at_once_take_turns_and_never_double(
    postgres_database: Database, anvil: Anvil, settings: ChainSettings
) -> None:
    world = World(postgres_database, anvil.node(), settings)
    world.found()
    stop = threading.Event()
    # A lease of no length: every pass may lose the lead to another bridge in the middle of its work.
    bridges = [world.bridge(f"bridge {n}", lease_seconds=0, most_operations=2) for n in range(3)]
    threads = [threading.Thread(target=bridge.run, args=(stop,)) for bridge in bridges]
    for thread in threads:
        thread.start()
    for _ in range(5):
        everyday_more(world)
    settled = threading.Event()
    for _ in range(300):
        if set(states(world.database).values()) == {"final"}:
            break
        settled.wait(0.1)
    stop.set()
    for thread in threads:
        thread.join()
    drain(world.bridge("last"), world.database)
    assert_clean(world)


def everyday_more(world: World) -> None:
    ann = world.members[0]
    if not world.book.balances:
        world.enqueue(world.signer(ann))
    earned = world.issue(ann, 1, 50)
    world.enqueue(earned, world.clawback(earned, 3), world.issue(ann, 2, 5))
