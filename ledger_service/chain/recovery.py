"""The recovery desk on chain: what two operators announce there, and what stands."""

from __future__ import annotations

from dataclasses import dataclass

from ledger_service.chain.admin import Steps
from ledger_service.chain.artifacts import load
from ledger_service.chain.client import CallAt
from ledger_service.chain.errors import AdminRefused, NodeRefusal
from ledger_service.chain.ports import APPROVER, OPERATOR


@dataclass(frozen=True, slots=True)
class Announced:
    """An account's latest announcement; ``ripe_at`` (seconds) is 0 until it is approved."""

    successor: bytes
    reason: int
    ripe_at: int
    stopped: bool
    number: int


@dataclass(frozen=True, slots=True)
class Announcement:
    """What is to be announced; ``name`` is unique in this alliance."""

    name: str
    account: bytes
    successor: bytes
    reason: int
    evidence: bytes


class RecoveryOffice:
    """Announces, approves and withdraws with the two sending keys that the desk listens to."""

    def __init__(self, steps: Steps, desk: bytes) -> None:
        self._steps, self._desk, self._artifact = steps, desk, load("RecoveryDesk")

    def announce(self, wanted: Announcement, timestamp: int | None = None) -> Announced | None:
        """The move is announced, and with the next call approved: its notice begins.

        Two keys send one after the other, and a key waits for what another one has sent until the index
        has it in a block: so this takes two passes of the bridge.

        Args:
            wanted: what.
            timestamp: in replay, the least time of the blocks.

        Returns:
            None until the notice has begun.

        Raises:
            AdminRefused: the desk refuses it: another one of that account is under way, say.
            ChainUnavailable: not mined in time; the same call goes on waiting.

        Idempotency: by the announcement's name.
        """
        a, first = wanted, f"care:announce:{wanted.name}"
        if not self._steps.by(OPERATOR).is_mined(first):
            what = (a.account, a.successor, a.reason, a.evidence)
            self._act(OPERATOR, first, timestamp, "announce", *what)
            return None
        number = self.standing(a.account).number
        self._act(APPROVER, f"care:approve:{a.name}", timestamp, "approve", a.account, number)
        return self.standing(a.account)

    def withdraw(self, name: str, account: bytes, number: int, timestamp: int | None = None) -> None:
        """The announcement is stopped, unless it is decided already. Idempotency: by ``name``."""
        try:
            self._act(OPERATOR, f"care:withdraw:{name}", timestamp, "withdraw", account, number)
        except AdminRefused:
            return  # stopped before, or ripe: whoever asked will not carry it out

    def standing(self, account: bytes) -> Announced:
        """The latest announcement as the head tells; number 0 for none."""
        data = self._artifact.call_data("announcementOf", account)
        answer = self._steps.node.call(CallAt(self._steps.outbound.sender(OPERATOR), self._desk, data))
        if isinstance(answer, NodeRefusal):
            raise AdminRefused("announcementOf", answer.message)
        ((successor, reason, _, _, ripe_at, stopped, _, number),) = self._artifact.answer_of(
            "announcementOf", answer
        )
        return Announced(bytes.fromhex(successor[2:]), reason, ripe_at, stopped, number)

    def _act(self, key: str, name: str, timestamp: int | None, function: str, *arguments: object) -> None:
        data = self._artifact.call_data(function, *arguments)
        self._steps.by(key).perform(name, self._desk, data, timestamp)
