"""How many one-time codes go out by text message in a UTC day: to one range of numbers, and to everybody.

Whoever earns by messages to numbers of its own (SMS pumping) has ranges of them. Codes are counted where they
are handed over, so numbers that nobody has cost nothing, nobody who asks learns that a bound is reached, and
an attacker cannot use up the bound with numbers of strangers.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, insert, select, update

from ledger_service.kernel.clock import seconds_floor
from ledger_service.members.cards.models import code_count

EVERYBODY = "everybody"
_DAY_SECONDS, _KEPT_DAYS = 86_400, 7
_HIDDEN_DIGITS, _RANGES = 4, 250


@dataclass(frozen=True, slots=True)
class Bounds:
    """Most codes that go out in a UTC day, to one range of numbers and in all."""

    per_range: int
    per_day: int


def bounds_of(per_range: int) -> Bounds:
    """The bounds of an alliance: in all, what two hundred and fifty ranges may have."""
    return Bounds(per_range, per_range * _RANGES)


def range_of(address: str) -> str:
    """The ten thousand numbers that a number is one of, with the last digits unsaid."""
    return address[:-_HIDDEN_DIGITS] + "*" * _HIDDEN_DIGITS


def count(conn: Connection, address: str, bounds: Bounds, at: datetime) -> str | None:
    """One more code to a number is counted, or not sent: then which bound is reached (a range, or everybody).

    Locks: the two counters' rows; only the leading bridge counts.
    """
    day, c = seconds_floor(at) // _DAY_SECONDS, code_count.c
    wanted = {range_of(address): bounds.per_range, EVERYBODY: bounds.per_day}
    query = select(c.subject, c.sent).where((c.day == day) & c.subject.in_(wanted))
    found = {row.subject: int(row.sent) for row in conn.execute(query)}
    for subject, most in wanted.items():
        if found.get(subject, 0) >= most:
            return subject
    for subject in wanted:
        its = (c.day == day) & (c.subject == subject)
        if subject in found:
            conn.execute(update(code_count).where(its).values(sent=c.sent + 1))
        else:
            conn.execute(delete(code_count).where(c.day < day - _KEPT_DAYS))
            conn.execute(insert(code_count).values(day=day, subject=subject, sent=1))
    return None
