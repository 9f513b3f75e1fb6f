"""Keys change hands while the chain runs: what the old key signed counts no more, and nothing is doubled."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from ledger_service.chain.admin import Steps
from ledger_service.chain.artifacts import load
from ledger_service.chain.artifacts.access import Role
from ledger_service.chain.bridge import Bridge, lag_of
from ledger_service.chain.client import CallAt, Node
from ledger_service.chain.delivery import LiveDelivery, ReplayDelivery
from ledger_service.chain.desk import Desk
from ledger_service.chain.errors import AdminRefused
from ledger_service.chain.ports import OPERATOR, RELAYER
from ledger_service.chain.rotation import MerchantKeysOnChain, MerchantRotation, Move, RoleRotation, Stage
from ledger_service.custody.keystore import Keystore
from ledger_service.custody.local import LocalCustody
from ledger_service.custody.requests import BindDomain, SignMerchantKeys
from ledger_service.kernel.secp256k1 import address_of_key, keccak256
from tests.chain.founded import RotatingKeys
from tests.chain.networks import Network
from tests.chain.test_bridge import assert_clean, drain, states
from tests.chain.world import DAY, MERCHANTS, World, merchant_key, wall

# Anvil's third and fourth account: they hold funds there, and on the project's own chain nobody needs any.
NEXT_RELAYER = bytes.fromhex("5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a")
NEXT_OPERATOR = bytes.fromhex("7c852118294e51e653712a81e05800f419141751be58f605c371e15141b007a6")
FRESH = keccak256(b"the merchant's next operations key")


def steps_of(world: World, node: Node | None = None) -> Steps:
    desk, node = Desk.unfenced(world.database, wall), node or world.node
    delivery = ReplayDelivery(node) if world.settings.replay else LiveDelivery(node)
    return Steps(desk, node, world.keys, delivery, world.settings)


@contextmanager
def at_work(bridge: Bridge) -> Iterator[None]:
    """The bridge works in a thread for the length of the block."""
    stop = threading.Event()

    def work() -> None:
        while not stop.is_set():
            bridge.step()
            time.sleep(0.01)
        bridge._node.transport.close()  # as Bridge.run does

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def advance(world: World, move: Move) -> Stage:
    assert world.deployment is not None
    return RoleRotation(steps_of(world), world.deployment.manager).advance(move, world.now(), world.now())


def holds(world: World, role: Role, key: bytes) -> bool:
    assert world.deployment is not None
    return RoleRotation(steps_of(world), world.deployment.manager).has(role, address_of_key(key))


def earn(world: World) -> None:
    world.enqueue(world.issue(world.members[0], 1, 10), world.issue(world.members[1], 2, 10))
    drain(world.bridge(), world.database)


def may_send_batches(world: World, key: bytes) -> bool:
    """Whether the AccessManager lets this key call the ClearingHouse's ``submitBatch``."""
    assert world.deployment is not None
    manager, house = load("AccessManager"), world.deployment.contracts.clearing_house
    caller = "0x" + address_of_key(key).hex()
    asked = manager.call_data(
        "canCall", caller, "0x" + house.hex(), load("ClearingHouse").selector("submitBatch")
    )
    answer = world.node.call(CallAt(address_of_key(key), world.deployment.manager, asked))
    assert isinstance(answer, bytes)
    return bool(manager.answer_of("canCall", answer)[0])


def test_the_relayer_s_key_changes_with_two_days_of_notice_and_the_old_one_ends(rotating: World) -> None:
    world, old = rotating, rotating.keys.keys[RELAYER]
    move = Move(RELAYER, address_of_key(old), address_of_key(NEXT_RELAYER))
    earn(world)
    begun = world.now()
    due = advance(world, move).waits_until
    assert 2 * DAY <= due - begun <= 2 * DAY + 60
    world.advance(DAY)
    assert advance(world, move) == Stage(waits_until=due)
    assert not holds(world, Role.RELAYER, NEXT_RELAYER)
    world.advance(DAY + 60)
    assert advance(world, move) == Stage(needs_new_key=True)
    assert holds(world, Role.RELAYER, NEXT_RELAYER)
    assert holds(world, Role.RELAYER, old), "until custody has the new key, the old one carries the batches"
    bridge = world.bridge()
    drain(bridge, world.database)
    world.enqueue(world.issue(world.members[0], 1, 10))
    assert bridge.packer.step(0) == 1  # signed by the old key, in no block yet
    assert advance(world, move) == Stage(in_flight=1, needs_new_key=True)
    world.keys.keys[RELAYER] = NEXT_RELAYER
    assert advance(world, move) == Stage(in_flight=1)
    assert may_send_batches(world, old), "or what it has signed would be refused"
    earn(world)
    assert advance(world, move) == Stage(done=True)
    assert not may_send_batches(world, old)
    assert may_send_batches(world, NEXT_RELAYER)
    earn(world)
    assert set(states(world.database).values()) == {"final"}
    assert_clean(world)


def test_the_operator_s_key_is_ended_by_its_successor_and_not_before_custody_holds_that(
    rotating: World,
) -> None:
    world, old = rotating, rotating.keys.keys[OPERATOR]
    move = Move(OPERATOR, address_of_key(old), address_of_key(NEXT_OPERATOR))
    advance(world, move)
    world.advance(2 * DAY + 60)
    assert advance(world, move) == Stage(needs_new_key=True)
    world.advance(3 * DAY)
    assert advance(world, move) == Stage(needs_new_key=True)
    assert holds(world, Role.ADMIN, old), "nobody may end the only key that custody has"
    earn(world)  # what the old key sent is read back before custody changes
    world.keys.keys[OPERATOR] = NEXT_OPERATOR
    assert advance(world, move).waits_until > world.now()
    world.advance(2 * DAY + 60)
    assert advance(world, move) == Stage(done=True)
    for role in (Role.ADMIN, Role.OPERATOR, Role.GUARDIAN):
        assert not holds(world, role, old)
        assert holds(world, role, NEXT_OPERATOR)
    world.keys.keys[OPERATOR] = old
    with pytest.raises(AdminRefused):
        advance(world, Move(RELAYER, address_of_key(NEXT_RELAYER), address_of_key(old)))


def signed(world: World, keys: MerchantKeysOnChain, admin: bytes, journal: Path) -> bytes:
    """As custody signs the first merchant's next keys, with its admin key imported."""
    assert world.deployment is not None
    contracts = world.deployment.contracts
    name = f"merchant:{MERCHANTS[0]:013d}:admin"
    custody = LocalCustody(Keystore(bytes(32), {name: admin}), journal)
    custody.bind(BindDomain(world.node.chain_id, contracts.clearing_house, contracts.registry))
    asked = SignMerchantKeys(MERCHANTS[0], keys.admin, keys.operations, keys.settlement, keys.nonce)
    signature = custody.sign_merchant_keys(asked)
    custody.close()
    return signature


def test_a_merchant_s_operations_key_changes_while_a_batch_of_the_old_one_is_on_its_way(
    world: World, network: Network, tmp_path: Path
) -> None:
    assert world.deployment is not None
    custody = world.keys = RotatingKeys(world.keys.domain)
    rotation = MerchantRotation(steps_of(world, network.node()), world.deployment.contracts.registry)
    ann, bridge = world.members[0], world.bridge()
    world.enqueue(world.signer(ann), world.issue(ann, 1, 40))
    drain(bridge, world.database)
    world.enqueue(world.issue(ann, 1, 2), world.issue(ann, 2, 3))
    assert bridge.packer.step(0) == 2  # signed by the old keys and stored, not sent
    now = rotation.in_force(MERCHANTS[0])
    assert now.operations == address_of_key(merchant_key(MERCHANTS[0], "operations"))
    following = replace(now, operations=address_of_key(FRESH))
    with pytest.raises(AdminRefused):
        rotation.change(MERCHANTS[0], following, signed(world, following, FRESH, tmp_path / "a"))
    admin = merchant_key(MERCHANTS[0], "admin")
    with at_work(bridge):
        rotation.change(MERCHANTS[0], following, signed(world, following, admin, tmp_path / "b"))
    assert rotation.in_force(MERCHANTS[0]) == replace(following, nonce=now.nonce + 1)
    drain(bridge, world.database)
    late = world.issue(ann, 1, 7)
    world.enqueue(late)
    for _ in range(30):
        bridge.step()
    assert states(world.database)[late.op_id] == "queued", "the old key's slice is taken no more"
    assert ("merchant-slice", str(MERCHANTS[0])) in {(a[0], a[1]) for a in lag_of(world.database).alarms}
    custody.imported[MERCHANTS[0]] = FRESH
    drain(world.bridge(), world.database)
    assert set(states(world.database).values()) == {"final"}
    assert_clean(world)
