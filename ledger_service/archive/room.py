"""What the steps of an archive work with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection

from ledger_service.db.engine import Database
from ledger_service.kernel.clock import Clock

# Which of these batches stand in a settlement period that is closed for good.
Settled = Callable[[Connection, Sequence[int]], frozenset[int]]
# Told after each chapter: what was moved, and how many so far.
Note = Callable[[str, int], None]


@dataclass(frozen=True)
class Room:
    """The database, the clock, the folder of the files, and what the chain has settled.

    ``records`` is how many of them go in one db transaction, for which others that write may have to wait.
    """

    database: Database
    clock: Clock
    folder: Path
    settled: Settled
    records: int = 500
