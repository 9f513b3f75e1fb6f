"""Who plays which part in the story of the main run: picked from the data, the same in every run."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from ledger_service.demo.dataset import stream
from ledger_service.demo.share_rules import RING_AT, RING_BUYS, RING_PAYS
from ledger_service.kernel.clock import instant_of_seconds, parse_instant, seconds_floor

# Parts go to households that shop on the first day, before anything happens, and most often in nine days.
_FIRST_DAY_UNTIL = seconds_floor(parse_instant("2017-01-01T21:00:00Z", "cast"))
_PARTS = 4
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
    rows = _regulars(data)
    return Cast(*rows) if len(rows) == _PARTS else None


def ring_of(data: Path, count: int) -> list[int]:
    """The households that only refer each other: of those that shop on the first day, and have no other part,
    those that after they have met most often pay for enough at the ring's merchant.
    """
    taken, early, often = set(_regulars(data)), set[int](), Counter[int]()
    for basket in stream(data, 0, instant_of_seconds(_WATCHED_UNTIL)):
        if seconds_floor(basket.at) < _FIRST_DAY_UNTIL:
            early.add(basket.household)
        paid = sum(line.paid_minor for line in basket.checkouts.get(RING_BUYS, ()))
        often[basket.household] += paid >= RING_PAYS and seconds_floor(basket.at) > RING_AT + 7_200
    return sorted(early - taken, key=lambda household: (-often[household], household))[:count]


def firsts_of(data: Path) -> list[tuple[int, int]]:
    """Every household but the cast's with the instant of its first basket (seconds), earliest first."""
    cast = set(_regulars(data))
    query = "SELECT household, min(at_seconds) AS first FROM basket GROUP BY household ORDER BY 2, 1"
    return [(household, first) for household, first in _asked(data, query) if household not in cast]


def _regulars(data: Path) -> list[int]:
    query = (
        "SELECT household FROM basket WHERE at_seconds < ? GROUP BY household"
        f" HAVING sum(at_seconds < ?) > 0 ORDER BY count(*) DESC, household LIMIT {_PARTS}"
    )
    return [household for (household,) in _asked(data, query, (_WATCHED_UNTIL, _FIRST_DAY_UNTIL))]


def _asked(data: Path, query: str, given: Sequence[int] = ()) -> list[tuple[int, ...]]:
    with closing(sqlite3.connect(f"file:{data}?mode=ro", uri=True)) as connection:
        return list(connection.execute(query, given))
