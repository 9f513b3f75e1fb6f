"""Months of a programme's zone, numbered backwards from the one that a report is made for; pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

from ledger_service.kernel.clock import micros_of

MOST_MONTHS = 120
BEFORE = -1


@dataclass(frozen=True)
class Calendar:
    """The months up to and with the day ``as_of``; ``BEFORE`` stands for all that is older than the first."""

    as_of: date
    zone: ZoneInfo

    @cached_property
    def first_days(self) -> list[date]:
        """The first day of each month, ascending; the last month holds ``as_of``."""
        number = self.as_of.year * 12 + self.as_of.month - 1
        return [date(n // 12, n % 12 + 1, 1) for n in range(max(number - MOST_MONTHS + 1, 12), number + 1)]

    @property
    def last(self) -> int:
        """The number of the month that holds ``as_of``."""
        return len(self.first_days) - 1

    @property
    def last_whole(self) -> int:
        """The last month that is over when ``as_of`` is; ``BEFORE`` for none."""
        return self.last if (self.as_of + timedelta(days=1)).day == 1 else self.last - 1

    @property
    def until_micros(self) -> int:
        """The first instant after ``as_of``, in micros."""
        return self._begins(self.as_of + timedelta(days=1))

    def ends_seconds(self, month: int) -> int:
        """The last second of a month, or of the report where the month is not over."""
        following = self.first_days[month + 1] if month < self.last else self.as_of + timedelta(days=1)
        return self._begins(following) // 1_000_000 - 1

    def label(self, month: int) -> str:
        """A month as ``2026-03``; "before" for what is older than all of them."""
        return "before" if month == BEFORE else f"{self.first_days[month]:%Y-%m}"

    def case(self, column: str) -> str:
        """SQL for the number of the month of an instant in micros; one beyond the last is after ``as_of``."""
        begins = [(self.until_micros, self.last + 1)]
        begins += [(self._begins(day), n) for n, day in reversed(list(enumerate(self.first_days)))]
        steps = " ".join(f"WHEN {column} >= {micros} THEN {number}" for micros, number in begins)
        return f"CASE {steps} ELSE {BEFORE} END"

    def _begins(self, day: date) -> int:
        return micros_of(datetime(day.year, day.month, day.day, tzinfo=self.zone))
