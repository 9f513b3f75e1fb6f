"""How raw transactions get to the node: as they come, or into dated blocks in replay mode (D16)."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from ledger_service.chain.client import Node
from ledger_service.chain.errors import NodeRefusal, NoTimeControl

Answer = bytes | NodeRefusal
_APART_SECONDS = 86_400
_MOST_LOOKS, _LOOK_AGAIN_SECONDS = 50, 0.02


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

    def wake(self, waiting: int) -> None:
        """So many transactions wait in the node's pool for longer than they should: it is to look again."""


def blocks_of(parcels: Sequence[Parcel]) -> list[list[Parcel]]:
    """The parcels block by block: one that is dated a day or more after those before it begins another.

    After a reorg all come at once, and an act that must wait for its notice would be judged in the block of
    its announcement.
    """
    blocks: list[list[Parcel]] = []
    latest: int | None = None
    for parcel in parcels:
        at = latest if parcel.timestamp is None else parcel.timestamp
        if not blocks or (at is not None and latest is not None and at - latest >= _APART_SECONDS):
            blocks.append([])
        blocks[-1].append(parcel)
        latest = at if latest is None else max(latest, at or 0)
    return blocks


class LiveDelivery:
    """Real time: the network dates its blocks, all transactions go over in one request."""

    def __init__(self, node: Node) -> None:
        self._node = node

    def deliver(self, parcels: Sequence[Parcel]) -> list[Answer]:
        """See ``Delivery``."""
        return self._node.send([parcel.raw for parcel in parcels])

    def date_next(self, timestamp: int | None) -> None:
        """Nothing: real time is not ours to set."""

    def wake(self, waiting: int) -> None:
        """See ``Delivery``. Anvil that mines by itself looks into its pool when a transaction comes, and no
        more: what the block then has no room for waits for the next one, which nobody may have to send.
        """
        if self._node.client != "anvil" or not self._node.control(("anvil_getAutomine", []))[0]:
            return
        for _ in range(waiting):
            if self._node.pending() == 0:
                return
            self._node.control(("evm_mine", []))


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
        """See ``Delivery``. Where mining can be held back, parcels of about the same time share a block."""
        answers: list[Answer] = []
        if self._node.can_hold_back_mining:
            for together in blocks_of(parcels):
                answers += self._one_block(together)
            return answers
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
        looks = 0
        while True:
            last = self._node.head().timestamp
            try:
                self._node.control(("evm_setNextBlockTimestamp", [max(timestamp or 0, last + 1)]))
                return
            except NodeRefusal:
                # A command and the bridge both send: one mines while the other looks, and anvil knows the
                # new block's time some milliseconds before it shows the block.
                looks += 1
                if looks == _MOST_LOOKS:
                    raise
                time.sleep(_LOOK_AGAIN_SECONDS)

    def wake(self, waiting: int) -> None:
        """Nothing: each delivery mines a block, and that of the same bytes again mines the next."""
