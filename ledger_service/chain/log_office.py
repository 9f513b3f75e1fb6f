"""The TransparencyLog on chain: what it has, and a checkpoint behind that."""

from __future__ import annotations

from typing import NamedTuple

from ledger_service.chain.admin import Steps
from ledger_service.chain.artifacts import load
from ledger_service.chain.client import CallAt
from ledger_service.chain.errors import AdminRefused, NodeRefusal
from ledger_service.chain.ports import OPERATOR


class Published(NamedTuple):
    """A checkpoint as the contract has it; ``made_at`` in seconds. Size 0 where there is none."""

    size: int
    made_at: int
    root: bytes


class LogOffice:
    """Appends checkpoints with the operator's sending key."""

    def __init__(self, steps: Steps, log: bytes) -> None:
        self._steps, self._log, self._artifact = steps, log, load("TransparencyLog")

    def latest(self) -> Published:
        """The last checkpoint as the head tells it."""
        data = self._artifact.call_data("latest")
        answer = self._steps.node.call(CallAt(self._steps.outbound.sender(OPERATOR), self._log, data))
        if isinstance(answer, NodeRefusal):
            raise AdminRefused("latest", answer.message)
        ((size, made_at, root),) = self._artifact.answer_of("latest", answer)
        return Published(size, made_at, root)

    def append(self, wanted: Published, timestamp: int | None = None) -> None:
        """The checkpoint stands on the chain.

        Args:
            wanted: what.
            timestamp: in replay, the least time of the block.

        Raises:
            AdminRefused: the contract refuses it, named by its error.
            ChainUnavailable: not mined in time; the same call goes on waiting for the same transaction.

        Idempotency: by size and root.
        """
        data = self._artifact.call_data("append", wanted.size, wanted.root, wanted.made_at)
        self._steps.perform(f"log:{wanted.size}:{wanted.root.hex()[:16]}", self._log, data, timestamp)
