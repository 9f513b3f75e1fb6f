"""A stranger looks at campaigns: an honest desk is proven, and whatever breaks INV-14 is named."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ledger_service.bootstrap.share_verifying import verify_campaigns
from ledger_service.cli import verify
from ledger_service.kernel.campaign_operations import (
    PromiseReward,
    RewardRole,
    attribution_of,
    promise_id_of,
    purchase_of,
    reward_id_of,
)
from ledger_service.kernel.ids import derive_id
from ledger_service.kernel.operations import Issue
from tests.chain.items import Tracing
from tests.chain.loose_desk import LooseDesk
from tests.chain.networks import Network
from tests.chain.test_bridge import drain
from tests.chain.test_campaign_desk import CAMPAIGN, Sharing
from tests.chain.test_share_proofs import SALE, SALT, Scene, codes
from tests.chain.world import MERCHANTS, World, member

ALTERED, UNTOLD = 1, 2
SHARER, BUYER = member(1), member(2)
LATER_SALE = b"u" * 16


def told_of(capsys: pytest.CaptureFixture[str]) -> tuple[str, list[str], list[str]]:
    told = json.loads(capsys.readouterr().out)
    return told["standing"], [one["code"] for one in told["findings"]], told["facts"]


def look(network: Network, house: bytes, desk: bytes) -> int:
    """The exit code of a stranger who has two addresses and no evidence."""
    addresses = ["--clearing-house", "0x" + house.hex(), "--campaigns", "0x" + desk.hex()]
    return verify.main(["share", "--rpc", network.url, "--json", *addresses])


def house_of(world: World) -> bytes:
    assert world.deployment is not None
    return world.deployment.contracts.clearing_house


class Promising:
    """A purchase whose reward a desk has promised, with its evidence."""

    def __init__(self, world: World, network: Network, folder: Path) -> None:
        self.scene, self.sharing = Scene(Tracing(world, network, folder), folder), Sharing(world)
        world.enqueue(world.issue(BUYER, 1, 1))
        drain(world.bridge(), world.database)
        self.commitment = self.scene.commit(SALT)
        self.scene.log()

    @property
    def desk(self) -> str:
        return "0x" + self.sharing.desk.hex()

    def promise(self, role: RewardRole, sale: bytes = SALE) -> PromiseReward:
        words = attribution_of(self.commitment, role), purchase_of(self.commitment, sale, role)
        reward = reward_id_of(self.commitment, sale, role)
        made = replace(self.sharing.promise(SHARER, 1, 100), role=role, reward=reward)
        return replace(made, op_id=promise_id_of(reward), attribution=words[0], purchase=words[1])

    def earned(self) -> Issue:
        """What the sale itself earns."""
        made = self.sharing.world.issue(BUYER, 1, 100)
        return replace(made, op_id=derive_id("issue", SALE, 1))

    def evidence(self, sold_at: Any, *rewards: PromiseReward) -> dict[str, Any]:
        paid = [
            {"reward": one.reward.hex(), "role": RewardRole(one.role).text, "pays": "points",
             "points": one.points, "state": "granted"}
            for one in rewards
        ]  # fmt: skip
        return self.scene.evidence(1, SALE, SALT, sold_at) | {"rewards": paid}


def test_a_promised_reward_is_proven_with_its_purchase(
    world: World, network: Network, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = Promising(world, network, tmp_path)
    sharing, one = made.sharing, made.promise(RewardRole.SHARER)
    (head,) = world.node.blocks([world.node.head_number()])
    assert head is not None
    sharing.tell(sharing.open(), one)
    world.enqueue(made.earned(), sharing.issue(SHARER, one))
    sharing.settle()
    good = made.evidence(made.scene.sold_at(head.timestamp), one)
    assert made.scene.verify(good, "--campaigns", made.desk) == 0
    standing, found, facts = told_of(capsys)
    assert (standing, found) == ("proven", [])
    assert facts[-1].endswith("1 level(s), budget 1,000, promised 100, went back 0")
    # Without the desk the reward is found by its id all the same.
    assert made.scene.verify(good) == 0
    capsys.readouterr()
    spoil_the_paper(made, good, capsys)
    # The desk of somebody else has promised nothing.
    other = LooseDesk(world).address
    assert made.scene.verify(good, "--campaigns", "0x" + other.hex()) == ALTERED
    assert codes(capsys.readouterr().out) == ["desk-differs", "reward-unpromised"]
    assert made.scene.verify(good, "--campaigns", "0x" + "07" * 20) == ALTERED
    assert codes(capsys.readouterr().out) == ["desk-differs", "reward-unpromised"]
    assert look(network, house_of(world), sharing.desk) == 0
    assert told_of(capsys)[:2] == ("proven", [])
    assert look(network, house_of(world), other) == ALTERED
    assert told_of(capsys)[1] == ["desk-differs", "reward-unpromised"]


def spoil_the_paper(made: Promising, good: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    desk = ("--campaigns", made.desk)
    for change, wanted in (
        ({"points": 99}, ["reward-differs"] * 2), ({"state": "clawed"}, []),
        ({"state": "void"}, ["reward-differs"]),
    ):  # fmt: skip
        paper = good | {"rewards": [good["rewards"][0] | change]}
        assert made.scene.verify(paper, *desk) == (ALTERED if wanted else 0)
        assert codes(capsys.readouterr().out) == wanted
    assert made.scene.verify(good | {"rewards": []}, *desk) == ALTERED
    assert codes(capsys.readouterr().out) == ["reward-differs"] * 2


def test_an_earn_instead_of_a_reward_is_no_more_once_there_are_campaigns(
    world: World, network: Network, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = Promising(world, network, tmp_path)
    sold_at = made.scene.pay(SALE, made.commitment)
    good = made.scene.evidence(1, SALE, SALT, sold_at)
    assert made.scene.verify(good, "--campaigns", made.desk) == 0
    made.sharing.tell(made.sharing.open())
    made.sharing.settle()
    # It stays what it was: its sale is older than the campaign.
    assert made.scene.verify(good, "--campaigns", made.desk) == 0
    capsys.readouterr()
    (head,) = world.node.blocks([world.node.head_number()])
    assert head is not None
    world.enqueue(world.issue(BUYER, 1, 1))
    drain(world.bridge(), world.database)
    late = made.scene.sold_at(head.timestamp + 1)
    ids = derive_id("issue", LATER_SALE, 1), derive_id("share reward", made.commitment, LATER_SALE, "sharer")
    world.enqueue(*(replace(world.issue(who, 1, 100), op_id=one)
                    for who, one in zip((BUYER, SHARER), ids, strict=True)))  # fmt: skip
    drain(world.bridge(), world.database)
    paper = made.scene.evidence(1, LATER_SALE, SALT, late)
    assert made.scene.verify(paper, "--campaigns", made.desk) == ALTERED
    assert "reward-unpromised" in codes(capsys.readouterr().out)
    # Nor does an earn under the id that a promise would have.
    sharer = made.promise(RewardRole.SHARER, LATER_SALE)
    world.enqueue(replace(world.issue(SHARER, 1, 100), op_id=sharer.reward))
    drain(world.bridge(), world.database)
    told = [{"reward": one.hex(), "role": "sharer", "pays": "points", "points": 100, "state": "granted"}
            for one in (ids[1], sharer.reward)]  # fmt: skip
    assert made.scene.verify(paper | {"rewards": told}, "--campaigns", made.desk) == ALTERED
    assert codes(capsys.readouterr().out).count("reward-unpromised") == 2


def test_what_a_loose_desk_lets_pass_a_stranger_finds(
    rotating: World, network: Network, capsys: pytest.CaptureFixture[str]
) -> None:
    world, desk = rotating, LooseDesk(rotating)
    house, sharing = desk.take_over(), Sharing(rotating)

    def found() -> list[str]:
        assert look(network, house, desk.address) == (ALTERED if broken else 0)
        return sorted(told_of(capsys)[1])

    broken: list[str] = []
    honest = sharing.promise(SHARER, 1, 60)
    desk.open(CAMPAIGN, MERCHANTS[0], 100, 1)
    desk.give(honest)
    assert found() == broken
    deep = replace(sharing.promise(BUYER, 2, 10), role=RewardRole.SECOND)
    commitment, sale = bytes(32), b"x" * 16
    words = (attribution_of(commitment, RewardRole.SECOND), purchase_of(commitment, sale, RewardRole.SECOND))
    reward = reward_id_of(commitment, sale, RewardRole.SECOND)
    desk.give(replace(deep, reward=reward, attribution=words[0], purchase=words[1]))
    broken += ["promise-too-deep"]
    assert found() == broken
    desk.give(sharing.promise(BUYER, 3, 31))
    broken.insert(0, "promise-beyond-budget")
    assert found() == broken
    # Issued as it was promised, and then one that nobody promised: the desk lets both pass.
    wild = sharing.promise(BUYER, 4, 7)
    sharing.tell(honest, wild)
    for one in (honest, wild):
        sharing.rewrite(one.op_id, state="final")
    world.enqueue(sharing.issue(SHARER, honest), sharing.issue(BUYER, wild))
    drain(world.bridge(), world.database)
    broken.append("reward-unpromised")
    assert found() == broken
    desk.open(CAMPAIGN, MERCHANTS[0], 90, 1, 101, 0, 60)
    broken.insert(0, "campaign-differs")
    assert found() == broken
    desk.open(CAMPAIGN, MERCHANTS[0], 90, 1, 0, 0, 0)
    broken.insert(0, "campaign-differs")
    assert found() == broken


def test_without_addresses_nothing_can_be_told(
    network: Network, capsys: pytest.CaptureFixture[str]
) -> None:
    house = ("--clearing-house", "0x" + "07" * 20)
    with pytest.raises(SystemExit):
        verify.main(["share", "--rpc", network.url, *house])
    with pytest.raises(SystemExit):
        verify.main(["share", "evidence.json", "--rpc", network.url, *house])
    assert verify.main(["share", "--rpc", network.url, *house, "--campaigns", "me"]) == UNTOLD
    capsys.readouterr()
    assert verify.main(["share", "--rpc", network.url, *house, "--campaigns", "0x" + "08" * 20]) == ALTERED
    assert "desk-differs" in capsys.readouterr().out


class Meanwhile:
    """A node of a chain that goes on: behind the first answer of one function more has happened."""

    def __init__(self, node: Any, function: str, happens: Any) -> None:
        self._node, self._function, self._happens = node, function, [happens]

    def __getattr__(self, name: str) -> Any:
        asked = getattr(self._node, name)
        if name != self._function or not self._happens:
            return asked

        def answer(*arguments: Any) -> Any:
            told = asked(*arguments)
            for happens in [self._happens.pop()] if self._happens else []:
                happens()
            return told

        return answer


@pytest.mark.parametrize("function", ["head_number", "call"])
def test_what_happens_while_campaigns_are_read_is_read_the_next_time(world: World, function: str) -> None:
    """Behind the look for the head, or behind that for the desk's events and before that for issues."""
    sharing, house = Sharing(world), house_of(world)
    one, more = (sharing.promise(SHARER, number, 100) for number in (1, 2))
    sharing.tell(sharing.open(), one)
    world.enqueue(sharing.issue(SHARER, one))
    sharing.settle()

    def happens() -> None:
        sharing.tell(more)
        world.enqueue(sharing.issue(SHARER, more))
        sharing.settle()

    busy: Any = Meanwhile(world.node, function, happens)
    for promised in (100, 200):
        told = verify_campaigns(busy, house, sharing.desk)
        assert (told.findings, len(told.facts)) == ([], 1)
        assert f"promised {promised}," in told.facts[0]
