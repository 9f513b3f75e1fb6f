"""What the evidence of a purchase is worth by a chain's word: proven, later, missing or altered; pure.

Nothing in the paper is believed. The commitment is put together from what it is said to open to, its leaf
must lead to a root that the chain has, and the ids of sale and rewards follow from commitment and sale:
whoever names another commitment names other rewards.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

import orjson

from ledger_service.kernel.campaign_operations import RewardRole, reward_id_of
from ledger_service.kernel.clock import parse_instant
from ledger_service.kernel.errors import DomainError
from ledger_service.kernel.history_tree import hash_leaf, verify_inclusion
from ledger_service.kernel.ids import derive_id
from ledger_service.referrals.links.rules import commitment_of, party_of
from ledger_service.referrals.rewards.rules import COUPON, ROLES

MOST_BYTES = 1 << 20
_HASH_BYTES, _ID_BYTES, _MOST_STEPS = 32, 16, 64


class Standing(StrEnum):
    """What the whole comes to, the worst first."""

    ALTERED = "altered"
    MISSING = "missing"
    LATER = "later"
    PROVEN = "proven"


CODES: Mapping[str, Standing] = {
    "evidence-unreadable": Standing.ALTERED,
    "commitment-differs": Standing.ALTERED,
    "party-foreign": Standing.ALTERED,
    "leaf-differs": Standing.ALTERED,
    "leaf-not-in-log": Standing.ALTERED,
    "log-forked": Standing.ALTERED,
    "sale-differs": Standing.ALTERED,
    "reward-differs": Standing.ALTERED,
    "desk-differs": Standing.ALTERED,
    "campaign-differs": Standing.ALTERED,
    "promise-differs": Standing.ALTERED,
    "promise-too-deep": Standing.ALTERED,
    "promise-beyond-budget": Standing.ALTERED,
    "reward-unpromised": Standing.ALTERED,
    "log-missing": Standing.MISSING,
    "checkpoint-missing": Standing.MISSING,
    "sale-unissued": Standing.MISSING,
    "reward-unissued": Standing.MISSING,
    "committed-later": Standing.LATER,
}


class EvidenceUnreadable(ValueError):
    """The file is no evidence of a purchase."""


class Finding(NamedTuple):
    """One thing that is not as it must be."""

    code: str
    what: str


class Told(NamedTuple):
    """The leaf as the paper tells it, and the checkpoint that is said to cover it."""

    leaf: int
    body: bytes
    size: int
    root: bytes
    path: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Paper:
    """The evidence: what `GET /v1/share/campaigns/CAMPAIGN/purchases/SALE` answers."""

    sale_id: bytes
    number: int
    commitment: bytes
    chain: bytes
    committed_at: str
    body: Any
    salt: bytes
    own_salt: bytes | None
    sold_at: datetime
    rewards: Mapping[bytes, tuple[str, int]]
    told: Told | None
    clawed: frozenset[bytes] = frozenset()
    named: frozenset[bytes] = frozenset()

    def role_of(self, op_id: bytes) -> str | None:
        """The role that an issue of this id is a reward in, by commitment and sale alone (INV-14)."""
        return self.ids.get(op_id) or self.former_ids.get(op_id)

    @property
    def ids(self) -> Mapping[bytes, str]:
        """The ids of rewards that a desk of campaigns promises; there is no role beyond two levels."""
        return {reward_id_of(self.commitment, self.sale_id, role): role.text for role in RewardRole}

    @property
    def former_ids(self) -> Mapping[bytes, str]:
        """The ids that rewards had before there was a desk, and were issued under as earns."""
        return {derive_id("share reward", self.commitment, self.sale_id, role): role for role in ROLES}

    def is_sales(self, op_id: bytes, programme: int) -> bool:
        """Whether an issue is what the sale itself, or the scan, has earned of a programme."""
        return op_id in (self.sale_id, derive_id("issue", self.sale_id, programme))


class Mined(NamedTuple):
    """An issue on the chain, with the block that has it, by number and second (0: nobody asked)."""

    op_id: bytes
    programme: int
    points: int
    merchant: int
    reason: int
    block: int
    second: int


class ChainWord(NamedTuple):
    """What the chain has: the checkpoint's root, block and second; issues that are the sale's or rewards."""

    checkpoint: tuple[bytes, int, int] | None
    issues: Sequence[Mined]


def read_evidence(raw: bytes) -> Paper:
    """What the file says.

    Raises:
        EvidenceUnreadable: a part is missing, or is not what it should be.
    """
    if len(raw) > MOST_BYTES:
        raise EvidenceUnreadable(f"more than {MOST_BYTES} bytes")
    try:
        return _read(orjson.loads(raw))
    except (DomainError, AttributeError, KeyError, TypeError, ValueError, OverflowError) as odd:
        raise EvidenceUnreadable(f"{type(odd).__name__}: {odd}") from None


def judge(paper: Paper, account: bytes | None, chain: ChainWord) -> list[Finding]:
    """Whatever speaks against the paper; empty where all of it is proven.

    Args:
        paper: as somebody handed it over.
        account: of who asks, where it wants to be shown as a party; None asks nothing of the kind.
        chain: what the trusted contracts say.
    """
    return [*_of_commitment(paper, account), *_of_log(paper, chain), *_of_issues(paper, chain)]


def standing_of(findings: Iterable[Finding]) -> Standing:
    """What these findings come to."""
    found = {CODES[one.code] for one in findings}
    return next(one for one in Standing if one in found or one is Standing.PROVEN)


def _of_commitment(paper: Paper, account: bytes | None) -> Iterator[Finding]:
    if commitment_of(paper.salt, paper.body) != paper.commitment:
        yield Finding("commitment-differs", "what is told is not what was committed")
    if account is None:
        return
    mine = None if paper.own_salt is None else party_of(paper.own_salt, account)
    if mine is None or mine not in (paper.body.get("member"), paper.body.get("sharer")):
        yield Finding("party-foreign", f"0x{account.hex()} with its salt is neither buyer nor sharer")


def _of_log(paper: Paper, chain: ChainWord) -> Iterator[Finding]:
    told, seen = paper.told, chain.checkpoint
    if told is None:
        yield Finding("log-missing", "the paper names no leaf under a checkpoint; ask for it again later")
        return
    if orjson.loads(told.body) != {
        "share": paper.number, "commitment": paper.commitment.hex(), "chain": paper.chain.hex(),
        "at": paper.committed_at,
    }:  # fmt: skip
        yield Finding("leaf-differs", "the leaf is another commitment's")
    if seen is None:
        yield Finding("checkpoint-missing", f"the log has no checkpoint of {told.size}")
        return
    root, _, second = seen
    if root != told.root:
        yield Finding("log-forked", f"the log has another root of {told.size}")
    if not verify_inclusion(hash_leaf(told.body), told.leaf, told.size, list(told.path), root):
        yield Finding("leaf-not-in-log", "the path does not lead from the leaf to the root on the chain")
    if second > paper.sold_at.timestamp():
        late = int(second - paper.sold_at.timestamp())
        yield Finding("committed-later", f"the checkpoint stood on the chain {late} s after the sale")


def _of_issues(paper: Paper, chain: ChainWord) -> Iterator[Finding]:
    own = [one for one in chain.issues if paper.is_sales(one.op_id, one.programme)]
    if not own:
        yield Finding("sale-unissued", "what the sale itself earned is not on the chain (yet)")
    for one in own:
        if one.second < int(paper.sold_at.timestamp()):
            yield Finding("sale-differs", f"block {one.block} has the sale before it is said to have been")
    if own and chain.checkpoint is not None and min(one.block for one in own) < chain.checkpoint[1]:
        yield Finding("committed-later", "the chain has the sale in an earlier block than the checkpoint")
    issued = {one.op_id: one.points for one in chain.issues if paper.role_of(one.op_id)}
    for op_id, (role, points) in paper.rewards.items():
        if paper.role_of(op_id) != role:
            told = f"{op_id.hex()} does not follow from commitment, sale and the role {role}"
            yield Finding("reward-differs", told)
        elif op_id not in issued:
            yield Finding("reward-unissued", f"the {role}'s points are not on the chain (yet)")
        elif issued[op_id] > points:
            told = f"the chain issued {issued[op_id]} points to the {role}, {points} are told"
            yield Finding("reward-differs", told)
    for op_id in issued.keys() - paper.rewards.keys() - paper.clawed:
        yield Finding("reward-differs", f"the chain paid the {paper.role_of(op_id)}; the paper is silent")


def _read(document: Any) -> Paper:
    link, rewards = document["commitment"], document["rewards"]
    own, body = document["own_salt"], document["body"]
    if not isinstance(body, dict) or not isinstance(rewards, list):
        raise EvidenceUnreadable("no object")
    paid = [(_bytes(one["reward"], _ID_BYTES), one) for one in rewards if one["pays"] != COUPON]
    given = {
        op_id: (str(one["role"]), int(one["points"])) for op_id, one in paid if one["state"] == "granted"
    }
    return Paper(
        _bytes(document["sale"], _ID_BYTES), int(link["number"]), _bytes(link["hash"]),
        _bytes(link["chain"]), str(link["at"]), body, _bytes(document["salt"]),
        None if own is None else _bytes(own), parse_instant(document["sold_at"], "sold_at"), given,
        _told(document["log"]),
        frozenset(op_id for op_id, one in paid if one["state"] == "clawed"),
        frozenset(op_id for op_id, _ in paid),
    )  # fmt: skip


def _told(log: Any) -> Told | None:
    if log is None or log["checkpoint"] is None:
        return None
    seen, path = log["checkpoint"], [_bytes(one) for one in log["proof"]]
    if len(path) > _MOST_STEPS or not 0 <= seen["size"] < 1 << 63:
        raise EvidenceUnreadable("no path in a log")
    body = str(log["body"]).encode()
    orjson.loads(body)
    return Told(int(log["leaf"]), body, int(seen["size"]), _bytes(seen["root"]), tuple(path))


def _bytes(text: str, count: int = _HASH_BYTES) -> bytes:
    raw = bytes.fromhex(text)
    if len(raw) != count:
        raise EvidenceUnreadable(f"{count} bytes are wanted")
    return raw
