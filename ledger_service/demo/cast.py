"""Who plays which part in the story of the main run: picked from the data, the same in every run."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ledger_service.kernel.clock import parse_instant, seconds_floor

# Parts go to households that shop on the first day, before anything happens, and most often in nine days.
_FIRST_DAY_UNTIL = seconds_floor(parse_instant("2017-01-01T21:00:00Z", "cast"))
_WATCHED_UNTIL = seconds_floor(parse_instant("2017-01-10T05:00:00Z", "cast"))


@dataclass(frozen=True, slots=True)
class Cast:
    """Households: who loses its phone, whose card takes up whose, and whose session is stolen."""

    loses_phone: int
    keeps_card: int
    gives_card_up: int
    session_stolen: int


def cast_of(data: Path) -> Cast | None:
    """The parts by how often a household shops; None where the data has too few on its first day."""
    connection = sqlite3.connect(f"file:{data}?mode=ro", uri=True)
    try:
        rows: Sequence[tuple[int]] = connection.execute(
            "SELECT household FROM basket WHERE at_seconds < ? GROUP BY household"
            " HAVING sum(at_seconds < ?) > 0 ORDER BY count(*) DESC, household LIMIT 4",
            (_WATCHED_UNTIL, _FIRST_DAY_UNTIL),
        ).fetchall()
    finally:
        connection.close()
    return Cast(*(household for (household,) in rows)) if len(rows) == 4 else None
