"""What a command wishes to have in its working set: rows of a table by columns, by one key each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import Table

from ledger_service.db.bulk import Key, Row, TableSql, picker
from ledger_service.db.send import Statement


@dataclass(frozen=True, slots=True, eq=False)
class Load:
    """A way to find rows: a table and columns that must equal a key. There is one of each (``load_by``).

    Where ``least`` names a column, only the row of each key that has the least of it. ``key_of`` gives the
    key of a row. ``places`` are where the columns stand in the primary key, None where not all are in it.
    """

    table: Table
    by: tuple[str, ...]
    least: str | None = None
    key_of: Callable[[Row], Key] = field(init=False)
    places: tuple[int, ...] | None = field(init=False)

    def __post_init__(self) -> None:
        names = [column.name for column in self.table.primary_key.columns]
        within = set(self.by) <= set(names)
        object.__setattr__(self, "key_of", picker(self.by))
        object.__setattr__(self, "places", tuple(map(names.index, self.by)) if within else None)

    def selects(self, sql: TableSql, keys: Sequence[Key]) -> list[Statement]:
        """The statements that read the rows of these keys."""
        return sql.selects(self.by, keys) if self.least is None else sql.firsts(self.by, self.least, keys)

    def of(self, *key: Any) -> Need:
        """The wish to have the rows of one key loaded."""
        return Need(self, key)


class Need(NamedTuple):
    """A load and the key to load."""

    load: Load
    key: Key


@cache
def load_by(table: Table, *columns: str) -> Load:
    """The load of ``table`` by these columns."""
    return Load(table, columns)


@cache
def load_first(table: Table, least: str, *columns: str) -> Load:
    """The load of the one row of each key that has the least ``least``; never locked.

    What commands of the group have added to the key comes with it.
    """
    return Load(table, columns, least)
