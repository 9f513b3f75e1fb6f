"""A run of `alliance archive` that kills itself as `kill -9` does, before the statement or write of a number.

``python -m tests.integration.archive.victim URL FOLDER NOW NUMBER``; prints how many there were if it lives.
"""

from __future__ import annotations

import os
import signal
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import event

from ledger_service.archive import books
from ledger_service.archive.file import ArchiveFile
from ledger_service.archive.room import Room
from ledger_service.archive.service import archive
from ledger_service.db.engine import open_database
from tests.integration.archive.old_ledger import BEFORE, every_period_is_closed
from tests.integration.checkout.shop import StandingClock


class Fate:
    """Counts what happens, and ends the process before the thing of a number."""

    def __init__(self, number: int) -> None:
        self.number, self.seen = number, 0

    def pass_by(self, *_: Any) -> None:
        self.seen += 1
        if self.seen == self.number:
            os.kill(os.getpid(), signal.SIGKILL)


class DeadlyFile(ArchiveFile):
    """Dies before it writes, in the middle of what it writes, and after."""

    fate: Fate

    def append(self, at_byte: int, data: bytes) -> None:
        self.fate.pass_by()
        if self.fate.seen + 1 == self.fate.number and data:
            super().append(at_byte, data[: len(data) // 2])
        self.fate.pass_by()
        super().append(at_byte, data)
        self.fate.pass_by()


def main(url: str, folder: str, now: str, number: str) -> None:
    fate = DeadlyFile.fate = Fate(int(number))
    database = open_database(url)
    event.listen(database.writing, "before_cursor_execute", fate.pass_by)
    event.listen(database.writing, "commit", fate.pass_by)
    books.ArchiveFile = DeadlyFile  # type: ignore[misc]  # the lines to die at
    room = Room(database, StandingClock(datetime.fromisoformat(now)), Path(folder), every_period_is_closed, 4)
    archive(room, BEFORE, lambda _what, _done: None)
    database.close()
    print(fate.seen)


if __name__ == "__main__":
    main(*sys.argv[1:])
