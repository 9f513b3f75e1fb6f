"""The evidence of a purchase against a chain, for whoever has a node and nothing of ours."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from ledger_service.chain.client import Node
from ledger_service.chain.drawing import first_behind
from ledger_service.chain.issue_reading import Issued, issues_of
from ledger_service.chain.log_reading import checkpoint_of
from ledger_service.kernel.clock import seconds_floor
from ledger_service.referrals.rewards.proving import (
    ChainWord,
    EvidenceUnreadable,
    Finding,
    Mined,
    Paper,
    Standing,
    judge,
    read_evidence,
    standing_of,
)

# A sale that the chain has long before it is said to have been made is not looked for: then none is found.
_LOOKED_BACK = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Trusted:
    """The contracts that the asker trusts, and its own account where it wants to be shown as a party."""

    log: bytes
    house: bytes
    account: bytes | None = None


@dataclass(slots=True)
class ShareVerdict:
    """What came of it; ``facts`` are what the chain says beside it."""

    findings: list[Finding] = field(default_factory=list)
    facts: list[str] = field(default_factory=list)

    @property
    def standing(self) -> Standing:
        """What the findings come to."""
        return standing_of(self.findings)


def verify_share(node: Node, raw: bytes, trusted: Trusted) -> ShareVerdict:
    """Judge who brought whom by the chain: committed in the log before the sale, named by what was paid.

    Args:
        node: of the chain.
        raw: what `GET /v1/share/campaigns/CAMPAIGN/purchases/SALE` answered.
        trusted: contracts.

    Raises:
        ChainUnavailable: the node does not answer.
    """
    verdict = ShareVerdict()
    try:
        paper = read_evidence(raw)
    except EvidenceUnreadable as odd:
        verdict.findings.append(Finding("evidence-unreadable", str(odd)))
        return verdict
    word = _word(node, paper, trusted)
    verdict.findings += judge(paper, trusted.account, word)
    verdict.facts += _facts(paper, word)
    return verdict


def _word(node: Node, paper: Paper, trusted: Trusted) -> ChainWord:
    seen = None if paper.told is None else checkpoint_of(node, trusted.log, paper.told.size)
    since = seconds_floor(paper.sold_at - _LOOKED_BACK)
    first = first_behind(node, -1, since, node.head_number())
    if first is None:
        return ChainWord(seen, [])

    def wanted(one: Issued) -> bool:
        return paper.role_of(one.op_id) is not None or paper.is_sales(one.op_id, one.programme)

    found = issues_of(node, trusted.house, first.number, wanted)
    seconds = {number: _second(node, number) for number in {one.block for one in found}}
    return ChainWord(seen, [Mined(*one, seconds[one.block]) for one in found])


def _second(node: Node, number: int) -> int:
    (block,) = node.blocks([number])
    return 0 if block is None else block.timestamp


def _facts(paper: Paper, word: ChainWord) -> list[str]:
    told = [f"commitment {paper.number}, campaign {paper.body.get('campaign')}"]
    if word.checkpoint is not None:
        told.append(f"in the log since block {word.checkpoint[1]}, second {word.checkpoint[2]}")
    for one in word.issues:
        whose = paper.role_of(one.op_id) or "sale"
        told.append(f"{whose}: {one.points:,} points of programme {one.programme} in block {one.block}")
    return told
