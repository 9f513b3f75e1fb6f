"""The proof of one operation, held against the root that the contract itself answers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ledger_service.chain.artifacts import load
from ledger_service.chain.client import CallAt
from ledger_service.chain.errors import OperationUnknown
from ledger_service.chain.proofs import Proven, prove
from ledger_service.chain.settings import ChainSettings
from ledger_service.db.engine import Database
from ledger_service.kernel.merkle import verify
from ledger_service.kernel.operations import Expire, Operation
from tests.chain.networks import LONG_AGO, Network
from tests.chain.test_bridge import drain, everyday, states
from tests.chain.world import MERCHANTS, World


def proof_of(world: World, op_id: bytes) -> Proven:
    with world.database.snapshot() as conn:
        return prove(conn, op_id)


def root_on_chain(world: World, batch: int) -> bytes:
    """What the ClearingHouse answers, asked at the node and not in the mirror."""
    assert world.deployment is not None
    house = world.deployment.contracts.clearing_house
    data = load("ClearingHouse").call_data("rootOf", batch)
    answer = world.node.call(CallAt(bytes(20), house, data, at="latest"))
    assert isinstance(answer, bytes)
    return answer


def assert_proven(world: World, op_id: bytes) -> Proven:
    proven = proof_of(world, op_id)
    proof = proven.proof
    assert proof is not None and proof.final
    assert proven.leaf == proven.operation.leaf()
    assert verify(proven.leaf, proof.path, root_on_chain(world, proof.batch))
    assert not verify(proven.leaf, proof.path, root_on_chain(world, proof.batch + 1))
    return proven


def test_every_kind_of_operation_is_proven_against_the_root_in_the_contract(world: World) -> None:
    everyday(world)
    drain(world.bridge(), world.database)
    proven = [assert_proven(world, op_id) for op_id in states(world.database)]
    assert {p.operation.kind.name for p in proven} == {
        "SIGNER", "ISSUE", "REDEEM", "GIFT", "RESTORE", "CLAWBACK", "EXTEND",
    }  # fmt: skip
    assert all("signature" not in p.facts for p in proven)


def test_an_operation_that_is_in_no_block_has_no_proof_and_a_made_up_one_is_unknown(world: World) -> None:
    waiting = world.issue(world.members[0], 1, 5)
    world.enqueue(waiting)
    proven = proof_of(world, waiting.op_id)
    assert (proven.state, proven.proof) == ("queued", None)
    with pytest.raises(OperationUnknown):
        proof_of(world, bytes(16))


def test_an_expiry_is_proven_by_what_it_says(sqlite_database: Database, network: Network) -> None:
    network.kill()
    network.genesis_time = LONG_AGO
    network.forget()
    network.start()
    replaying = ChainSettings(
        most_operations=40, linger_seconds=0.0, fee_floor_wei=2_000_000_000, replay=True
    )
    world = World(sqlite_database, network.node(), replaying, now=LONG_AGO + 86_400 * 10)
    world.found()
    ann, ben, *_ = world.members
    world.enqueue(world.signer(ann), world.issue(ann, 1, 100), world.issue(ben, 1, 30))
    drain(world.bridge(), world.database)
    world.advance(86_400 * 31)  # past the end of epoch 1
    expiry: Operation = world.expire(ann, 1, 1)
    world.enqueue(expiry, world.expire(ben, 1, 1))
    drain(world.bridge(), world.database)
    proven = assert_proven(world, expiry.op_id)
    assert isinstance(proven.operation, Expire)
    assert (proven.operation.leg.amount, proven.facts["merchant"]) == (100, MERCHANTS[0])
    forged = replace(proven.operation, leg=replace(proven.operation.leg, amount=99))
    assert proven.proof is not None
    assert not verify(forged.leaf(), proven.proof.path, proven.proof.root)
