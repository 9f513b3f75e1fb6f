"""What goes wrong in the main run, as published in docs/run-rules.md: pure, the same for one seed.

Lines that fail, photographs of pay codes, goods that come back elsewhere. Like ``rules``, each decision hangs
on a hash of the seed and the thing's own name, so a run that is interrupted decides the same again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from ledger_service.demo.rules import draw

OUTAGE_BPS = 300
FIRST_HOUR, HOURS_TO_BEGIN_IN = 8, 10
LEAST_HOURS, MOST_HOURS = 2, 6
PHOTO_BPS = 100
PHOTO_AT_CUT_OFF_TILL_BPS = 3_000
AT_A_PARTNER_BPS = 3_000
_ZONE = ZoneInfo("America/New_York")
# A photograph is shown elsewhere while the code still lives, or after that.
SOON, TOO_LATE = timedelta(seconds=20), timedelta(seconds=90)
# The thief's till comes back after those of the honest.
THIEFS_TILL_LATER = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Outage:
    """A store's line is down in [begin, end)."""

    begin: datetime
    end: datetime


def outage_at(seed: str, store: int, at: datetime) -> Outage | None:
    """The outage in which a store is at an instant: on 3 % of its days, for two to six whole hours.

    It begins between 8:00 and 17:00 of the east coast and ends by 23:00, so never across the end of an epoch,
    all of which fall on midnights.
    """
    day = at.astimezone(_ZONE).date()
    if draw(seed, "outage", store, day) >= OUTAGE_BPS:
        return None
    hour = FIRST_HOUR + draw(seed, "outage hour", store, day) % HOURS_TO_BEGIN_IN
    hours = LEAST_HOURS + draw(seed, "outage hours", store, day) % (MOST_HOURS - LEAST_HOURS + 1)
    begin = datetime.combine(day, time(hour), _ZONE).astimezone(UTC)
    end = begin + timedelta(hours=hours)
    return Outage(begin, end) if begin <= at < end else None


def photographed(seed: str, checkout: str, *, cut_off: bool) -> bool:
    """Whether somebody photographs the pay code of a payment with points."""
    return draw(seed, "photo", checkout) < (PHOTO_AT_CUT_OFF_TILL_BPS if cut_off else PHOTO_BPS)


def shown_after(seed: str, checkout: str) -> timedelta:
    """How long after the member the thief shows the photograph."""
    return SOON if draw(seed, "photo shown", checkout) < 5_000 else TOO_LATE


def at_a_partner(seed: str, checkout: str) -> bool:
    """Whether the goods of a checkout come back at the partner that takes them, where there is one."""
    return draw(seed, "partner", checkout) < AT_A_PARTNER_BPS
