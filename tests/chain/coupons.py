"""A merchant's coupons in a test's world: a type, a code list, and the operations that use it."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import select

from ledger_service.chain.beside.relay import Relay, relay_room
from ledger_service.chain.beside.targets import Target, coupons_at
from ledger_service.chain.bridge import Bridge, Job, Wiring, lag_of
from ledger_service.chain.client import CallAt
from ledger_service.chain.desk import Desk
from ledger_service.kernel.beside import leaf_of
from ledger_service.kernel.coupon_operations import (
    CODEC,
    NOBODY,
    TARGET,
    AnchorRoot,
    Consume,
    CouponOperation,
    RegisterType,
    Reverse,
    TransferRule,
    code_leaf,
    commitment_of,
    coupon_id,
    serial_word,
)
from ledger_service.kernel.merkle import proof_of, root_of
from ledger_service.kernel.secp256k1 import keccak256
from ledger_service.outbox.beside.models import beside_intent
from ledger_service.outbox.beside.service import enqueue_now
from tests.chain.world import MERCHANTS, World, wall

GCN = 9501101530003
DAY = 86_400
_SETTLED = {"final", "set_aside"}


@dataclass
class Codes:
    """A list of codes of a type with its tree."""

    count: int = 8
    gcn: int = GCN
    secret: str = "list"
    ids: list[int] = field(init=False)

    def __post_init__(self) -> None:
        self.ids = [coupon_id(self.gcn, f"{at:05d}") for at in range(self.count)]
        commitments = [commitment_of(self.opening(at)) for at in range(self.count)]
        self.leaves = [code_leaf(i, c) for i, c in zip(self.ids, commitments, strict=True)]

    def opening(self, at: int) -> bytes:
        return keccak256(f"{self.secret}:{at}".encode())

    @property
    def root(self) -> bytes:
        return root_of(self.leaves)


@dataclass
class CouponDesk:
    """What the ledger would enqueue for coupons."""

    world: World

    def op_id(self) -> bytes:
        return keccak256(b"coupon" + self.world.op_id())[:16]

    def type(self, owner: int = MERCHANTS[0], **changes: Any) -> RegisterType:
        now = self.world.now()
        made = RegisterType(
            self.op_id(), owner, now, GCN, 1, 1_000, now - DAY, now + 90 * DAY, TransferRule.ONCE, 0,
            bytes(32),
        )  # fmt: skip
        return replace(made, **changes)

    def root(self, codes: Codes, owner: int = MERCHANTS[0]) -> AnchorRoot:
        first = serial_word("00000")
        return AnchorRoot(self.op_id(), owner, self.world.now(), codes.gcn, codes.root, first, codes.count)

    def consume(self, codes: Codes, at: int, acceptor: int = MERCHANTS[1]) -> Consume:
        proof = tuple(proof_of(codes.leaves, at))
        where = (codes.ids[at], NOBODY, codes.root, codes.opening(at), proof)
        return Consume(self.op_id(), acceptor, self.world.now(), *where)

    def reverse(self, used: Consume) -> Reverse:
        now = self.world.now()
        return Reverse(self.op_id(), used.merchant, now, used.coupon, used.op_id, leaf_of(used))

    def enqueue(self, *operations: CouponOperation) -> None:
        for operation in operations:
            with self.world.database.begin() as conn:
                enqueue_now(conn, TARGET, CODEC, [operation], wall())

    def standing(self) -> dict[bytes, tuple[str, str | None]]:
        with self.world.database.snapshot() as conn:
            rows = conn.execute(select(beside_intent))
            return {row.op_id: (row.state, row.reason) for row in rows}

    def is_consumed(self, coupon: int) -> bool:
        answer = self.ask("isConsumed", coupon)
        return bool(answer[0])

    def ask(self, function: str, *arguments: object) -> tuple[Any, ...]:
        target = target_of(self.world)
        data = target.artifact.call_data(function, *arguments)
        answer = self.world.node.call(CallAt(bytes(20), target.address, data))
        assert isinstance(answer, bytes), answer
        return target.artifact.answer_of(function, answer)


def target_of(world: World) -> Target:
    assert world.deployment is not None
    return coupons_at(world.deployment.coupons)


def bridge_beside(
    world: World, holder: str = "one", gas: dict[int, int] | None = None, **changes: Any
) -> Bridge:
    """A bridge process with the relay among its jobs; ``gas`` in the place of the target's bounds."""
    assert world.deployment is not None
    settings = replace(world.settings, **changes)
    desk = Desk(world.database, holder, wall, settings.lease_seconds)
    handlers = (lambda conn, events: world.told.extend(events),)
    target = target_of(world)
    target = target if gas is None else replace(target, gas=gas)
    relay = Relay(relay_room(desk, world.node, world.keys, settings, handlers), [target])
    at, job = world.deployment.contracts, Job("beside", 0.0, relay.run, signs=True)
    return Bridge(Wiring(world.database, world.node, world.keys, at, settings, desk, handlers, (job,)))


def settle(bridge: Bridge, desk: CouponDesk, seconds: float = 30.0, but: Collection[bytes] = ()) -> None:
    """Step until every intent beside is final or set aside, ``but`` those that never will be."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        bridge.step()
        if {state for op_id, (state, _) in desk.standing().items() if op_id not in but} <= _SETTLED:
            return
        time.sleep(0.005)
    raise AssertionError(f"not settled: {desk.standing()} {lag_of(desk.world.database)}")


def reasons(desk: CouponDesk, *operations: CouponOperation) -> Sequence[str | None]:
    standing = desk.standing()
    assert {standing[o.op_id][0] for o in operations} <= {"final", "set_aside"}
    return [standing[o.op_id][1] for o in operations]
