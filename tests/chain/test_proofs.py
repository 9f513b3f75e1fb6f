"""The proof of one operation, held against the root that the contract itself answers."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest

from ledger_service.api.endpoints.proofs import proof_document
from ledger_service.bootstrap.receipt_verifying import House, verify_receipt
from ledger_service.chain.artifacts import load
from ledger_service.chain.client import CallAt
from ledger_service.chain.errors import OperationUnknown
from ledger_service.chain.proof_reading import read_proof
from ledger_service.chain.proofs import Proven, prove
from ledger_service.chain.settings import ChainSettings
from ledger_service.db.engine import Database
from ledger_service.kernel.eip712 import Domain
from ledger_service.kernel.merkle import verify
from ledger_service.kernel.operations import Expire, Operation
from tests.chain.networks import LONG_AGO, Network
from tests.chain.test_bridge import drain, everyday, states
from tests.chain.world import MERCHANTS, World


def _with(path: str, value: object) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """The document with another value at a dotted place."""

    def change(document: dict[str, Any]) -> dict[str, Any]:
        *outer, last = path.split(".")
        inner = document
        for name in outer:
            inner = inner[name]
        inner[last] = value
        return document

    return change


HOSTILE = [
    (_with("facts.accepted_at", 1), "facts-altered"), (_with("leaf", "0x" + "00" * 32), "facts-altered"),
    (_with("chain_id", 5), "other-chain"), (_with("proof.batch", 10**6), "batch-unknown"),
    (_with("proof.root", "0x" + "00" * 32), "root-differs"), (_with("proof.path", []), "path-wrong"),
]  # fmt: skip


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
    assert world.deployment is not None
    contracts = world.deployment.contracts
    house = House(contracts.clearing_house, contracts.registry)
    domain = Domain(world.node.chain_id, bytes(20))
    documents = [proof_document(one, domain) for one in proven]
    told = verify_receipt(world.node, house, [read_proof(one) for one in documents], None)
    assert (len(told.proven), told.waiting, told.findings) == (len(proven), [], [])
    for change, finding in HOSTILE:
        told = verify_receipt(world.node, house, [read_proof(change(deepcopy(documents[0])))], None)
        assert [finding in one for one in told.findings].count(True) == 1, (finding, told.findings)
    foreign = House(contracts.clearing_house, bytes(20))
    assert "house-foreign" in verify_receipt(world.node, foreign, [], None).findings[0]


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
