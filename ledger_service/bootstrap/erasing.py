"""The job that keeps the journal of erasures, and erases again what a restored backup brought back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice

from sqlalchemy import Connection

from ledger_service.bootstrap.foundations import Foundations, SystemRandom
from ledger_service.db.engine import Database
from ledger_service.insight.erasing import (
    AT_ONCE,
    Erased,
    erase_everywhere,
    erased_since,
    merged_into,
    still_there,
)
from ledger_service.insight.journal import Journal
from ledger_service.members import standing
from ledger_service.merchants.api_keys import ApiKeys

JOURNAL = "erasures.jsonl"
# Commits need not come in the order of their instants: so far behind the newest line is looked again.
_LATE = timedelta(hours=1)
_BEGINNING = datetime(1970, 1, 2, tzinfo=UTC)


@dataclass
class Erasures:
    """The journal of an installation and its database."""

    database: Database
    journal: Journal
    now: Callable[[], datetime]
    _seen: set[tuple[int, datetime]] | None = None
    _newest: datetime = field(default=_BEGINNING)

    def step(self) -> bool:
        """At first what the journal has and the database still knows is erased; then new erasures are noted.

        Returns:
            Whether there is more to do at once.
        """
        if self._seen is None:
            self._seen = self._again()
        return self._note(self._seen)

    def _again(self) -> set[tuple[int, datetime]]:
        seen: set[tuple[int, datetime]] = set()
        lines = self.journal.read()
        while some := list(islice(lines, AT_ONCE)):
            seen.update((one.member_id, one.enrolled_at) for one in some)
            self._newest = max(self._newest, *(one.at for one in some))
            with self.database.begin() as conn:
                for number in still_there(conn, some):
                    erase_everywhere(conn, _erase_member, number, self.now())
        return seen

    def _note(self, seen: set[tuple[int, datetime]]) -> bool:
        since, after, wrote = self._newest - _LATE, 0, False
        while True:
            with self.database.read() as conn:
                found = erased_since(conn, since, after)
                gone = [*found, *merged_into(conn, found)]
            fresh = [one for one in gone if (one.member_id, one.enrolled_at) not in seen]
            if fresh:
                self.journal.append(fresh)
                seen.update((one.member_id, one.enrolled_at) for one in fresh)
                wrote = True
            if len(found) < AT_ONCE:
                self._newest = max([self._newest, *(one.at for one in found)])
                return wrote
            since, after = _behind(found[-1])


def erasures(foundations: Foundations, now: Callable[[], datetime]) -> Erasures:
    """The job, with its journal in the folder of state, which no backup holds and no restore touches."""
    return Erasures(foundations.database, Journal(foundations.settings.state_dir / JOURNAL), now)


def _behind(last: Erased) -> tuple[datetime, int]:
    return last.at, last.member_id


def _erase_member(conn: Connection, member_number: str, at: datetime) -> int:
    return standing.erase(conn, ApiKeys(SystemRandom()), member_number, at)
