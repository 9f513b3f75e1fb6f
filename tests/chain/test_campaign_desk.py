"""Rewards on a real chain: opened, promised, and only then issued; nobody packs what is not promised."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from eth_abi.abi import decode
from sqlalchemy import select, update

from ledger_service.chain.artifacts import load
from ledger_service.chain.beside.audit import check_beside
from ledger_service.chain.beside.relay import Relay, relay_room
from ledger_service.chain.beside.targets import campaigns_at
from ledger_service.chain.bridge import Bridge, Job, Wiring
from ledger_service.chain.client import CallAt
from ledger_service.chain.desk import Desk
from ledger_service.kernel.campaign_operations import (
    CODEC,
    OPEN_END,
    TARGET,
    CampaignOperation,
    OpenCampaign,
    PromiseReward,
    ReturnReward,
    RewardRole,
    attribution_of,
    day_of,
    promise_id_of,
    purchase_of,
    return_id_of,
    reward_id_of,
)
from ledger_service.kernel.operations import Issue, IssueReason
from ledger_service.kernel.secp256k1 import keccak256
from ledger_service.outbox.beside.models import beside_intent
from ledger_service.outbox.beside.service import enqueue_now
from ledger_service.outbox.models import intent
from tests.chain.test_bridge import assert_clean, states
from tests.chain.world import DAY, MERCHANTS, Member, World, wall

CAMPAIGN = b"\5" * 16


@dataclass
class Sharing:
    """Campaigns of the first merchant, whose points are programme 1."""

    world: World
    _made: list[bytes] = field(default_factory=list)

    @property
    def desk(self) -> bytes:
        assert self.world.deployment is not None
        return self.world.deployment.campaign_desk

    def bridge(self) -> Bridge:
        world = self.world
        assert world.deployment is not None
        desk = Desk(world.database, "one", wall, world.settings.lease_seconds)
        relay = Relay(
            relay_room(desk, world.node, world.keys, world.settings, ()), [campaigns_at(self.desk)]
        )
        jobs = (Job("beside", 0.0, relay.run, signs=True),)
        at = world.deployment.contracts
        return Bridge(Wiring(world.database, world.node, world.keys, at, world.settings, desk, (), jobs))

    def tell(self, *operations: CampaignOperation) -> None:
        with self.world.database.begin() as conn:
            enqueue_now(conn, TARGET, CODEC, operations, wall())

    def open(self, **changes: Any) -> OpenCampaign:
        now = self.world.now()
        made = OpenCampaign(self.world.op_id(), MERCHANTS[0], now, CAMPAIGN, 1, 1_000, 1, now - DAY, OPEN_END)
        return replace(made, **changes)

    def promise(self, who: Member, number: int, points: int) -> PromiseReward:
        now, role = self.world.now(), RewardRole.SHARER
        commitment, sale = keccak256(b"commitment %d" % number), keccak256(b"sale %d" % number)[:16]
        reward = reward_id_of(commitment, sale, role)
        return PromiseReward(
            promise_id_of(reward), MERCHANTS[0], now, CAMPAIGN, reward, role, who.account, points,
            day_of(now), attribution_of(commitment, role), purchase_of(commitment, sale, role),
        )  # fmt: skip

    def back(self, promised: PromiseReward) -> ReturnReward:
        head = (return_id_of(promised.reward), MERCHANTS[0], self.world.now())
        return ReturnReward(*head, promised.reward, CAMPAIGN)

    def issue(self, who: Member, promised: PromiseReward) -> Issue:
        made = self.world.issue(who, 1, promised.points)
        return replace(made, op_id=promised.reward, reason=int(IssueReason.REWARD))

    def beside(self) -> dict[bytes, tuple[str, str | None]]:
        columns = (beside_intent.c.op_id, beside_intent.c.state, beside_intent.c.reason)
        with self.world.database.read() as conn:
            return {row[0]: (row[1], row[2]) for row in conn.execute(select(*columns))}

    def settle(self, seconds: float = 60.0) -> None:
        bridge, deadline = self.bridge(), time.monotonic() + seconds
        while time.monotonic() < deadline:
            bridge.step()
            standing = {state for state, _ in self.beside().values()}
            standing |= set(states(self.world.database).values())
            if standing <= {"final", "set_aside"}:
                return
            time.sleep(0.005)
        raise AssertionError((self.beside(), states(self.world.database)))

    def audit(self) -> list[tuple[str, str, int | str, int | str]]:
        found = check_beside(self.world.database, self.world.node, campaigns_at(self.desk))
        return [(one.check, one.subject, one.expected, one.actual) for one in found]

    def rewrite(self, op_id: bytes, **values: Any) -> None:
        """Somebody changes what the books say of an operation."""
        table = beside_intent if op_id in self.beside() else intent
        with self.world.database.begin() as conn:
            conn.execute(update(table).where(table.c.op_id == op_id).values(**values))

    def sums(self) -> tuple[int, int, int]:
        """What the desk has promised, taken back, issued."""
        data = load("CampaignDesk").call_data("campaign", CAMPAIGN)
        answer = self.world.node.call(CallAt(bytes(20), self.desk, data))
        assert isinstance(answer, bytes)
        told = decode(["(uint64,uint32,uint8,uint40,uint40,uint64,uint64,uint64,uint64)"], answer)[0]
        return told[6:]


@pytest.fixture
def sharing(world: World) -> Sharing:
    return Sharing(world)


def test_a_reward_is_issued_once_its_promise_is_final(sharing: Sharing) -> None:
    ann, ben, *_ = sharing.world.members
    one = sharing.promise(ann, 1, 100)
    sharing.world.enqueue(sharing.issue(ann, one), sharing.world.issue(ben, 1, 5))
    sharing.tell(sharing.open(), one)
    bridge = sharing.world.bridge()
    for _ in range(5):
        bridge.step()
    # Without the relay nothing is promised: the reward waits, and holds back nobody else.
    assert states(sharing.world.database)[one.reward] == "queued"
    sharing.settle()
    assert states(sharing.world.database)[one.reward] == "final"
    assert sharing.sums() == (100, 0, 100)
    assert_clean(sharing.world)
    sharing.tell(sharing.back(one))
    sharing.settle()
    assert sharing.sums() == (100, 100, 100)


def test_a_reward_that_nobody_promised_is_never_packed(sharing: Sharing) -> None:
    ann, ben, *_ = sharing.world.members
    sharing.tell(sharing.open(budget=100))
    most, more = sharing.promise(ann, 1, 100), sharing.promise(ben, 2, 1)
    sharing.tell(most, more)
    sharing.world.enqueue(*(sharing.issue(who, one) for who, one in ((ann, most), (ben, more))))
    sharing.world.enqueue(sharing.issue(ben, sharing.promise(ben, 3, 7)))
    sharing.settle()
    assert sharing.beside()[more.op_id] == ("final", "RewardBeyondBudget()")
    found = states(sharing.world.database)
    assert [found[one.reward] for one in (most, more)] == ["final", "set_aside"]
    assert sorted(found.values()).count("set_aside") == 2
    assert sharing.sums() == (100, 0, 100)


def test_the_audit_holds_every_campaign_and_reward_against_the_desk(sharing: Sharing) -> None:
    ann, ben, *_ = sharing.world.members
    other = replace(sharing.open(), op_id=sharing.world.op_id(), campaign=b"\6" * 16, budget=7, depth=2)
    first = sharing.open()
    wider = replace(first, op_id=sharing.world.op_id(), budget=1_200, ends=sharing.world.now() + 9 * DAY)
    issued, kept, gone = (sharing.promise(ann, at, 100 * at) for at in (1, 2, 3))
    late, most = sharing.promise(ben, 4, 10), sharing.promise(ben, 5, 5_000)
    late, back = replace(late, campaign=other.campaign), sharing.back(gone)
    assert sharing.audit() == []
    sharing.tell(first, issued, kept, gone)
    sharing.world.enqueue(sharing.issue(ann, issued))
    sharing.settle()
    sharing.tell(other, wider, late, most, back, sharing.back(issued))
    sharing.settle()
    assert [sharing.beside()[one.op_id][1] for one in (late, most)] == ["RewardBeyondBudget()"] * 2
    assert sharing.audit() == []
    desk = ("campaigns-campaign", f"campaign 0x{CAMPAIGN.hex()}")
    what = f"reward 0x{gone.reward.hex()}"
    sharing.rewrite(back.op_id, reason="RewardWentBack()")
    assert sharing.audit() == [
        (desk[0], f"returned of {desk[1]}", "100", "400"),
        ("campaigns-rewardOf", f"state of {what}", "1", "3"),
    ]
    # Still on its way: it may be there or not.
    sharing.rewrite(back.op_id, reason=None, state="packed")
    sharing.rewrite(wider.op_id, state="packed")
    assert sharing.audit() == []
    sharing.rewrite(back.op_id, state="final")
    sharing.rewrite(wider.op_id, state="queued")
    told = sharing.audit()
    assert [one[1] for one in told] == [f"{name} of {desk[1]}" for name in ("end", "budget")]
    assert told[1][2:] == ("1000", "1200")


def test_the_audit_names_rewards_that_one_side_has_alone(sharing: Sharing) -> None:
    ann, ben, *_ = sharing.world.members
    one, more = sharing.promise(ann, 1, 60), sharing.promise(ben, 2, 60)
    reward = sharing.issue(ann, one)
    sharing.tell(sharing.open(budget=100), one, more)
    sharing.world.enqueue(reward)
    sharing.settle()
    assert sharing.beside()[more.op_id] == ("final", "RewardBeyondBudget()")
    assert sharing.audit() == []
    sharing.rewrite(more.op_id, reason=None)
    words = ("account", "points", "campaign's number", "state")
    told = {(check, subject): (expected, actual) for check, subject, expected, actual in sharing.audit()}
    assert told.pop(("campaigns-campaign", f"promised of campaign 0x{CAMPAIGN.hex()}")) == ("120", "60")
    assert list(told) == [("campaigns-rewardOf", f"{word} of reward 0x{more.reward.hex()}") for word in words]
    assert told["campaigns-rewardOf", f"account of reward 0x{more.reward.hex()}"] == (
        "0x" + ben.account.hex().lstrip("0"), "0x0"
    )  # fmt: skip
    sharing.rewrite(more.op_id, reason="RewardBeyondBudget()")
    sharing.rewrite(one.op_id, reason="RewardBeyondBudget()")
    told = {(check, subject): (expected, actual) for check, subject, expected, actual in sharing.audit()}
    assert len(told) == 2 + len(words)
    assert told["campaigns-rewardOf", f"state of reward 0x{one.reward.hex()}"] == ("0", "2")
    sharing.rewrite(one.op_id, reason=None)
    sharing.rewrite(reward.op_id, state="packed")
    assert [one[1:] for one in sharing.audit()] == [
        (f"issued of campaign 0x{CAMPAIGN.hex()}", "0", "60"),
        (f"state of reward 0x{one.reward.hex()}", "1", "2"),
    ]
