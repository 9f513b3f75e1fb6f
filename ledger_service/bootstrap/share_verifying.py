"""The evidence of a purchase, and a desk of campaigns, against a chain: for whoever has a node and nothing of
ours."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta

from ledger_service.chain.campaign_reading import desk_of_house, events_of_desk, line_behind, sums_of
from ledger_service.chain.client import Node
from ledger_service.chain.drawing import first_behind
from ledger_service.chain.issue_reading import Issued, issues_of
from ledger_service.chain.log_reading import checkpoint_of
from ledger_service.kernel.clock import seconds_floor
from ledger_service.kernel.gs1 import gln_text
from ledger_service.kernel.operations import IssueReason
from ledger_service.referrals.rewards.promise_proving import DeskBook, judge_promises
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
    """The contracts that the asker trusts, and its own account where it wants to be shown as a party.

    ``desk``: the CampaignDesk, where promises are to be looked at; ``first_block``: where the chain begins.
    """

    log: bytes
    house: bytes
    account: bytes | None = None
    desk: bytes | None = None
    first_block: int = 0


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
    if trusted.desk is not None:
        book = _book(node, trusted.desk, trusted.first_block)
        opened = {merchant: _second(node, block) for merchant, block in book.opened.items()}
        verdict.findings += [
            *_other_desk(node, trusted.house, trusted.desk), *judge_promises(paper, word.issues, book, opened)
        ]  # fmt: skip
        its = {book.rewards[op_id].campaign for op_id in paper.ids if op_id in book.rewards}
        verdict.facts += [text for campaign, text in _campaigns(book) if campaign in its]
    return verdict


def verify_campaigns(node: Node, house: bytes, desk: bytes, first_block: int = 0) -> ShareVerdict:
    """Judge every campaign of a desk by the chain alone: depth, budget, and that nothing else was issued
    (INV-14).

    Args:
        node: of the chain.
        house: the ClearingHouse in force; those that it continues are looked at with it.
        desk: the CampaignDesk.
        first_block: where the chain begins.

    Raises:
        ChainUnavailable: the node does not answer, or these contracts do not stand there.
        LyingNode: a log that its event cannot have written.
    """
    head = node.head_number()  # all is read up to one block, for more come meanwhile
    book = _book(node, desk, first_block, head)
    for one in line_behind(node, house)[::-1]:
        for issued in issues_of(node, one, first_block, _is_reward, head):
            book.hold(Mined(*issued, 0))
    for campaign, held in sums_of(node, desk, list(book.campaigns), head).items():
        book.compare(campaign, held)
    found = [*_other_desk(node, house, desk), *book.findings()]
    return ShareVerdict(found, [text for _, text in _campaigns(book)])


def _book(node: Node, desk: bytes, first_block: int, last_block: int | None = None) -> DeskBook:
    book = DeskBook()
    for event, block in events_of_desk(node, desk, first_block, last_block):
        book.note(event, block)
    return book


def _is_reward(one: Issued) -> bool:
    return one.reason == IssueReason.REWARD


def _other_desk(node: Node, house: bytes, desk: bytes) -> list[Finding]:
    if not (node.code_at(house) and node.code_at(desk)):
        told = "no contract stands at the address of the ClearingHouse, or of the desk"
        return [Finding("desk-differs", told)]
    named = desk_of_house(node, house)
    if named is None or named == desk:
        return []
    return [Finding("desk-differs", f"the ClearingHouse takes rewards from another desk, 0x{named.hex()}")]


def _campaigns(book: DeskBook) -> Iterator[tuple[bytes, str]]:
    for campaign, kept in book.campaigns.items():
        yield campaign, (
            f"campaign 0x{campaign.hex()} of {gln_text(kept.merchant)}: {kept.depth} level(s), budget"
            f" {kept.budget:,}, promised {kept.promised:,}, went back {kept.returned:,}"
        )


def _word(node: Node, paper: Paper, trusted: Trusted) -> ChainWord:
    seen = None if paper.told is None else checkpoint_of(node, trusted.log, paper.told.size)
    since = seconds_floor(paper.sold_at - _LOOKED_BACK)
    first = first_behind(node, -1, since, node.head_number())
    if first is None:
        return ChainWord(seen, [])

    rewards = paper.ids.keys() | paper.former_ids.keys()

    def wanted(one: Issued) -> bool:
        return one.op_id in rewards or paper.is_sales(one.op_id, one.programme)

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
