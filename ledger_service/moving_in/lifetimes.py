"""Pure: in which epoch of a programme's calendar points of the old system live, and why some cannot.

Never early (INV-11): an epoch is taken only if it ends no earlier than the points were promised to.
"""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from typing import NamedTuple

from ledger_service.kernel.clock import seconds_floor
from ledger_service.kernel.points import NEVER_SECONDS
from ledger_service.points.catalogue import Programme
from ledger_service.points.rules import Cycle, Terms, epoch_ends, terms_in_force

_DAY = re.compile(r"\d{4}-\d\d-\d\d")


class Lifetime(NamedTuple):
    """The last epoch in which points can be spent, or (code, reason) why there is none."""

    epoch: int = 0
    refusal: tuple[str, str] | None = None


def lifetime_of(programme: Programme, last: str, earned: str, at: datetime) -> Lifetime:
    """The epoch of points with this last spendable day, or else earned on this day.

    Args:
        programme: with its calendar and zone.
        last: a local date such as 2027-03-31, or empty.
        earned: another, read where ``last`` is empty; the terms in force say how long such points live.
        at: the instant of the import.
    """
    try:
        day = date.fromisoformat(last or earned) if _DAY.fullmatch(last or earned) else None
    except ValueError:
        day = None
    if day is None or not 1900 <= day.year < 9000:
        return Lifetime(refusal=("malformed-field", "must be a date such as 2027-03-31"))
    terms, today = terms_in_force(programme.terms, seconds_floor(at)), at.astimezone(programme.zone).date()
    if terms is None:
        return Lifetime(refusal=("programme-without-terms", "the programme has no terms in force"))
    if earned and day > today:
        return Lifetime(refusal=("in-the-future", "must not lie in the future"))
    epoch = epoch_of_last_day(programme, day) if last else epoch_of_earned_on(programme, day, terms)
    if epoch is None:
        return Lifetime(refusal=("calendar-too-short", "lies behind the last epoch of the programme"))
    if (last and day < today) or seconds_floor(at) >= programme.epoch_ends[epoch - 1]:
        return Lifetime(refusal=("lot-expired", "these points have expired"))
    return Lifetime(epoch)


def epoch_of_last_day(programme: Programme, last: date) -> int | None:
    """The first epoch that ends no earlier than the local day; None where the calendar is too short."""
    following = last + timedelta(days=1)
    end = datetime(following.year, following.month, following.day, tzinfo=programme.zone)
    return _epoch_that_lasts(programme, seconds_floor(end))


def epoch_of_earned_on(programme: Programme, earned: date, terms: Terms) -> int | None:
    """The epoch of points that were earned on a local day, under the validity of these terms.

    Counted on the civil calendar, so that it also serves days before the chain's first epoch.
    """
    noon = datetime(earned.year, earned.month, earned.day, 12, tzinfo=programme.zone)
    ends = epoch_ends(noon, Cycle(programme.cycle), programme.zone, terms.validity_epochs + 1)
    return _epoch_that_lasts(programme, ends[-1])


def _epoch_that_lasts(programme: Programme, end: int) -> int | None:
    wanted = min(end, NEVER_SECONDS)
    return next((e for e, ends_at in enumerate(programme.epoch_ends, 1) if ends_at >= wanted), None)
