"""Sums by key over more rows than memory should hold: they spill into a private temporary file.

Whoever audits a long chain must not need a machine that grows with it.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from heapq import merge

Key = tuple[bytes, int, int]
Row = tuple[bytes, int, int, int]
Leg = tuple[bytes, int]
ROWS_AT_ONCE = 2_000
_MOST_IN_MEMORY = 20_000
_CACHE_KIB = 4_096


class Scratch:
    """A temporary SQLite file that vanishes when it is closed."""

    def __init__(self) -> None:
        # An empty name: SQLite keeps it in its cache and, beyond that, in a file that nobody else sees.
        self.file = sqlite3.connect("", isolation_level=None)
        self.file.execute("PRAGMA journal_mode = OFF")
        self.file.execute("PRAGMA synchronous = OFF")
        self.file.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        self._tables = 0

    def table(self, columns: str) -> str:
        """A new table of these columns and constraints; returns its name."""
        self._tables += 1
        name = f"t{self._tables}"
        self.file.execute(f"CREATE TABLE {name} ({columns}) WITHOUT ROWID")
        return name

    def close(self) -> None:
        """The file is gone."""
        self.file.close()


class Tally:
    """Adds up points by (account, programme, epoch)."""

    def __init__(self, scratch: Scratch) -> None:
        self._file, self._waiting = scratch.file, Counter[Key]()
        columns = "a BLOB, p INTEGER, e INTEGER, n INTEGER NOT NULL, PRIMARY KEY (a, p, e)"
        self._table = scratch.table(columns)

    def add(self, changes: Iterable[tuple[Key, int]]) -> None:
        """The changes count."""
        for key, points in changes:
            self._waiting[key] += points
        if len(self._waiting) > _MOST_IN_MEMORY:
            self._spill()

    def rows(self) -> Iterator[Row]:
        """What is not zero, in the order of the keys."""
        self._spill()
        return iter(self._file.execute(f"SELECT a, p, e, n FROM {self._table} WHERE n <> 0 ORDER BY a, p, e"))

    def _spill(self) -> None:
        add = f"INSERT INTO {self._table} VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET n = n + excluded.n"
        self._file.execute("BEGIN")
        self._file.executemany(add, ((*key, points) for key, points in sorted(self._waiting.items())))
        self._file.execute("COMMIT")
        self._waiting.clear()


class RestoredLegs(Mapping[Leg, list[int]]):
    """[points of the leg, points restored of it so far] by (leaf, leg index); what is changed is kept."""

    def __init__(self, scratch: Scratch) -> None:
        self._file, self._near = scratch.file, dict[Leg, list[int]]()
        columns = (
            "leaf BLOB, leg INTEGER, most INTEGER NOT NULL, done INTEGER NOT NULL, PRIMARY KEY (leaf, leg)"
        )
        self._table = scratch.table(columns)

    def fill(self, legs: Iterable[tuple[bytes, int, int]]) -> None:
        """These legs are known, and nothing of them is restored yet."""
        self._file.execute("BEGIN")
        self._file.executemany(f"INSERT INTO {self._table} VALUES (?, ?, ?, 0)", legs)
        self._file.execute("COMMIT")

    def __getitem__(self, leg: Leg) -> list[int]:
        if leg not in self._near:
            if len(self._near) > _MOST_IN_MEMORY:
                self._spill()
            query = f"SELECT most, done FROM {self._table} WHERE leaf = ? AND leg = ?"
            row = self._file.execute(query, leg).fetchone()
            if row is None:
                raise KeyError(leg)
            self._near[leg] = list(row)
        return self._near[leg]

    def __iter__(self) -> Iterator[Leg]:
        return iter(self._file.execute(f"SELECT leaf, leg FROM {self._table}"))

    def __len__(self) -> int:
        return int(self._file.execute(f"SELECT COUNT(*) FROM {self._table}").fetchone()[0])

    def _spill(self) -> None:
        keep = f"UPDATE {self._table} SET done = ? WHERE leaf = ? AND leg = ?"
        self._file.execute("BEGIN")
        self._file.executemany(keep, ((done, *leg) for leg, (_, done) in self._near.items()))
        self._file.execute("COMMIT")
        self._near.clear()


def unequal(left: Iterable[Row], right: Iterable[Row]) -> Iterator[tuple[Key, int, int]]:
    """(key, left, right) wherever two ordered streams tell another figure; what is absent is zero."""
    ones, others = iter(left), iter(right)
    one, other = next(ones, None), next(others, None)
    while one is not None or other is not None:
        if other is None or (one is not None and one[:3] < other[:3]):
            yield from _differing(one, None)
            one = next(ones, None)
        elif one is None or other[:3] < one[:3]:
            yield from _differing(None, other)
            other = next(others, None)
        else:
            yield from _differing(one, other)
            one, other = next(ones, None), next(others, None)


def added(left: Iterable[Row], right: Iterable[Row]) -> Iterator[Row]:
    """The sums of two ordered streams, ordered."""
    here: Row | None = None
    for row in merge(left, right, key=lambda row: row[:3]):
        if here is not None and here[:3] == row[:3]:
            here = (*here[:3], here[3] + row[3])
            continue
        if here is not None:
            yield here
        here = row
    if here is not None:
        yield here


def _differing(left: Row | None, right: Row | None) -> Iterator[tuple[Key, int, int]]:
    told = left or right
    figures = (left[3] if left else 0, right[3] if right else 0)
    if told is not None and figures[0] != figures[1]:
        yield (told[0], told[1], told[2]), *figures
