"""How raw transactions get to the node: as they come, or into dated blocks in replay mode (D16)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from ledger_service.chain.client import Node
from ledger_service.chain.errors import NodeRefusal, NoTimeControl

Answer = bytes | NodeRefusal


@dataclass(frozen=True, slots=True)
class Parcel:
    """A raw transaction and, in replay mode, the least time of its block in seconds."""

    raw: bytes
    timestamp: int | None


class Delivery(Protocol):
    """Hands raw transactions over in their order; one answer each."""

    def deliver(self, parcels: Sequence[Parcel]) -> list[Answer]:
        """The node's answers.

        Raises:
            ChainUnavailable: nobody knows what arrived.
        """

    def date_next(self, timestamp: int | None) -> None:
        """The next block, and the pending state that calls are judged on, has at least this time; None: no
        wish."""


class LiveDelivery:
    """Real time: the network dates its blocks, all transactions go over in one request."""

    def __init__(self, node: Node) -> None:
        self._node = node

    def deliver(self, parcels: Sequence[Parcel]) -> list[Answer]:
        """See ``Delivery``."""
        return self._node.send([parcel.raw for parcel in parcels])

    def date_next(self, timestamp: int | None) -> None:
        """Nothing: real time is not ours to set."""


class ReplayDelivery:
    """The data's clock: a block is dated by the latest acceptance in it, or one second after the block
    before.

    Raises (on construction):
        NoTimeControl: the network does not let anyone date blocks.
    """

    def __init__(self, node: Node) -> None:
        if not node.has_time_control:
            raise NoTimeControl(node.version)
        self._node = node

    def deliver(self, parcels: Sequence[Parcel]) -> list[Answer]:
        """See ``Delivery``. Where mining can be held back, all parcels share one block."""
        if self._node.can_hold_back_mining:
            return self._one_block(parcels)
        answers: list[Answer] = []
        for parcel in parcels:
            self.date_next(parcel.timestamp)
            answers += self._node.send([parcel.raw])
        return answers

    def _one_block(self, parcels: Sequence[Parcel]) -> list[Answer]:
        self._node.control(("evm_setAutomine", [False]))
        answers = self._node.send([parcel.raw for parcel in parcels])
        self.date_next(max((p.timestamp for p in parcels if p.timestamp is not None), default=None))
        self._node.control(("evm_mine", []))
        return answers

    def date_next(self, timestamp: int | None) -> None:
        """See ``Delivery``."""
        last = self._node.head().timestamp
        while True:
            try:
                self._node.control(("evm_setNextBlockTimestamp", [max(timestamp or 0, last + 1)]))
                return
            except NodeRefusal:
                # A command and the bridge both send: one has mined since the other looked.
                known, last = last, self._node.head().timestamp
                if last == known:
                    raise
