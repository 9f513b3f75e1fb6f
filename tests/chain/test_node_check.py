"""Mirror against node while the chain goes on: no false difference, and none of the true ones missed."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import insert, update

from ledger_service.chain import models as m
from ledger_service.chain.client import Node
from ledger_service.chain.node_check import ChainMoves, check_node
from ledger_service.chain.reconciler import Difference
from ledger_service.chain.settings import ChainSettings
from ledger_service.db.engine import Database
from tests.chain.networks import Anvil
from tests.chain.test_bridge import drain, everyday
from tests.chain.world import World


class Interrupted(Node):
    """A node beside which something happens after the mirror was read and before any balance is told."""

    def __init__(self, node: Node, happens: Callable[[], None]) -> None:
        super().__init__(node.transport)
        self._happens = happens

    def calls(self, asks):  # type: ignore[no-untyped-def]  # as Node.calls
        self._happens()
        return super().calls(asks)


def checked(world: World, happens: Callable[[], None]) -> list[Difference]:
    assert world.deployment is not None
    node = Interrupted(world.node, happens)
    return check_node(world.database, node, world.deployment.contracts, pause_seconds=0.0)


@pytest.fixture
def on_anvil(sqlite_database: Database, anvil: Anvil, settings: ChainSettings) -> World:
    made = World(sqlite_database, anvil.node(), settings)
    made.found()
    return made


def test_a_batch_mined_between_mirror_and_node_is_no_difference(world: World) -> None:
    everyday(world)
    bridge = world.bridge()
    drain(bridge, world.database)

    def one_more() -> None:
        world.enqueue(world.issue(world.members[0], 1, 9), world.issue(world.members[3], 2, 9))
        drain(bridge, world.database)

    assert checked(world, one_more) == []


def test_a_reorganisation_between_mirror_and_node_is_read_again(on_anvil: World) -> None:
    world = on_anvil
    everyday(world)
    bridge, times = world.bridge(most_operations=3), iter(range(3))
    drain(bridge, world.database)

    def reorganised() -> None:
        if next(times, None) is not None:
            world.node.control(("anvil_reorg", [2, []]))
            drain(bridge, world.database)

    assert checked(world, reorganised) == []
    assert next(times, None) is None


def test_a_chain_that_never_holds_still_is_said_to_move_not_to_differ(on_anvil: World) -> None:
    world = on_anvil
    everyday(world)
    drain(world.bridge(), world.database)
    with pytest.raises(ChainMoves, match="the node has"):
        checked(world, lambda: world.node.control(("anvil_reorg", [1, []])))


def test_true_differences_are_told_while_the_chain_goes_on(world: World) -> None:
    everyday(world)
    bridge = world.bridge()
    drain(bridge, world.database)
    with world.database.begin() as conn:
        conn.execute(update(m.chain_net).values(net_micros=m.chain_net.c.net_micros + 1))
        forged = {"account": b"\x07" * 20, "programme_id": 99, "epoch": 1, "amount": 5}
        conn.execute(insert(m.chain_balance).values(**forged))

    def one_more() -> None:
        world.enqueue(world.issue(world.members[0], 1, 9))
        drain(bridge, world.database)

    found = checked(world, one_more)
    assert {one.check for one in found} == {"node-net", "node-balance"}
    assert [one.subject for one in found if one.check == "node-balance"] == [
        f"account 0x{'07' * 20} programme 99 epoch 1"
    ]
