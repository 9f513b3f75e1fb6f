"""The job that counts segments: whoever a rule takes in enters, whoever it takes in no more leaves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import orjson
from sqlalchemy import Connection

from ledger_service.db.engine import Database
from ledger_service.insight.segmenting import members_of
from ledger_service.members.segments.queries import due, present
from ledger_service.members.segments.rules import rule_of
from ledger_service.members.segments.service import counted, enter, leave

Move = Callable[[Connection, bytes, Sequence[int], datetime], None]
_EVERY = timedelta(days=1)
_AT_ONCE = 5_000


@dataclass(frozen=True)
class Segmenting:
    """Segments of a database, counted once a day and whenever their rule changes."""

    database: Database
    now: Callable[[], datetime]

    def step(self) -> bool:
        """The segment that is due first is counted; returns whether one was."""
        at = self.now()
        with self.database.snapshot() as conn:
            row = due(conn, at)
            if row is None:
                return False
            segment_id = row["segment_id"]
            found = members_of(conn, row["merchant_id"], rule_of(orjson.loads(row["body"])), at)
            there = present(conn, segment_id)
        self._move(segment_id, [member for member in found if member not in there], at, enter)
        self._move(segment_id, sorted(there.difference(found)), at, leave)
        with self.database.begin() as conn:
            counted(conn, segment_id, len(found), at, at + _EVERY)
        return True

    def _move(self, segment_id: bytes, members: list[int], at: datetime, move: Move) -> None:
        # In parts, each with a commit: sales wait no longer than for one of them. What a crash leaves undone
        # is still due, and done by the next count.
        for first in range(0, len(members), _AT_ONCE):
            with self.database.begin() as conn:
                move(conn, segment_id, members[first : first + _AT_ONCE], at)
