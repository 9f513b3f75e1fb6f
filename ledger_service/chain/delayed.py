"""Acts of the admin that the AccessManager shows to everybody before they may be done: scheduled, then done.

Whoever schedules an act must also carry it out. What is scheduled already is found on the chain.
"""

from __future__ import annotations

from typing import Any

from eth_abi.exceptions import DecodingError

from ledger_service.chain.admin import Steps
from ledger_service.chain.artifacts import load
from ledger_service.chain.client import CallAt
from ledger_service.chain.errors import AdminRefused, NodeRefusal
from ledger_service.chain.ports import OPERATOR


class DelayedActs:
    """Schedules and does calls with custody's operator key."""

    def __init__(self, steps: Steps, manager: bytes) -> None:
        self._steps, self._manager, self._rules = steps, manager, load("AccessManager")

    def scheduled(self, target: bytes, data: bytes, timestamp: int | None = None, not_before: int = 0) -> int:
        """When (seconds) the call may be made; it is scheduled if it was not, for ``not_before`` where that
        is later than the admin's delay (0: as soon as may be).

        Raises:
            AdminRefused: custody's operator key is no admin; nothing was sent.
        """
        when = self._when(target, data)
        if when == 0:
            call = self._rules.call_data("schedule", _text(target), data, not_before)
            self._perform("schedule", (target, data), (self._manager, call), timestamp)
            when = self._when(target, data)
        return when

    def perform(self, target: bytes, data: bytes, timestamp: int | None = None) -> None:
        """The call is made. Idempotency: by target, call and how often it was scheduled."""
        self._perform("perform", (target, data), (target, data), timestamp)

    def asked(self, function: str, *arguments: object) -> tuple[Any, ...]:
        """What the AccessManager answers at the head."""
        return asked(self._steps, "AccessManager", self._manager, function, *arguments)

    def _when(self, target: bytes, data: bytes) -> int:
        return int(self.asked("getSchedule", self._id(target, data))[0])

    def _id(self, target: bytes, data: bytes) -> bytes:
        caller = _text(self._steps.outbound.sender(OPERATOR))
        return bytes(self.asked("hashOperation", caller, _text(target), data)[0])

    def _perform(
        self, verb: str, act: tuple[bytes, bytes], call: tuple[bytes, bytes], timestamp: int | None
    ) -> None:
        # What was scheduled and forgotten for a week may be scheduled again: its number tells them apart.
        name = self._id(*act)
        number = self.asked("getNonce", name)[0]
        self._steps.perform(f"roles:{verb}:{name.hex()}:{number}", *call, timestamp)


def asked(steps: Steps, contract: str, at: bytes, function: str, *arguments: object) -> tuple[Any, ...]:
    """What a contract's view answers at the head.

    Raises:
        AdminRefused: it refuses to, or no such contract stands there.
    """
    rules = load(contract)
    sender = steps.outbound.sender(OPERATOR)
    answer = steps.node.call(CallAt(sender, at, rules.call_data(function, *arguments)))
    if isinstance(answer, NodeRefusal):
        raise AdminRefused(function, answer.message)
    try:
        return rules.answer_of(function, answer)
    except DecodingError:
        raise AdminRefused(function, f"{_text(at)} is no {contract}") from None


def _text(address: bytes) -> str:
    return "0x" + address.hex()
