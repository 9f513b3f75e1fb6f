"""How many one-time codes go out by text message in a UTC day: to one range of numbers, and to everybody.

Whoever earns by messages to numbers of its own (SMS pumping) has ranges of them. Codes are counted where they
are handed over, so numbers that nobody has cost nothing, and nobody who asks learns that a bound is reached.
Anybody may ask for codes for log-ins in a stranger's name: so these are counted apart from those that a till
asks for, and a number's first of a day still goes out where repeated ones do no more.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, delete, insert, select, update

from ledger_service.kernel.clock import seconds_floor
from ledger_service.members.cards.delivery import Waiting
from ledger_service.members.cards.models import code_count

EVERYBODY, AT_TILLS = "everybody", "till "
_DAY_SECONDS, _KEPT_DAYS = 86_400, 7
_HIDDEN_DIGITS, _RANGES, _FIRSTS = 4, 250, 10


@dataclass(frozen=True, slots=True)
class Bounds:
    """Most codes that go out in a UTC day, to one range of numbers and in all; ``firsts`` is most to a range
    where a further one is a number's first, if that is more."""

    per_range: int
    per_day: int
    firsts: int = 0


class Counted(NamedTuple):
    """Whether a code goes out, and which bound is reached (a range, or everybody)."""

    goes: bool
    reached: str | None


def bounds_of(per_range: int) -> Bounds:
    """The bounds of an alliance: in all, what two hundred and fifty ranges may have."""
    return Bounds(per_range, per_range * _RANGES, per_range * _FIRSTS)


def range_of(address: str) -> str:
    """The ten thousand numbers that a number is one of, with the last digits unsaid."""
    return address[:-_HIDDEN_DIGITS] + "*" * _HIDDEN_DIGITS


def count(conn: Connection, waiting: Waiting, bounds: Bounds, at: datetime) -> Counted:
    """One more code to a number is counted, or is not to be sent.

    Locks: the two counters' rows; only the leading bridge counts.
    """
    day, c = seconds_floor(at) // _DAY_SECONDS, code_count.c
    whose = "" if waiting.merchant_id is None else AT_TILLS
    its_range, everybody = whose + range_of(waiting.address), whose + EVERYBODY
    query = select(c.subject, c.sent).where((c.day == day) & c.subject.in_((its_range, everybody)))
    found = {row.subject: int(row.sent) for row in conn.execute(query)}
    before, in_all = found.get(its_range, 0), found.get(everybody, 0)
    reached = its_range if before >= bounds.per_range else everybody if in_all >= bounds.per_day else None
    most = max(bounds.per_range, bounds.firsts) if waiting.first else bounds.per_range
    if before >= most or in_all >= bounds.per_day:
        return Counted(False, reached)
    for subject in (its_range, everybody):
        its = (c.day == day) & (c.subject == subject)
        if subject in found:
            conn.execute(update(code_count).where(its).values(sent=c.sent + 1))
        else:
            conn.execute(delete(code_count).where(c.day < day - _KEPT_DAYS))
            conn.execute(insert(code_count).values(day=day, subject=subject, sent=1))
    return Counted(True, reached)
