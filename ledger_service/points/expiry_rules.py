"""How the points of a programme end, and what the law of a place allows of it, as pure functions and data.

``docs/expiry.md`` names the sources. A profile states what the system refuses; whether a programme falls
under a law at all is for its merchant to know.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from ledger_service.kernel.points import NEVER_SECONDS
from ledger_service.points.rules import Cycle, Terms, epoch_of_issue


class Expiry(StrEnum):
    """When points end.

    ``calendar``: with a civil year or quarter (any cycle). ``rolling``: so many weeks or months after the one
    in which they were earned. ``never``: not at all.
    """

    CALENDAR = "calendar"
    ROLLING = "rolling"
    NEVER = "never"


class Jurisdiction(StrEnum):
    """Whose law a programme follows."""

    NONE = "none"
    ONTARIO = "CA-ON"
    QUEBEC = "CA-QC"


@dataclass(frozen=True, slots=True)
class Profile:
    """What a jurisdiction allows: whether points may end by the passage of time alone."""

    time_alone: bool


PROFILES: Mapping[Jurisdiction, Profile] = {
    Jurisdiction.NONE: Profile(time_alone=True),
    Jurisdiction.ONTARIO: Profile(time_alone=False),
    Jurisdiction.QUEBEC: Profile(time_alone=False),
}
_FINE_CYCLES = frozenset({Cycle.WEEK, Cycle.MONTH})


def ends_by_time_alone(ends: Sequence[int], terms: Terms) -> bool:
    """Whether points that are issued under these terms have an end.

    It is enough to look at the first instant of the terms: the later points are issued, the later they end.
    """
    epoch = epoch_of_issue(ends, terms.effective_from, terms.validity_epochs)
    return epoch is None or ends[epoch - 1] < NEVER_SECONDS


def expiry_of(cycle: Cycle, ends: Sequence[int], terms: Terms) -> Expiry:
    """What cycle, calendar and terms come to."""
    if not ends_by_time_alone(ends, terms):
        return Expiry.NEVER
    return Expiry.ROLLING if cycle in _FINE_CYCLES and terms.validity_epochs else Expiry.CALENDAR


def allowed(jurisdiction: Jurisdiction, ends: Sequence[int], terms: Terms) -> bool:
    """Whether the law of the place lets points of these terms end as they do."""
    return PROFILES[jurisdiction].time_alone or not ends_by_time_alone(ends, terms)
