"""What the settlement desk's own events say of each period, for somebody with a node and two addresses.

The desk is found by the chain's word: the AccessManager of the registry says whose ``publish`` it guards.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from ledger_service.chain.artifacts import load
from ledger_service.chain.client import CallAt, Node
from ledger_service.chain.errors import ChainUnavailable, NodeRefusal
from ledger_service.chain.log_pages import log_pages
from ledger_service.kernel.secp256k1 import keccak256

_ROLE_SET = keccak256(b"TargetFunctionRoleUpdated(address,bytes4,uint64)")
_EVENTS = {
    keccak256(text.encode()): text.partition("(")[0]
    for text in (
        "MerchantEnlisted(uint64,uint256)",
        "StatementsPublished(uint32,bytes32,uint40,uint256)",
        "NetConfirmed(uint32,uint64,int256)",
        "LineDisputed(uint32,uint64,uint64,uint64,int256,bytes32,uint40)",
        "DisputeResolved(uint32,uint64,uint64,int256,uint32,bytes32)",
        "PeriodSettled(uint32,bytes32,uint256)",
        "PayoutsPaid(uint32,uint256,bytes32)",
    )
}


class Span(NamedTuple):
    """Blocks from the first to the last, both of them."""

    first: int
    last: int


@dataclass(slots=True)
class DeskRound:
    """A period as the desk's events tell it; ``shifts`` is what disputes move of each merchant's net."""

    statements: bytes = b""
    root: bytes = b""
    payouts: int = 0
    paid: int = 0
    confirmed: dict[int, int] = field(default_factory=dict)
    shifts: dict[int, int] = field(default_factory=dict)
    places: dict[int, int] = field(default_factory=dict)

    def shift(self, debtor: int, creditor: int, micros: int) -> None:
        """So much more is owed (INV-5: both sides at once)."""
        self.shifts[debtor] = self.shifts.get(debtor, 0) - micros
        self.shifts[creditor] = self.shifts.get(creditor, 0) + micros


def rounds_of_desk(node: Node, registry: bytes, span: Span) -> dict[int, DeskRound]:
    """Every period that the desk tells of in these blocks; none where the alliance has no desk.

    Raises:
        ChainUnavailable: the node does not answer, or does not have the logs.
    """
    desk = _desk_of(node, registry, span)
    rounds: dict[int, DeskRound] = {}
    places: dict[int, int] = {}
    for topics, data in _logs(node, desk, span) if desk is not None else ():
        name, words = _EVENTS.get(topics[0], ""), [*topics[1:], *_words(data)]
        if name == "MerchantEnlisted":
            places[_number(words[0])] = _number(words[1])
        elif name:
            _tell(rounds, name, words)
    for known in rounds.values():
        known.places = places
    return rounds


def _tell(rounds: dict[int, DeskRound], name: str, words: list[bytes]) -> None:
    period = _number(words[0])
    told = rounds.setdefault(period, DeskRound())
    match name:
        case "StatementsPublished":
            told.statements = words[1]
        case "NetConfirmed":
            told.confirmed[_number(words[1])] = _signed(words[2])
        case "LineDisputed":
            debtor, creditor = _number(words[1]), _number(words[2])
            told.shift(debtor, creditor, -_signed(words[4]))
            for merchant in (debtor, creditor):
                told.confirmed.pop(merchant, None)
        case "DisputeResolved":
            into = rounds.setdefault(_number(words[4]), DeskRound())
            into.shift(_number(words[1]), _number(words[2]), _signed(words[3]))
        case "PeriodSettled":
            told.root, told.payouts = words[1], _number(words[2])
        case "PayoutsPaid":
            told.paid |= _number(words[1])


def _desk_of(node: Node, registry: bytes, span: Span) -> bytes | None:
    call = load("AllianceRegistry").call_data("authority")
    answer = node.call(CallAt(bytes(20), registry, call, at="latest"))
    if isinstance(answer, NodeRefusal):
        raise ChainUnavailable("eth_call", f"the registry names no authority: {answer.message}")
    publish, found = load("SettlementDesk").selector("publish"), None
    for topics, data in _logs(node, answer[12:32], span):
        if topics[0] == _ROLE_SET and data[:4] == publish:
            found = topics[1][12:]
    return found


def _logs(node: Node, address: bytes, span: Span) -> Iterator[tuple[list[bytes], bytes]]:
    for page in log_pages(node, address, [], span.first, span.last):
        for log in page:
            yield [bytes.fromhex(topic[2:]) for topic in log["topics"]], bytes.fromhex(log["data"][2:])


def _words(data: bytes) -> list[bytes]:
    return [data[i : i + 32] for i in range(0, len(data), 32)]


def _number(word: bytes) -> int:
    return int.from_bytes(word, "big")


def _signed(word: bytes) -> int:
    return int.from_bytes(word, "big", signed=True)
