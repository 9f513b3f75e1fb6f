"""A house of before there were campaigns has a successor that takes rewards: the desk is created with it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from eth_abi.abi import encode

from ledger_service.chain.campaign_reading import desk_of_house
from ledger_service.chain.errors import AdminRefused
from ledger_service.chain.succession import Offices, Succession
from ledger_service.kernel.secp256k1 import address_text, keccak256
from tests.chain.test_bridge import everyday, states
from tests.chain.test_campaign_desk import Sharing
from tests.chain.test_fresh_index import against_fresh_index
from tests.chain.test_rotation import steps_of
from tests.chain.test_succession import go_on, houses, move_in, roots, settle, succession
from tests.chain.world import DAY, World

# Of the commit before the desk; its mover is today's, which it asks for nothing that changed.
FORMER = Path(__file__).parents[1] / "contracts" / "artifacts" / "ClearingHouseBeforeCampaigns.json"


class OfThatTime(Succession):
    """Puts the house in force that knew no desk."""

    def campaign_desk(self) -> bytes | None:
        return bytes(20)

    def _creation(self, mover: bytes, desk: bytes) -> bytes:
        code = bytes.fromhex(json.loads(FORMER.read_text())["bytecode"][2:])
        places = (self._offices.manager, self._offices.registry, self._former, mover)
        return code + encode(["address"] * 4, list(map(address_text, places)))


def put_in_force(world: World, ways: Succession) -> bytes:
    made = ways.create(world.now())
    due = ways.schedule(made, world.now())
    assert due > world.now() + DAY
    with pytest.raises(AdminRefused):
        ways.put_in_force(made, world.now())
    world.advance(due - world.now() + 1)
    ways.put_in_force(made, world.now())
    assert ways.in_force() == made
    return made


def before_campaigns(world: World) -> bytes:
    """The house in force is one of that time, and has taken batches."""
    assert world.deployment is not None
    contracts = world.deployment.contracts
    offices = Offices(contracts.registry, world.deployment.manager)
    house = put_in_force(world, OfThatTime(steps_of(world), offices, contracts.clearing_house))
    bridge = move_in(world, house)
    everyday(world)
    settle(world, bridge)
    return house


def test_a_house_without_a_desk_is_followed_by_one_that_has_a_desk_of_its_own(
    rotating: World, tmp_path: Path
) -> None:
    world = rotating
    former = before_campaigns(world)
    assert desk_of_house(world.node, former) is None
    ways = succession(world)
    # Custody is asked for three creations, one after the other.
    asked = [ways.creation_hash]
    assert ways.campaign_desk() is None
    ways._created(ways._step("mover"), ways._mover_creation(), world.now())
    asked.append(ways.creation_hash)
    assert asked[1] == keccak256(ways._desk_creation())
    house = put_in_force(world, ways)
    desk = ways.campaign_desk()
    assert desk is not None
    assert ways.creation_hash not in asked
    assert desk_of_house(world.node, house) == desk
    before, after = roots(world, former, house)
    assert before == after
    assert world.deployment is not None
    assert desk != world.deployment.campaign_desk
    bridge = move_in(world, house)
    go_on(world)
    settle(world, bridge)
    world.deployment = replace(world.deployment, campaign_desk=desk)
    rewards_are_taken(world)
    assert houses(world)[-2:] == [former, house]
    assert against_fresh_index(world, tmp_path / "fresh.db") == []
    # Whoever follows has that desk: nothing more is created for it.
    assert succession(world).campaign_desk() == desk


def rewards_are_taken(world: World) -> None:
    sharing, ann = Sharing(world), world.members[0]
    one = sharing.promise(ann, 1, 100)
    sharing.tell(sharing.open(), one)
    world.enqueue(sharing.issue(ann, one))
    sharing.settle()
    assert states(world.database)[one.reward] == "final"
    assert sharing.sums() == (100, 0, 100)
    assert sharing.audit() == []
