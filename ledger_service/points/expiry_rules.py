"""How the points of a programme end, and what the law of a place allows of it, as pure functions and data.

``docs/expiry.md`` names the sources. A profile states what the system refuses; whether a programme falls
under a law at all is for its merchant to know.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from ledger_service.kernel.points import NEVER_SECONDS
from ledger_service.points.inactivity_rules import Activity, least_rest_seconds
from ledger_service.points.rules import Cycle, Terms, epoch_of_issue


class Expiry(StrEnum):
    """When points end.

    ``calendar``: with a civil year or quarter (any cycle). ``rolling``: so many weeks or months after the one
    in which they were earned. ``inactivity``: so many epochs after the last one in which the member was
    active. ``never``: not at all.
    """

    CALENDAR = "calendar"
    ROLLING = "rolling"
    INACTIVITY = "inactivity"
    NEVER = "never"


class Jurisdiction(StrEnum):
    """Whose law a programme follows."""

    NONE = "none"
    ONTARIO = "CA-ON"
    QUEBEC = "CA-QC"


class Refused(StrEnum):
    """Why a law does not allow an end: time alone would bring it, too short an inactivity, or an inactivity
    that overlooks activities."""

    TIME_ALONE = "time-alone"
    TOO_SHORT = "too-short"
    TOO_FEW = "too-few"


@dataclass(frozen=True, slots=True)
class Profile:
    """What a jurisdiction allows: whether points may end by the passage of time alone, and otherwise how long
    a member must have been inactive at least, in seconds, and in what."""

    time_alone: bool
    least_inactivity: int = 0
    activities: frozenset[Activity] = frozenset()


PROFILES: Mapping[Jurisdiction, Profile] = {
    Jurisdiction.NONE: Profile(time_alone=True),
    Jurisdiction.ONTARIO: Profile(time_alone=False),
    # One year by the civil calendar (an hour less where a clock was put forward for good) without any point
    # received or exchanged.
    Jurisdiction.QUEBEC: Profile(False, 365 * 86_400 - 3_600, frozenset({Activity.EARN, Activity.REDEEM})),
}
_FINE_CYCLES = frozenset({Cycle.WEEK, Cycle.MONTH})


def has_an_end(ends: Sequence[int], terms: Terms) -> bool:
    """Whether points that are issued under these terms have an end.

    It is enough to look at the first instant of the terms: the later points are issued, the later they end.
    """
    epoch = epoch_of_issue(ends, terms.effective_from, terms.validity_epochs)
    return epoch is None or ends[epoch - 1] < NEVER_SECONDS


def expiry_of(cycle: Cycle, ends: Sequence[int], terms: Terms, inactivity: bool = False) -> Expiry:
    """What cycle, calendar and terms come to, and whether activity puts an end off."""
    if not has_an_end(ends, terms):
        return Expiry.NEVER
    if inactivity:
        return Expiry.INACTIVITY
    return Expiry.ROLLING if cycle in _FINE_CYCLES and terms.validity_epochs else Expiry.CALENDAR


def refusal_of(
    jurisdiction: Jurisdiction, ends: Sequence[int], terms: Terms, activities: Sequence[Activity] = ()
) -> Refused | None:
    """Why the law of the place does not let points of these terms end as they do; None where it does."""
    profile = PROFILES[jurisdiction]
    if profile.time_alone or not has_an_end(ends, terms):
        return None
    if not activities:
        return Refused.TIME_ALONE
    if not profile.activities <= set(activities):
        return Refused.TOO_FEW
    return Refused.TOO_SHORT if least_rest_seconds(ends, terms) < max(profile.least_inactivity, 1) else None
