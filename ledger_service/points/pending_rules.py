"""How long an earn waits before it is the member's to spend, as pure functions of a rule's terms.

Instants are whole seconds since 1970.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

DAY_SECONDS = 86_400
MOST_DAYS = 3_650


class Wait(StrEnum):
    """What an earn waits for."""

    NONE = "none"
    DAYS = "days"
    UNTIL_DATE = "until_date"
    RETURN_WINDOW = "return_window"
    EVENT = "event"


@dataclass(frozen=True, slots=True)
class PendingTerms:
    """What a rule's earn waits for.

    ``days`` from the sale on (of an event: the deadline), or ``until`` an instant, or for the ``event`` of
    that name. ``lapses`` says what becomes of points that saw no event by the deadline: gone, or vested.
    """

    wait: Wait
    days: int = 0
    until: int = 0
    event: str = ""
    lapses: bool = True


AT_ONCE = PendingTerms(Wait.NONE)


@dataclass(frozen=True, slots=True)
class Waiting:
    """What one earn waits for: its day, or an event until then; ``lapses`` where that day is its end."""

    vests_at: int
    event: str | None = None
    lapses: bool = False


def after_days(days: int) -> PendingTerms:
    """The terms of a programme that only knows a number of days; none is at once."""
    return PendingTerms(Wait.DAYS, days) if days else AT_ONCE


def waiting_of(terms: PendingTerms, at: int, known_at: int | None = None) -> Waiting | None:
    """What an earn of ``at`` waits for; None where it can be spent at once.

    The sale's own time sets the deadline of an event. Where points would lapse then, and the sale came in
    later (``known_at``), nobody could tell the event before: from that on there is one day at least.
    """
    if terms.wait is Wait.NONE:
        return None
    if terms.wait is Wait.EVENT:
        deadline = at + terms.days * DAY_SECONDS
        if terms.lapses and known_at is not None:
            deadline = max(deadline, known_at + DAY_SECONDS)
        return Waiting(deadline, terms.event, terms.lapses)
    vests_at = terms.until if terms.wait is Wait.UNTIL_DATE else at + terms.days * DAY_SECONDS
    return Waiting(vests_at) if vests_at > at else None


def return_window_ended(terms: PendingTerms, sold_at: int, at: int) -> bool:
    """Whether what a sale earned is the member's for good: its own return window is over.

    Only a rule that has a return window ends it; under every other the earn goes back with the goods
    whenever they come back.
    """
    return terms.wait is Wait.RETURN_WINDOW and at >= sold_at + terms.days * DAY_SECONDS
