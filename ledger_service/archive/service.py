"""`alliance archive`: everything before a date that is over moves into one file, in bounded steps."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime

from ledger_service.archive import history, old_sales, stored_answers
from ledger_service.archive.books import Run, hold, next_run, run_under_way, seal
from ledger_service.archive.errors import ArchiveRefused
from ledger_service.archive.room import Note, Room
from ledger_service.archive.rules import youngest_allowed
from ledger_service.kernel.clock import format_instant


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run has moved, why the next entry stays, the root of its file (None where nothing moved)."""

    file: str
    before: datetime
    entries: int
    answers: int
    sales: int
    stays: str
    sellers_kept: int
    root: bytes | None


def archive(room: Room, before: datetime, note: Note) -> Outcome:
    """What was written before the date and is over stands in a sealed file.

    An archive that another run has begun is finished first, by its own date.

    Idempotency: run it again after it was cut off; what was moved stays moved, nothing moves twice.

    Args:
        room: database, clock, folder.
        before: aware; at least a month ago.
        note: told after each step.

    Raises:
        ArchiveRefused: the date is too young, an entry is not what its hash says, or the file is not there.
    """
    allowed = youngest_allowed(room.clock.now())
    if before > allowed:
        raise ArchiveRefused(f"only what is older than a month is archived: before {format_instant(allowed)}")
    with room.database.read() as conn:
        run = run_under_way(conn) or next_run(conn, before)
    entries, stays = _entries(room, run, note)
    sales, kept = _sales(room, run, note)
    answers = _answers(room, run, note)
    return Outcome(run.file, run.before, entries, answers, sales, stays, kept, _sealed(room, run))


def _entries(room: Room, run: Run, note: Note) -> tuple[int, str]:
    total, stays = 0, ""
    while not stays:
        begun = time.monotonic()
        moved, stays = history.step(room, run)
        total += moved
        note("entries", total)
        if moved < room.records:
            break
        _give_way(begun)
    return total, stays


def _answers(room: Room, run: Run, note: Note) -> int:
    total, after = 0, stored_answers.FIRST
    while keys := stored_answers.candidates(room, run, after):
        begun = time.monotonic()
        total += stored_answers.move(room, run, keys)
        after = keys[-1]
        note("answers", total)
        _give_way(begun)
    return total


def _sales(room: Room, run: Run, note: Note) -> tuple[int, int]:
    total, (listed, kept) = 0, old_sales.sellers(room, run)
    for seller in listed:
        after: old_sales.Position | None = None
        while positions := old_sales.candidates(room, seller, after):
            begun = time.monotonic()
            total += old_sales.move(room, run, positions)
            after = positions[-1]
            note("sales", total)
            _give_way(begun)
    return total, kept


def _give_way(begun: float) -> None:
    # Half of the time belongs to the tills: on SQLite nobody else writes during a step.
    time.sleep(time.monotonic() - begun)


def _sealed(room: Room, run: Run) -> bytes | None:
    with room.database.begin() as conn:
        if run_under_way(conn) is None:
            return None
        hold(conn, room, run)
        return seal(conn, room, run)
