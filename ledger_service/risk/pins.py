"""Wrong PINs and one-time codes as acts of their own: where too many were tried, no more are.

A till's door judges a try before it is looked at and counts it when it was wrong, each in a command of its
own beside the sale's: a sale that never comes about counts all the same. Tries of one instant are judged side
by side; what bounds those is the lock of each PIN.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ledger_service.db.commands import BookCommand
from ledger_service.db.workset import Draft, Need, Workset
from ledger_service.risk.guard import Guard, Judged
from ledger_service.risk.models import risk_decision
from ledger_service.risk.rules import Act, Observation, Who


@dataclass(frozen=True, slots=True)
class PinTry:
    """Who tries where and when, in seconds. A card that is nobody's has a negative member id of its own."""

    who: Who
    at: int
    member_since: int

    @property
    def of_somebody(self) -> bool:
        """Whether there is a member to keep decisions of."""
        return self.who.member_id > 0


class JudgePin(BookCommand[Judged]):
    """The rules have looked at a try; nothing is written."""

    def __init__(self, guard: Guard, tried: PinTry) -> None:
        """Take the sets in force and the try."""
        self.guard = guard
        self.tried = tried

    def reads_first(self, view: Workset) -> Iterable[Need]:
        """The tallies of its subjects."""
        return self.guard.needs(self.tried.who)

    def apply(self, draft: Draft) -> Judged:
        """Return what the rules say."""
        tried = self.tried
        seen = Observation(tried.at, tried.who, frozenset({Act.PIN}), member_since=tried.member_since)
        return self.guard.judge(draft, seen)


class CountPin(BookCommand[None]):
    """A try that was judged and was wrong is counted."""

    def __init__(self, guard: Guard, tried: PinTry, judged: Judged) -> None:
        """Take the try with what was said of it."""
        self.guard = guard
        self.tried = tried
        self.judged = judged

    def reads_first(self, view: Workset) -> Iterable[Need]:
        """The tallies as they stand by now."""
        return self.guard.needs(self.tried.who)

    def apply(self, draft: Draft) -> None:
        """Add to the tallies; a member's try is kept as a decision too."""
        self.guard.count(draft, self.judged)
        if self.tried.of_somebody:
            draft.add(risk_decision, self.judged.row)
