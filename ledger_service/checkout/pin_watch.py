"""The door's watch over PINs and one-time codes: the fraud rules say whether one may be tried here now.

Without rules in force nothing of this is read or written.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Protocol, TypeVar

from ledger_service.checkout.requests import Caller
from ledger_service.checkout.sources import Watch
from ledger_service.db.commands import BookCommand
from ledger_service.kernel.clock import seconds_floor
from ledger_service.members.cards.desk import Approved, CardDesk, Sought
from ledger_service.members.cards.errors import CodeWrong, PinWrong
from ledger_service.risk.errors import RefusedByRules
from ledger_service.risk.guard import Guard
from ledger_service.risk.pins import CountPin, JudgePin, PinTry
from ledger_service.risk.rules import Outcome, Who

A = TypeVar("A")


class Submit(Protocol):
    """Gives a command to the writer (``Writer.submit``)."""

    def __call__(self, command: BookCommand[A], /) -> A:
        """The command's answer, durable by then."""


@dataclass(frozen=True, slots=True)
class AtTill:
    """Where and when somebody shows something, and the cashier if the till names one."""

    caller: Caller
    at: datetime
    cashier: str | None = None


@dataclass(frozen=True)
class PinWatch:
    """Judges and counts tries; safe for any number of threads."""

    watch: Watch
    submit: Submit
    worker: str

    def tried(self, desk: CardDesk, sought: Sought, till: AtTill, look: Callable[[], Approved]) -> Approved:
        """What ``look`` finds; where it was wrong, that is on record when this raises.

        Raises:
            RefusedByRules: too many were tried here; nothing is looked at.
            DomainError: as ``look``.
        """
        at = seconds_floor(till.at)
        book = self.watch.rules.current()
        sets = book.in_force(till.caller.merchant_id, at)
        if not sets:
            return look()
        guard = Guard(sets, book, self.worker, self.watch.ids)
        tried = _try_of(desk, sought, till, at)
        judged = self.submit(JudgePin(guard, tried))
        if judged.outcome is Outcome.REFUSE:
            # A member's refusal is kept by the write that meets it; nobody's has no member to be kept with.
            raise guard.refusal(judged) if tried.of_somebody else RefusedByRules(judged.reason)
        try:
            return look()
        except (PinWrong, CodeWrong):
            self.submit(CountPin(guard, tried, judged))
            raise


def _try_of(desk: CardDesk, sought: Sought, till: AtTill, at: int) -> PinTry:
    found = desk.whose(sought)
    # A card that is nobody's is counted as somebody of its own, or its refusals would tell it from others.
    member_id, since = (_nobody(sought), at) if found is None else (found[0], seconds_floor(found[1]))
    caller = till.caller
    return PinTry(Who(caller.merchant_id, member_id, caller.terminal_id, till.cashier), at, since)


def _nobody(sought: Sought) -> int:
    shown = repr((sought.card, sought.phone, sought.number)).encode()
    return -1 - int.from_bytes(sha256(b"nobody" + shown).digest()[:7], "big")
