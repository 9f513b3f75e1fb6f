"""What the parts of a replay share: the scenario, whom they talk to, the phones, the counts, what is due."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from ledger_service.demo.agenda import Agenda
from ledger_service.demo.alliance_plan import FOUNDED_AT, Merchant
from ledger_service.demo.dataset import Basket
from ledger_service.demo.http_client import Answer
from ledger_service.demo.phones import EpochEnds, Phone, device_key
from ledger_service.demo.progress import Checkpoint
from ledger_service.demo.service_client import Service
from ledger_service.demo.visits import Visit
from ledger_service.kernel.eip712 import Domain

_MOST_REFUSALS = 20


class Alliance(Protocol):
    """What the replay needs of the alliance that was founded."""

    domain: Domain
    ends: EpochEnds

    async def join(self, phone: Phone, at: datetime, touch: str | None = None) -> None:
        """Enrol a household and register its phone's key; ``touch`` is that of the share link it followed."""

    async def till_key(self, merchant: Merchant, store: int, at: datetime) -> str:
        """The API key of the till of a merchant's shop, opened on the first visit."""

    async def allow(self, merchant: Merchant, store: int, at: datetime) -> int:
        """Let that till take points alone; the version of its allowance."""

    async def forgive(self, sale_id: str, at: datetime) -> None:
        """The operator decides that a member does not owe what a merchant bears of an offline sale."""


class Coupons(Protocol):
    """What the shop floor needs of campaigns that send coupons to households."""

    async def welcome(self, phone: Phone, basket: Basket) -> None:
        """A household has just joined."""

    async def shown(self, visit: Visit) -> list[str]:
        """The ids of the coupons that a household shows at a checkout."""

    def taken_alone(self, visit: Visit, most_minor: int) -> int:
        """The cents that a cut-off till takes off for what is shown there."""

    def read(self, shown: Sequence[str], document: dict[str, Any] | None) -> int:
        """Account for what was shown; None where the sale was refused. The cents that came off."""


class Shares(Protocol):
    """What the shop floor needs of whoever pays members for sharing."""

    async def heard(self, phone: Phone, at: datetime) -> None:
        """A refund was answered: the phone knows the rewards that came before it."""


class SoldGoods(Protocol):
    """What the shop floor needs of goods that carry codes."""

    async def bought(self, visit: Visit, document: dict[str, Any]) -> None:
        """A checkout was sold."""


@dataclass(frozen=True)
class Scenario:
    """One run: its seed, the converted data, and the instant to replay up to; ``mishaps`` where lines fail,
    codes are photographed and goods come back elsewhere (docs/run-rules.md).
    """

    seed: str
    data: Path
    until: datetime
    last: datetime
    mishaps: bool = False


@dataclass
class Town:
    """The replay's common ground; ``pending`` is what the next checkpoint will keep."""

    scenario: Scenario
    service: Service
    alliance: Alliance
    counts: Counter[str]
    pending: Checkpoint
    phones: dict[int, Phone] = field(default_factory=dict)
    cards: dict[int, int] = field(default_factory=dict)
    merged: dict[int, int] = field(default_factory=dict)
    agenda: Agenda = field(default_factory=Agenda)
    refusals: list[str] = field(default_factory=list)
    mailing: Coupons | None = None
    sharing: Shares | None = None
    goods: SoldGoods | None = None
    began: datetime = FOUNDED_AT

    @property
    def seed(self) -> str:
        """What every decision hangs on."""
        return self.scenario.seed

    def holder(self, household: int) -> int:
        """Whose phone a household shows now: another one's after their cards became one."""
        return self.cards.get(household, household)

    def owner(self, household: int) -> int:
        """Whose phone has what came to a household's: another one's after the two members became one."""
        return self.merged.get(household, household)

    def phone(self, household: int) -> Phone:
        """The phone that came with a household."""
        if household not in self.phones:
            self.phones[household] = Phone(household, device_key(self.seed, household))
        return self.phones[household]

    def keep(self, phone: Phone) -> None:
        """The next checkpoint keeps the phone as it is now."""
        self.pending.phones[phone.household] = phone.state()

    def refused(self, what: str, name: str, answer: Answer) -> None:
        """An honest refusal is counted by its code, and the first ones are told in full."""
        self.counts[f"refused {what}: {answer.code}"] += 1
        if len(self.refusals) < _MOST_REFUSALS:
            self.refusals.append(f"{what} {name}: {answer.status} {answer.document}")

    def remember(self, name: str, fact: Any) -> None:
        """A fact of the story, kept by the next checkpoint."""
        self.pending.story[name] = fact
