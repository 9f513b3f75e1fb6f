"""A desk of campaigns that keeps no rule, and the house that takes rewards from it."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import cache
from itertools import count
from pathlib import Path

from ledger_service.chain.artifacts import Artifact
from ledger_service.chain.succession import Offices, Succession
from ledger_service.kernel.campaign_operations import PromiseReward
from tests.chain.test_rotation import steps_of
from tests.chain.test_succession import move_in
from tests.chain.world import DAY, World

_PATH = Path(__file__).parents[1] / "contracts" / "artifacts" / "LooseDesk.json"
_numbers = count(1)


@cache
def artifact() -> Artifact:
    fields = json.loads(_PATH.read_text(encoding="utf-8"))
    codes = {name: bytes.fromhex(fields.pop(name)[2:]) for name in ("bytecode", "deployed_bytecode")}
    del fields["code_bytes"]
    return Artifact(**fields, **codes)


class LooseSuccession(Succession):
    """The next house takes rewards from another desk."""

    desk = b""

    def campaign_desk(self) -> bytes | None:
        return self.desk


@dataclass
class LooseDesk:
    """What is told at its desk, by anybody."""

    world: World
    address: bytes = b""

    def __post_init__(self) -> None:
        made = steps_of(self.world).perform("loose desk", None, artifact().creation_code(), self._stamp)
        assert made is not None
        self.address = made

    def take_over(self) -> bytes:
        """A house that takes rewards from this desk is in force; returns its address."""
        world = self.world
        assert world.deployment is not None
        contracts = world.deployment.contracts
        offices = Offices(contracts.registry, world.deployment.manager)
        ways = LooseSuccession(steps_of(world), offices, contracts.clearing_house)
        ways.desk = self.address
        made = ways.create(world.now())
        due = ways.schedule(made, world.now())
        world.advance(due - world.now() + 1)
        ways.put_in_force(made, world.now())
        move_in(world, made)
        world.deployment = replace(world.deployment, campaign_desk=self.address)
        return made

    def open(self, campaign: bytes, merchant: int, budget: int, depth: int, *sums: int) -> None:
        now = self.world.now()
        times = now - DAY, now + 9 * DAY
        self._send("open", campaign, (merchant, 1, depth, *times, budget, *(sums or (0, 0, 0))))

    def give(self, told: PromiseReward) -> None:
        words = [int(told.role), told.points, told.sold_on]
        words += [int.from_bytes(one, "big") for one in (told.attribution, told.purchase)]
        self._send("give", told.campaign, told.reward, told.account, words)

    def take_back(self, reward: bytes, *, issued: bool) -> None:
        self._send("takeBack", reward, issued)

    @property
    def _stamp(self) -> int | None:
        return self.world.now() if self.world.settings.replay else None

    def _send(self, function: str, *arguments: object) -> None:
        data = artifact().call_data(function, *arguments)
        steps_of(self.world).perform(f"loose {next(_numbers)}", self.address, data, self._stamp)
