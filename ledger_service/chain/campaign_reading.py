"""What a CampaignDesk has told and what it holds, read with a node and its address."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from eth_abi.exceptions import DecodingError

from ledger_service.chain.artifacts import load
from ledger_service.chain.client import CallAt, Node
from ledger_service.chain.errors import ChainUnavailable, LyingNode, NodeRefusal
from ledger_service.chain.log_pages import log_pages
from ledger_service.kernel.campaign_events import TOPICS, CampaignEvent, event_of

_NOBODY = bytes(20)
_CHUNK = 500


class CampaignSums(NamedTuple):
    """A campaign as the contract holds it: terms, then points."""

    merchant: int
    programme: int
    depth: int
    begins: int
    ends: int
    budget: int
    promised: int
    returned: int
    issued: int


def events_of_desk(
    node: Node, desk: bytes, first_block: int, last_block: int | None = None
) -> Iterator[tuple[CampaignEvent, int]]:
    """Every event from a block to the last one, in the order of the chain, with its block's number.

    Raises:
        ChainUnavailable: the node does not answer.
        LyingNode: a log that the event cannot have written.
    """
    for page in log_pages(node, desk, TOPICS, first_block, last_block):
        for log in page:
            block = int(log["blockNumber"], 16)
            try:
                event = event_of(log["topics"], bytes.fromhex(log["data"][2:]))
            except (ValueError, IndexError) as odd:
                raise LyingNode(block, "a log of campaigns that its event cannot have written") from odd
            if event is not None:
                yield event, block


def sums_of(
    node: Node, desk: bytes, campaigns: Sequence[bytes], block: int
) -> dict[bytes, CampaignSums]:
    """What the contract holds of these campaigns in a block.

    Raises:
        ChainUnavailable: the node does not answer, or no desk of campaigns stands there.
    """
    artifact, found = load("CampaignDesk"), {}
    for start in range(0, len(campaigns), _CHUNK):
        some = campaigns[start : start + _CHUNK]
        asked = [CallAt(_NOBODY, desk, artifact.call_data("campaign", one), at=hex(block)) for one in some]
        for campaign, answer in zip(some, node.calls(asked), strict=True):
            if isinstance(answer, NodeRefusal):
                raise ChainUnavailable("eth_call", "CampaignDesk.campaign does not answer")
            try:
                (told,) = artifact.answer_of("campaign", answer)
            except DecodingError:
                raise ChainUnavailable("eth_call", "no CampaignDesk stands there") from None
            found[campaign] = CampaignSums(*told)
    return found


def desk_of_house(node: Node, house: bytes) -> bytes | None:
    """The desk that a ClearingHouse asks for rewards; None of a house that is older than they are."""
    data = load("ClearingHouse").call_data("campaignDesk")
    answer = node.call(CallAt(_NOBODY, house, data, at="latest"))
    return answer[12:32] if isinstance(answer, bytes) and len(answer) == 32 else None


def line_behind(node: Node, house: bytes) -> list[bytes]:
    """The house and those that it continues, the newest first."""
    line, data = [house], load("ClearingHouse").call_data("predecessor")
    while True:
        answer = node.call(CallAt(_NOBODY, line[-1], data, at="latest"))
        if not isinstance(answer, bytes) or len(answer) != 32 or answer[12:] in (_NOBODY, *line):
            return line
        line.append(answer[12:])
