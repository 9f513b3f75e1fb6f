"""Lost answers and a crash at every point: nothing is lost, nothing is doubled."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from ledger_service.chain.bridge import Bridge
from ledger_service.chain.client import Node
from ledger_service.chain.errors import ChainUnavailable
from ledger_service.chain.models import chain_tx
from ledger_service.chain.transport import Call, Transport
from ledger_service.db.engine import Database
from tests.chain.networks import Network
from tests.chain.test_bridge import assert_clean, drain, everyday, states
from tests.chain.world import MERCHANTS, World

PATIENCE_SECONDS = 60


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
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        try:
            if bridge.step().idle and set(states(world.database).values()) == {"final"}:
                break
        except ChainUnavailable:
            continue
        time.sleep(0.01)  # a node's block is some steps away
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


def run_until_killed(bridge: Bridge) -> bool:
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
        crashes += run_until_killed(world.bridge(f"bridge {point}", most_operations=3, lease_seconds=0))
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
