"""One mirror over a line of ClearingHouses (INV-8): batches under the first, then under its successor."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select

from ledger_service.bootstrap.indexing import fresh_index
from ledger_service.chain import models as m
from ledger_service.chain.admin import Admin
from ledger_service.chain.bridge import Bridge
from ledger_service.chain.errors import AdminRefused, HouseNeverInForce
from ledger_service.chain.reexecution import reexecute
from ledger_service.chain.settings import Contracts
from ledger_service.chain.state_root import StateRoot, state_root
from ledger_service.chain.succession import Offices, Succession
from ledger_service.config import Settings
from ledger_service.kernel.eip712 import Domain
from ledger_service.kernel.secp256k1 import address_text
from tests.chain.networks import Network
from tests.chain.test_bridge import assert_clean, drain, everyday, states
from tests.chain.test_fresh_index import against_fresh_index
from tests.chain.test_rotation import steps_of
from tests.chain.world import DAY, MERCHANTS, World


def succession(world: World) -> Succession:
    assert world.deployment is not None
    contracts = world.deployment.contracts
    offices = Offices(contracts.registry, world.deployment.manager)
    return Succession(steps_of(world), offices, contracts.clearing_house)


def succeed(world: World) -> bytes:
    """A new house is created, waits out the admin's delay and is put in force."""
    ways = succession(world)
    made = ways.create(world.now())
    due = ways.schedule(made, world.now())
    assert due > world.now() + DAY
    with pytest.raises(AdminRefused):
        ways.put_in_force(made, world.now())
    world.advance(due - world.now() + 1)
    ways.put_in_force(made, world.now())
    assert ways.in_force() == made
    return made


def move_in(world: World, house: bytes) -> Bridge:
    """The database's processes, and the members' phones, go by the new address."""
    assert world.deployment is not None
    contracts = Contracts(house, world.deployment.contracts.registry)
    world.deployment = replace(world.deployment, contracts=contracts)
    world.keys.domain = Domain(world.node.chain_id, house)
    return world.bridge()


def go_on(world: World) -> None:
    """What needs the past of both houses: reversals of what the first one did, and new redemptions."""
    ann, ben, *_ = world.members
    earned = world.issue(ann, 2, 90)
    world.enqueue(earned, world.redeem(ann, MERCHANTS[0], (2, 40)), world.clawback(earned, 5))
    world.enqueue(world.redeem(ben, MERCHANTS[1], (2, 30)), world.gift(ben, ann, 1, 1))


def settle(world: World, bridge: Bridge) -> None:
    drain(bridge, world.database)
    assert set(states(world.database).values()) <= {"final"}
    assert_clean(world)


def move_on(world: World) -> tuple[bytes, Bridge]:
    """Everyday batches under the first house, a successor, batches under it."""
    everyday(world)
    earned = world.issue(world.members[0], 1, 60)
    spent = world.redeem(world.members[0], MERCHANTS[1], (1, 50))
    world.enqueue(earned, spent)
    settle(world, world.bridge(most_operations=3))
    house = succeed(world)
    bridge = move_in(world, house)
    world.enqueue(world.restore(spent, 0, 20))
    go_on(world)
    settle(world, bridge)
    return house, bridge


def houses(world: World) -> list[bytes]:
    with world.database.snapshot() as conn:
        return list(conn.execute(select(m.chain_house.c.address).order_by(m.chain_house.c.number)).scalars())


def test_a_fresh_index_over_two_houses_is_the_mirror(rotating: World, tmp_path: Path) -> None:
    world = rotating
    assert world.deployment is not None
    first = world.deployment.contracts.clearing_house
    second, _ = move_on(world)
    assert houses(world) == [first, second]
    assert against_fresh_index(world, tmp_path / "fresh.db") == []


def test_a_stranger_with_any_address_of_the_line_reads_all_of_it(
    rotating: World, network: Network, tmp_path: Path
) -> None:
    world = rotating
    assert world.deployment is not None
    first, registry = world.deployment.contracts.clearing_house, world.deployment.contracts.registry
    second, _ = move_on(world)
    settings = Settings(chain_url=network.url, database_url="sqlite:///nowhere")
    with world.database.snapshot() as conn:
        operations = len(conn.execute(select(m.chain_operation.c.batch)).all())
    for number, house in enumerate((first, second)):
        given = Contracts(house, registry)
        told = fresh_index(settings, tmp_path / f"{number}.db", given, lambda _b, _o: None)
        assert told.operations == operations
        assert [h["address"] for h in told.houses] == [address_text(first), address_text(second)]
    with pytest.raises(HouseNeverInForce):
        fresh_index(settings, tmp_path / "other.db", Contracts(b"\x07" * 20, registry), lambda _b, _o: None)


def test_a_bridge_of_the_former_house_packs_nothing_and_says_why(rotating: World) -> None:
    world = rotating
    everyday(world)
    former = world.bridge()
    settle(world, former)
    house = succeed(world)
    while not former.step().idle:
        pass
    waiting = world.issue(world.members[0], 1, 3)
    world.enqueue(waiting)
    for _ in range(20):
        former.step()
    assert states(world.database)[waiting.op_id] == "queued"
    with world.database.snapshot() as conn:
        alarms = {row.code: row.detail for row in conn.execute(select(m.chain_alarm))}
    assert list(alarms) == ["house-not-in-force"]
    assert house.hex() in alarms["house-not-in-force"]
    former._desk.resign()
    settle(world, move_in(world, house))
    with world.database.snapshot() as conn:
        assert conn.execute(select(m.chain_alarm)).all() == []


@pytest.mark.parametrize("network", [pytest.param("anvil", marks=pytest.mark.anvil)], indirect=True)
@pytest.mark.parametrize("depth", [1, 4, 6])
def test_a_reorg_across_the_change_of_house_ends_in_the_same_mirror(
    rotating: World, depth: int, tmp_path: Path
) -> None:
    world = rotating
    _, bridge = move_on(world)
    line = houses(world)
    world.node.control(("anvil_reorg", [depth, []]))
    more = world.issue(world.members[0], 1, 77)
    world.enqueue(more)
    settle(world, bridge)
    assert states(world.database)[more.op_id] == "final"
    assert houses(world) == line
    assert against_fresh_index(world, tmp_path / "fresh.db") == []


def test_the_rewound_mirror_knows_only_the_houses_up_to_its_block(rotating: World, tmp_path: Path) -> None:
    world = rotating
    _, bridge = move_on(world)
    line = houses(world)
    with world.database.snapshot() as conn:
        taken_over = conn.execute(select(m.chain_house.c.block_number).where(m.chain_house.c.number == 2))
        block = taken_over.scalar_one()
    bridge.indexer.rewind(block - 1)
    assert houses(world) == line[:1]
    assert against_fresh_index(world, tmp_path / "fresh.db") == []
    settle(world, bridge)
    assert houses(world) == line


def test_a_journal_over_two_houses_is_executed_once_more(rotating: World, network: Network) -> None:
    world = rotating
    move_on(world)
    assert world.deployment is not None
    network.kill()
    network.forget()
    network.start()
    done = reexecute(world.database, network.node(), world.deployment.contracts)
    assert done.verified
    assert done.block_number > 0


def roots(world: World, *houses_asked: bytes) -> list[StateRoot]:
    with world.database.snapshot() as conn:
        head = world.node.head_number()
        return [state_root(conn, world.node, house, head) for house in houses_asked]


def test_one_root_is_that_of_both_houses_until_something_is_added(rotating: World) -> None:
    world = rotating
    assert world.deployment is not None
    first = world.deployment.contracts.clearing_house
    everyday(world)
    settle(world, world.bridge())
    second = succession(world).create(world.now())
    before = roots(world, first, second)
    assert before[0] == before[1]
    assert before[0].answers > 10
    assert succeed(world) == second
    assert roots(world, first, second) == before
    bridge = move_in(world, second)
    go_on(world)
    settle(world, bridge)
    former, successor = roots(world, first, second)
    assert former != successor


def test_a_house_on_which_somebody_acted_alone_has_another_root(rotating: World) -> None:
    world = rotating
    assert world.deployment is not None
    first = world.deployment.contracts.clearing_house
    settle(world, world.bridge())
    second = succeed(world)
    Admin(steps_of(world), Contracts(second, b"")).close_period(1, world.now())
    assert len(set(roots(world, first, second))) == 2
