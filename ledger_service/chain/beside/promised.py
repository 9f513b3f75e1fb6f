"""What the ledger's own operations come to for each campaign and reward, as the CampaignDesk must tell it.

What is sent and not judged yet may stand on the chain or not: a campaign's figures then have bounds, and a
reward of which something is on its way is not asked for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from sqlalchemy import Connection, select

from ledger_service.chain.beside.models import chain_beside_item
from ledger_service.kernel.campaign_operations import (
    CODEC,
    TARGET,
    CampaignKind,
    CampaignOperation,
    OpenCampaign,
    PromiseReward,
    ReturnReward,
)
from ledger_service.kernel.intents import read_payload
from ledger_service.kernel.operations import Issue, IssueReason
from ledger_service.outbox.beside.models import beside_intent
from ledger_service.outbox.models import State, intent

_CHUNK = 500
_PROMISED, _ISSUED, _WITHDRAWN, _RETURNED = 1, 2, 3, 4


class Figure(NamedTuple):
    """One word of an answer: the least and the most that it may be."""

    name: str
    least: int
    most: int


@dataclass(frozen=True, slots=True)
class Figures:
    """A view that is asked, with its arguments, of what, and the words that it must answer."""

    function: str
    arguments: tuple[bytes, ...]
    subject: str
    words: tuple[Figure, ...]

    def differing(self, answer: bytes) -> Iterator[tuple[str, str, str]]:
        """Subject, what is expected and what is told of each word that is out of its bounds."""
        for place, (name, least, most) in enumerate(self.words):
            actual = int.from_bytes(answer[32 * place : 32 * place + 32], "big")
            if not least <= actual <= most:
                text = hex if name == "account" else str
                expected = text(least) if least == most else f"{text(least)} to {text(most)}"
                yield f"{name} of {self.subject}", expected, text(actual)


class _Reward(NamedTuple):
    campaign: bytes
    account: int
    points: int


@dataclass(slots=True)
class Promised:
    """Campaigns and rewards by what was applied, and by what is still open."""

    opened: dict[bytes, list[OpenCampaign]] = field(default_factory=dict)
    opening: dict[bytes, list[OpenCampaign]] = field(default_factory=dict)
    rewards: dict[bytes, _Reward] = field(default_factory=dict)
    refused: set[bytes] = field(default_factory=set)
    returned: set[bytes] = field(default_factory=set)
    # Points that the sums may have besides, by campaign; rewards of which something is on its way.
    promising: Counter[bytes] = field(default_factory=Counter)
    returning: set[bytes] = field(default_factory=set)
    unsure: set[bytes] = field(default_factory=set)
    issued: dict[bytes, int] = field(default_factory=dict)
    numbers: dict[bytes, int] = field(default_factory=dict)

    def note(self, operation: CampaignOperation, state: str, reason: str | None) -> None:
        """What an intent in this state says."""
        if state == "packed":
            self._note_open(operation)
        elif state in ("mined", "final") and reason is None:
            self._note_applied(operation)
        elif state != "queued" and isinstance(operation, PromiseReward):
            self.refused.add(operation.reward)

    def _note_open(self, operation: CampaignOperation) -> None:
        if isinstance(operation, OpenCampaign):
            self.opening.setdefault(operation.campaign, []).append(operation)
            return
        self.unsure.add(operation.reward)
        if isinstance(operation, ReturnReward):
            self.returning.add(operation.reward)
        else:
            self.promising[operation.campaign] += operation.points

    def _note_applied(self, operation: CampaignOperation) -> None:
        if isinstance(operation, OpenCampaign):
            self.opened.setdefault(operation.campaign, []).append(operation)
        elif isinstance(operation, ReturnReward):
            self.returned.add(operation.reward)
        else:
            account = int.from_bytes(operation.account, "big")
            self.rewards[operation.reward] = _Reward(operation.campaign, account, operation.points)

    def read(self, conn: Connection) -> None:
        """What was issued of the rewards, and in which order campaigns were opened, as the contract
        numbers them."""
        rewards = list(self.rewards)
        for start in range(0, len(rewards), _CHUNK):
            self.issued |= _issued(conn, rewards[start : start + _CHUNK])
        for campaign in _openings(conn):
            self.numbers.setdefault(campaign, len(self.numbers) + 1)

    def questions(self) -> Iterator[Figures]:
        """What the contract must answer of every campaign and every reward."""
        sums = self._sums()
        for campaign, told in sorted(self.opened.items()):
            words = (*_terms(told, self.opening.get(campaign, [])), *sums.of(campaign))
            yield Figures("campaign", (campaign,), f"campaign 0x{campaign.hex()}", words)
        for reward in sorted({*self.rewards, *self.refused} - self.unsure):
            known = self.rewards.get(reward)
            held = (0, 0, 0, 0) if known is None else self._standing(reward, known)
            names = ("account", "points", "campaign's number", "state")
            words = tuple(Figure(name, word, word) for name, word in zip(names, held, strict=True))
            yield Figures("rewardOf", (reward,), f"reward 0x{reward.hex()}", words)

    def _standing(self, reward: bytes, known: _Reward) -> tuple[int, int, int, int]:
        before, after = (_PROMISED, _ISSUED) if reward not in self.returned else (_WITHDRAWN, _RETURNED)
        state = after if reward in self.issued else before
        return known.account, known.points, self.numbers.get(known.campaign, 0), state

    def _sums(self) -> _Sums:
        sums = _Sums(most_promised=Counter(self.promising))
        for reward, (campaign, _, points) in self.rewards.items():
            sums.promised[campaign] += points
            sums.most_promised[campaign] += points
            sums.issued[campaign] += self.issued.get(reward, 0)
            sums.returned[campaign] += points * (reward in self.returned)
            sums.most_returned[campaign] += points * (reward in self.returned or reward in self.returning)
        return sums


@dataclass(slots=True)
class _Sums:
    promised: Counter[bytes] = field(default_factory=Counter)
    most_promised: Counter[bytes] = field(default_factory=Counter)
    returned: Counter[bytes] = field(default_factory=Counter)
    most_returned: Counter[bytes] = field(default_factory=Counter)
    issued: Counter[bytes] = field(default_factory=Counter)

    def of(self, campaign: bytes) -> tuple[Figure, ...]:
        """A campaign's last three words."""
        issued = self.issued[campaign]
        return (
            Figure("promised", self.promised[campaign], self.most_promised[campaign]),
            Figure("returned", self.returned[campaign], self.most_returned[campaign]),
            Figure("issued", issued, issued),
        )


def _terms(told: Sequence[OpenCampaign], coming: Sequence[OpenCampaign]) -> Iterator[Figure]:
    """A campaign's first six words: said again it only gets a greater budget or an earlier end."""
    first = told[0]
    budget, ends = max(one.budget for one in told), min(one.ends for one in told)
    for name, word in (
        ("merchant", first.merchant), ("programme", first.programme), ("depth", first.depth),
        ("beginning", first.begins),
    ):  # fmt: skip
        yield Figure(name, word, word)
    yield Figure("end", min([ends, *(one.ends for one in coming)]), ends)
    yield Figure("budget", budget, max([budget, *(one.budget for one in coming)]))


def _issued(conn: Connection, rewards: Sequence[bytes]) -> dict[bytes, int]:
    """The points of those of the rewards that the mirror's blocks have as issues of rewards."""
    mined = intent.c.state.in_([State.MINED.value, State.FINAL.value])
    rows = conn.execute(select(intent.c.payload).where(intent.c.op_id.in_(rewards) & mined)).scalars()
    read = (found[0] for found in map(read_payload, rows) if found is not None)
    return {
        one.op_id: one.leg.amount
        for one in read
        if isinstance(one, Issue) and one.reason == IssueReason.REWARD
    }


def _openings(conn: Connection) -> Iterator[bytes]:
    """The campaigns of all openings that were applied, in the order of the chain."""
    i, n = beside_intent.c, chain_beside_item.c
    both = chain_beside_item.join(beside_intent, n.op_id == i.op_id)
    query = select(i.payload).select_from(both).where(
        i.target == TARGET, i.kind == int(CampaignKind.OPEN), i.state.in_(["mined", "final"]),
        i.reason.is_(None), n.target == TARGET, n.live,
    )  # fmt: skip
    for payload in conn.execute(query.order_by(n.batch, n.position)).scalars():
        operation = CODEC.read(payload)
        if isinstance(operation, OpenCampaign):
            yield operation.campaign
