"""The settlement desk as anybody reads it who has a chain URL: rounds, nets and what is held out; no key."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from eth_abi.exceptions import DecodingError

from ledger_service.chain.artifacts import load
from ledger_service.chain.client import CallAt, Node
from ledger_service.chain.errors import AdminRefused, NodeRefusal
from ledger_service.chain.settlement_office import Round

_CHUNK = 500
_Pair = tuple[int, int]


class DeskReading:
    """Answers of one SettlementDesk at the head. What it tells of a netted period changes no more."""

    def __init__(self, node: Node, desk: bytes) -> None:
        self._node, self._desk, self._artifact = node, desk, load("SettlementDesk")

    def round(self, period: int) -> Round:
        """Where the period's settlement stands.

        Raises:
            AdminRefused: no such contract stands there.
        """
        told = self._asked("roundOf", [(period,)])[0]
        return Round(*(_plain(value) for value in told))

    def members(self, count: int) -> list[int]:
        """The first so many merchants that take part, in the order of their places."""
        return [int(merchant) for merchant in self._asked("merchantAt", [(i,) for i in range(count)])]

    def nets(self, period: int, merchants: Sequence[int]) -> dict[int, int]:
        """What each is owed, less what it owes, without what is held out, in micros."""
        told = self._asked("netOf", [(period, merchant) for merchant in merchants])
        return dict(zip(merchants, map(int, told), strict=True))

    def held(self, period: int, pairs: Sequence[_Pair]) -> dict[_Pair, int]:
        """Micros held out of what debtors owe creditors; only pairs that are disputed or were."""
        told = zip(pairs, self._asked("heldOf", [(period, *pair) for pair in pairs]), strict=True)
        return {pair: int(held[0]) for pair, held in told if held[1]}

    def _asked(self, function: str, of: Sequence[tuple[int, ...]]) -> list[Any]:
        found = []
        for start in range(0, len(of), _CHUNK):
            some = (self._artifact.call_data(function, *one) for one in of[start : start + _CHUNK])
            for answer in self._node.calls([CallAt(bytes(20), self._desk, data) for data in some]):
                if isinstance(answer, NodeRefusal):
                    raise AdminRefused(function, answer.message)
                found.append(self._answer(function, answer))
        return found

    def _answer(self, function: str, answer: bytes) -> Any:
        try:
            return self._artifact.answer_of(function, answer)[0]
        except DecodingError:
            raise AdminRefused(function, f"0x{self._desk.hex()} is no SettlementDesk") from None


def _plain(value: Any) -> Any:
    return bytes.fromhex(value[2:]) if isinstance(value, str) else value
