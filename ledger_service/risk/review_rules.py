"""Which step of a review follows which, and how long each state may last; pure.

A review that nobody decides in time ends for the member: the points are released.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

REVIEW_DAYS = 14
APPEAL_DAYS = 14
STATES = ("open", "asked", "reversing", "appealed", "released", "reversed")
UNDER_WAY = ("open", "asked", "reversing", "appealed")
EVENTS = ("opened", "release", "reverse", "approve", "decline", "appeal", "uphold", "expire")
# What an earn under review waits for: a name that no till can tell as an event of a sale.
AWAITS = "care:review"

# (state, step): the state that follows. ``expire`` is the deadline's own step.
_NEXT = {
    ("open", "release"): "released",
    ("open", "reverse"): "asked",
    ("open", "expire"): "released",
    ("asked", "release"): "released",
    ("asked", "approve"): "reversing",
    ("asked", "decline"): "open",
    ("asked", "expire"): "released",
    ("reversing", "release"): "released",
    ("reversing", "appeal"): "appealed",
    ("reversing", "expire"): "reversed",
    ("appealed", "release"): "released",
    ("appealed", "uphold"): "reversed",
    ("appealed", "expire"): "released",
}
# Taking points away needs somebody else than who asked for it.
OF_ANOTHER = ("approve", "uphold")
STEPS_OF_CARE = ("release", "reverse", "approve", "decline", "uphold")


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a review stands and until when."""

    state: str
    until: datetime


def after(standing: Standing, step: str, at: datetime) -> Standing | None:
    """Where the review stands after a step at ``at``; None where the step does not fit."""
    over = at >= standing.until
    state = _NEXT.get((standing.state, step))
    if state is None or over != (step == "expire"):
        return None
    if state == "reversing":
        return Standing(state, at + timedelta(days=APPEAL_DAYS))
    if state == "appealed":
        return Standing(state, at + timedelta(days=REVIEW_DAYS))
    # A reversal that is declined goes back with the time that is left.
    return Standing(state, standing.until)


def points_wait_until(standing: Standing) -> datetime:
    """Until when the points must not vest by themselves: past the deadline, which its own job carries out."""
    slack = timedelta(days=REVIEW_DAYS) if standing.state in ("reversing", "appealed") else timedelta()
    return standing.until + slack
