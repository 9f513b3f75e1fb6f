"""Suspending a merchant on a chain that runs: what was accepted before still counts (D7)."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select, update

from ledger_service.bootstrap import governance as module
from ledger_service.bootstrap.clerking import GovernanceClerk
from ledger_service.bootstrap.governance import SUSPENSION_LEAD_SECONDS, QueuedGovernance
from ledger_service.chain import periods, status
from ledger_service.chain.admin import Admin, Steps
from ledger_service.chain.artifacts import load
from ledger_service.chain.client import CallAt
from ledger_service.chain.delivery import LiveDelivery
from ledger_service.chain.desk import Desk
from ledger_service.chain.errors import ChainUnavailable, PeriodNotDrained
from ledger_service.custody.errors import SigningRefused
from ledger_service.db.models import operator_act
from ledger_service.db.writer import Writer
from tests.chain.test_bridge import assert_clean, drain, states
from tests.chain.world import MERCHANTS, World, wall


class WallClock:
    def __init__(self) -> None:
        self.ahead = timedelta()

    def now(self) -> datetime:
        return wall() + self.ahead


def clerk_of(world: World) -> GovernanceClerk:
    assert world.deployment is not None
    desk = Desk.unfenced(world.database, wall)
    steps = Steps(desk, world.node, world.keys, LiveDelivery(world.node), world.settings)
    return GovernanceClerk(desk, Admin(steps, world.deployment.contracts))


def govern(world: World, suspended: bool) -> list[BaseException]:
    """A serving process asks while the leading bridge does the acts; returns what the caller was told."""
    told: list[BaseException] = []
    writer = Writer(world.database, WallClock())  # type: ignore[arg-type]  # of the test

    def ask() -> None:
        try:
            governance = QueuedGovernance(writer, world.database, world.keys, WallClock())  # type: ignore[arg-type]
            governance.set_suspended(MERCHANTS[0], suspended, str(suspended))
        except BaseException as error:
            told.append(error)

    clerk = clerk_of(world)
    caller = threading.Thread(target=ask)
    caller.start()
    while caller.is_alive():
        clerk.run()
        caller.join(0.01)
    writer.close()
    return told


def suspended_from(world: World) -> int:
    assert world.deployment is not None
    call = load("AllianceRegistry").call_data("sliceKey", MERCHANTS[0])
    (answer,) = world.node.calls([CallAt(bytes(20), world.deployment.contracts.registry, call)])
    assert isinstance(answer, bytes)
    return int.from_bytes(answer[32:64], "big")


def test_what_was_accepted_before_the_suspension_is_taken_after_it(world: World) -> None:
    ann, now = world.members[0], world.now()
    world.enqueue(world.signer(ann), world.issue(ann, 1, 100))
    assert govern(world, True) == []
    assert now < suspended_from(world) - SUSPENSION_LEAD_SECONDS + 30
    world.enqueue(world.issue(ann, 1, 40))  # a till whose process had not heard of it yet
    bridge = world.bridge()
    drain(bridge, world.database)
    assert set(states(world.database).values()) == {"final"}
    assert govern(world, False) == []
    assert suspended_from(world) == 2**40 - 1
    assert_clean(world)


def test_a_request_that_the_chain_outlasts_is_one_act_however_often_it_is_asked(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Blocks may take longer than a caller waits: its retries wait for what the first has begun."""
    monkeypatch.setattr(module, "PATIENCE_SECONDS", 0.02)
    clock = WallClock()
    writer = Writer(world.database, clock)
    asked = QueuedGovernance(writer, world.database, world.keys, clock)  # type: ignore[arg-type]
    for _ in range(3):
        with pytest.raises(ChainUnavailable):
            asked.set_suspended(MERCHANTS[0], True, "one-key")
        clock.ahead += timedelta(seconds=31)
    with world.database.read() as conn:
        assert len(conn.execute(select(operator_act)).all()) == 1
    assert clerk_of(world).run()
    asked.set_suspended(MERCHANTS[0], True, "one-key")
    writer.close()


def open_period(world: World) -> int:
    with world.database.read() as conn:
        return status.open_period(conn) or 1


def test_a_period_ends_once_what_was_accepted_before_is_in_a_block_and_a_suspension_does_not_wait_for_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A merchant is suspended in mid-period while batches are in flight: its sales of before are netted."""
    monkeypatch.setattr(module, "PATIENCE_SECONDS", 0.02)
    ann, writer = world.members[0], Writer(world.database, WallClock())  # type: ignore[arg-type]
    asked = QueuedGovernance(writer, world.database, world.keys, WallClock())  # type: ignore[arg-type]
    world.enqueue(world.signer(ann), world.issue(ann, 1, 100), world.redeem(ann, MERCHANTS[1], (1, 40)))
    clerk, bridge = clerk_of(world), world.bridge()
    for _ in range(2):
        with pytest.raises(PeriodNotDrained) as refusal:
            asked.close_period(1)
        assert refusal.value.waiting == 3
        assert not clerk.run()
    with pytest.raises(ChainUnavailable):
        asked.set_suspended(MERCHANTS[0], True, "mid-period")
    assert clerk.run()
    drain(bridge, world.database)
    assert (open_period(world), clerk.run(), clerk.run()) == (1, True, False)
    # Accepted after the cut-off, before the suspension counts: it falls into the next period.
    world.enqueue(world.redeem(ann, MERCHANTS[1], (1, 30)))
    drain(bridge, world.database)
    # A bridge that died after the block and before it said so does both acts again, and neither twice.
    with world.database.begin() as conn:
        conn.execute(update(operator_act).values(state="waiting"))
    assert [clerk_of(world).run() for _ in range(3)] == [True, True, False]
    drain(bridge, world.database)
    asked.close_period(1)
    writer.close()
    assert open_period(world) == 2
    with world.database.snapshot() as conn:
        nets = [periods.nets_of_period(conn, number) for number in (1, 2)]
    assert [net[MERCHANTS[1]] > 0 for net in nets] == [True, True]
    assert [sum(net.values()) for net in nets] == [0, 0]
    assert nets[0][MERCHANTS[1]] * 3 == nets[1][MERCHANTS[1]] * 4
    assert_clean(world)


def test_what_custody_does_not_sign_or_nobody_here_knows_holds_up_no_other_act(world: World) -> None:
    def refused(payload: dict[str, object]) -> dict[str, object]:
        raise SigningRefused("target-unknown")

    assert world.deployment is not None
    desk = Desk.unfenced(world.database, wall)
    steps = Steps(desk, world.node, world.keys, LiveDelivery(world.node), world.settings)
    acts = {"reserve-custodian": refused, "reserve-refresh": lambda payload: payload}
    clerk = GovernanceClerk(desk, Admin(steps, world.deployment.contracts), acts)
    with world.database.begin() as conn:
        for second, kind in enumerate(("of a newer version", *acts)):
            module.ask(conn, kind, module.Act(kind, "one", {}), wall() + timedelta(seconds=second))
    assert [clerk.run() for _ in range(3)] == [True, True, False]
    with world.database.read() as conn:
        told = {row.kind: (row.state, row.result) for row in conn.execute(select(operator_act))}
    assert (told["of a newer version"][0], told["reserve-refresh"][0]) == ("waiting", "done")
    assert told["reserve-custodian"] == ("refused", "custody signs no such thing: target-unknown")


def test_a_default_goes_before_whatever_its_merchant_asks_for(world: World) -> None:
    order: list[str] = []

    def noted(payload: dict[str, str]) -> dict[str, object]:
        order.append(payload["name"])
        return {}

    assert world.deployment is not None
    desk = Desk.unfenced(world.database, wall)
    steps = Steps(desk, world.node, world.keys, LiveDelivery(world.node), world.settings)
    acts = {"reserve-refresh": noted, "reserve-default": noted, "reserve-cure": noted}
    clerk = GovernanceClerk(desk, Admin(steps, world.deployment.contracts), acts)
    asked = [*(f"reserve-refresh:{n}" for n in range(20)), "reserve-default:1", "reserve-cure:1"]
    with world.database.begin() as conn:
        for second, name in enumerate(asked):
            act = module.Act(name.partition(":")[0], name, {"name": name})
            module.ask(conn, name, act, wall() + timedelta(seconds=second))
    assert [clerk.run() for _ in range(3)] == [True, True, True]
    assert order == [*asked[-2:], asked[0]]
