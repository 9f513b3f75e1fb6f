"""The job that counts segments: whoever a rule takes in enters, whoever it takes in no more leaves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

import orjson
from sqlalchemy import Connection, RowMapping

from ledger_service.db.engine import Database
from ledger_service.insight.segmenting import members_of
from ledger_service.members.segments.queries import due, present
from ledger_service.members.segments.rules import rule_of
from ledger_service.members.segments.service import Counted, counted, enter, leave, put_off

Move = Callable[[Connection, bytes, Sequence[int], datetime], None]
_EVERY, _AFTER_FAILURE = timedelta(days=1), timedelta(hours=1)
_AT_ONCE = 5_000
# Over a million customers the dearest rule takes its time on a busy server, and nobody waits for it.
_MOST_MILLIS = 120_000


class Done(NamedTuple):
    """A segment that was counted: its members, and how many of them came or went."""

    merchant_id: int
    code: str
    size: int
    moved: int


@dataclass(frozen=True)
class Segmenting:
    """Segments of a database, counted once a day and whenever their rule changes."""

    database: Database
    now: Callable[[], datetime]

    def step(self) -> bool:
        """The segment that is due first is counted; returns whether one was."""
        return self.count_next() is not None

    def count_next(self) -> Done | None:
        """The segment that is due first is counted; None where none is due.

        One that fails, because it takes longer than a statement may say, is put off: those of other merchants
        do not wait behind it.
        """
        at = self.now()
        with self.database.snapshot() as conn:
            row = due(conn, at)
        if row is None:
            return None
        outcome = Counted(row["segment_id"], row["version"], at)
        try:
            done = self._count(row, at)
            outcome = outcome._replace(size=done.size)
        except Exception:
            with self.database.begin() as conn:
                put_off(conn, outcome, at + _AFTER_FAILURE)
            raise
        with self.database.begin() as conn:
            counted(conn, outcome, at + _EVERY)
        return done

    def _count(self, row: RowMapping, at: datetime) -> Done:
        segment_id = row["segment_id"]
        with self.database.snapshot(_MOST_MILLIS) as conn:
            found = members_of(conn, row["merchant_id"], rule_of(orjson.loads(row["body"])), at)
            there = present(conn, segment_id)
        come, gone = [member for member in found if member not in there], sorted(there.difference(found))
        self._move(segment_id, come, at, enter)
        self._move(segment_id, gone, at, leave)
        return Done(row["merchant_id"], row["code"], len(found), len(come) + len(gone))

    def _move(self, segment_id: bytes, members: list[int], at: datetime, move: Move) -> None:
        # In parts, each with a commit: sales wait no longer than for one of them. What a crash leaves undone
        # is still due, and done by the next count.
        for first in range(0, len(members), _AT_ONCE):
            with self.database.begin() as conn:
                move(conn, segment_id, members[first : first + _AT_ONCE], at)
