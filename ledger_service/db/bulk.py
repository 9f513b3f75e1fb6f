"""Set-based SQL for one table: rows by key, inserts and updates of many rows in one statement.

On PostgreSQL many rows travel as one array a column (``unnest``), so that the text of a statement
never depends on their number and stays prepared. On SQLite they are an ``executemany``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import chain
from operator import itemgetter
from typing import Any, TypeVar

from sqlalchemy import Connection, Dialect, Table

from ledger_service.db.columns import array_literal_of, binder, loader
from ledger_service.db.send import Outcome, Statement, send

Row = Mapping[str, Any]
Cells = tuple[Any, ...]
Key = tuple[Any, ...]
T = TypeVar("T")
_MOST_VARIABLES = 20_000


class TableSql:
    """The statements of one table in one dialect; made once and kept (``sql_of``)."""

    def __init__(self, table: Table, dialect: Dialect) -> None:
        self.table = table
        self.names = tuple(column.name for column in table.columns)
        self.key = tuple(column.name for column in table.primary_key.columns)
        self.key_of = picker(self.key)
        self.defaults = {c.name: _default_of(c) for c in table.columns}
        self.known = frozenset(self.names)
        self._postgres = dialect.name == "postgresql"
        self._name = dialect.identifier_preparer.format_table(table)
        self._quoted = {name: dialect.identifier_preparer.quote(name) for name in self.names}
        self._bind = {c.name: binder(c.type, dialect) for c in table.columns}
        self._literal = {c.name: array_literal_of(c.type) for c in table.columns}
        self._cast = {c.name: c.type.compile(dialect=dialect) for c in table.columns}
        results = [(i, loader(c.type, dialect)) for i, c in enumerate(table.columns)]
        self._results = [(i, load) for i, load in results if load is not None]
        self._texts: dict[Any, Any] = {}

    def selects(self, by: tuple[str, ...], keys: Sequence[Key]) -> list[Statement]:
        """Statements that read every row whose columns ``by`` equal one of the distinct ``keys``."""
        if self._postgres:
            sql = self._text(("select", by), lambda: self._select_postgres(by))
            return [Statement(sql, self._arrays(by, keys))]
        step = _MOST_VARIABLES // len(by)
        return [self._select_sqlite(by, keys[start : start + step]) for start in range(0, len(keys), step)]

    def firsts(self, by: tuple[str, ...], least: str, keys: Sequence[Key]) -> list[Statement]:
        """A statement for each key that reads the row with the least ``least``; as few as the keys are."""
        sql = self._text(("first", by, least), lambda: self._first(by, least))
        return [
            Statement(sql, tuple(self._bind[n]([v])[0] for n, v in zip(by, key, strict=True))) for key in keys
        ]

    def select(self, conn: Connection, by: tuple[str, ...], keys: Sequence[Key]) -> list[dict[str, Any]]:
        """Every row whose columns ``by`` equal one of the distinct ``keys``."""
        return [row for outcome in send(conn, self.selects(by, keys)) for row in self.rows_of(outcome)]

    def lock(self, conn: Connection, keys: Mapping[tuple[str, ...], Sequence[Key]]) -> list[dict[str, Any]]:
        """Lock the rows named by any of several unique columns, in ascending order of their primary key."""
        if not self._postgres:
            found = [row for by, some in keys.items() for row in self.select(conn, by, some)]
            return list({self.key_of(row): row for row in found}.values())
        parts = tuple(sorted(keys))
        sql = self._text(("lock", parts), lambda: self._lock_postgres(parts))
        values = tuple(a for by in parts for a in self._arrays(by, keys[by]))
        return self.rows_of(send(conn, [Statement(sql, values)])[0])

    def inserting(self, rows: Sequence[Row], *, or_ignore: bool = False) -> Statement:
        """A statement that inserts rows which name every column."""
        tail = " ON CONFLICT DO NOTHING" if or_ignore else ""
        return self._inserting(self.names, self._columns(self.names, rows), tail)

    def appending(self, rows: Sequence[Row]) -> Statement:
        """A statement that inserts rows which name every column but the key, which the database gives."""
        names = tuple(name for name in self.names if name not in self.key)
        return self._inserting(names, self._columns(names, rows), "")

    def inserting_cells(
        self, names: tuple[str, ...], rows: Sequence[Cells], *, or_ignore: bool = False
    ) -> Statement:
        """As ``inserting``, for rows that are tuples in the order of ``names``: they cost less."""
        tail = " ON CONFLICT DO NOTHING" if or_ignore else ""
        return self._inserting(names, self._bound(names, rows), tail)

    def _inserting(self, names: tuple[str, ...], columns: list[list[Any]], tail: str) -> Statement:
        sql = self._text(("insert", names, tail), lambda: self._insert(names, tail))
        if self._postgres:
            return Statement(sql, self._arrays_of(names, columns))
        return Statement(sql, list(zip(*columns, strict=True)), True)

    def updating(self, columns: tuple[str, ...], rows: Sequence[Row]) -> Statement:
        """A statement that sets ``columns`` of the rows, found by primary key, to the rows' values."""
        return self._updating(columns, self._columns((*self.key, *columns), rows))

    def _updating(self, names: tuple[str, ...], columns: list[list[Any]]) -> Statement:
        """``columns`` hold the key's first, then those of ``names``."""
        if self._postgres:
            sql = self._text(("update", names), lambda: self._update_postgres(names))
            return Statement(sql, self._arrays_of((*self.key, *names), columns))
        sql, keys = self._text(("update", names), lambda: self._update_sqlite(names)), len(self.key)
        return Statement(sql, list(zip(*columns[keys:], *columns[:keys], strict=True)), True)

    def insert(self, conn: Connection, rows: Sequence[Row], *, or_ignore: bool = False) -> int:
        """Insert rows that name every column; with ``or_ignore`` those that exist stay as they are.

        Returns:
            How many rows are new.
        """
        return send(conn, [self.inserting(rows, or_ignore=or_ignore)])[0].touched

    def update(self, conn: Connection, columns: tuple[str, ...], rows: Sequence[Row]) -> int:
        """Set ``columns`` of the rows, found by primary key, to the rows' values.

        Returns:
            How many rows were found.
        """
        return send(conn, [self.updating(columns, rows)])[0].touched

    def insert_cells(self, conn: Connection, names: tuple[str, ...], rows: Sequence[Cells]) -> None:
        """Insert rows that are tuples in the order of ``names``."""
        send(conn, [self.inserting_cells(names, rows)])

    def update_cells(self, conn: Connection, columns: tuple[str, ...], rows: Sequence[Cells]) -> int:
        """As ``update``, for rows that are tuples: the primary key, then ``columns``."""
        return send(conn, [self._updating(columns, self._bound((*self.key, *columns), rows))])[0].touched

    def rows_of(self, outcome: Outcome) -> list[dict[str, Any]]:
        """The rows that a select or lock gave, by column, in the types of Python."""
        if not self._results:
            return [dict(zip(self.names, row, strict=True)) for row in outcome.rows]
        out = []
        for row in outcome.rows:
            cells = list(row)
            for i, load in self._results:
                cells[i] = load(cells[i])
            out.append(dict(zip(self.names, cells, strict=True)))
        return out

    def _columns(self, names: Iterable[str], rows: Sequence[Row]) -> list[list[Any]]:
        return [self._bind[name]([row[name] for row in rows]) for name in names]

    def _bound(self, names: tuple[str, ...], rows: Sequence[Cells]) -> list[list[Any]]:
        columns = zip(*rows, strict=True) if rows else ((),) * len(names)
        return [self._bind[name](list(column)) for name, column in zip(names, columns, strict=True)]

    def _text(self, key: Any, make: Callable[[], T]) -> T:
        text: T | None = self._texts.get(key)
        if text is None:
            text = self._texts[key] = make()
        return text

    def _list(self, names: Iterable[str], prefix: str = "") -> str:
        return ", ".join(prefix + self._quoted[name] for name in names)

    def _insert(self, names: tuple[str, ...], tail: str) -> str:
        head = f"INSERT INTO {self._name} ({self._list(names)})"
        if self._postgres:
            return f"{head} SELECT * FROM unnest({self._marks(names)}){tail}"
        return f"{head} VALUES ({', '.join('?' * len(names))}){tail}"

    def _marks(self, names: Iterable[str]) -> str:
        return ", ".join(f"%s::{self._cast[name]}[]" for name in names)

    def _select_sqlite(self, by: tuple[str, ...], keys: Sequence[Key]) -> Statement:
        marks = ", ".join([f"({', '.join('?' * len(by))})"] * len(keys))
        columns_of_keys = [self._bind[n]([key[i] for key in keys]) for i, n in enumerate(by)]
        flat = tuple(chain.from_iterable(zip(*columns_of_keys, strict=True)))
        # Only the marks depend on how many keys there are; the text around them is written once.
        before, after = self._text(("select", by), lambda: self._around_marks(by))
        return Statement(f"{before}{marks}{after}", flat)

    def _around_marks(self, by: tuple[str, ...]) -> tuple[str, str]:
        if len(by) == 1:
            return f"SELECT {self._list(self.names)} FROM {self._name} WHERE {self._list(by)} IN (", ")"
        # Not (a, b) IN (VALUES …), for which SQLite scans the table; CROSS keeps the keys the outer loop.
        on = " AND ".join(f"t.{self._quoted[n]} = k.{self._quoted[n]}" for n in by)
        columns = self._list(self.names, "t.")
        selected = f") SELECT {columns} FROM k CROSS JOIN {self._name} AS t ON {on}"
        return f"WITH k({self._list(by)}) AS (VALUES ", selected

    def _select_postgres(self, by: tuple[str, ...]) -> str:
        columns = self._list(self.names, "t.")
        if len(by) == 1:
            where = f"t.{self._quoted[by[0]]} = ANY({self._marks(by)})"
            return f"SELECT {columns} FROM {self._name} AS t WHERE {where}"
        on = " AND ".join(f"t.{self._quoted[n]} = k.{self._quoted[n]}" for n in by)
        keys = f"unnest({self._marks(by)}) AS k({self._list(by)})"
        return f"SELECT {columns} FROM {keys} JOIN {self._name} AS t ON {on}"

    def _first(self, by: tuple[str, ...], least: str) -> str:
        marks = {n: f"%s::{self._cast[n]}" if self._postgres else "?" for n in by}
        where = " AND ".join(f"{self._quoted[n]} = {mark}" for n, mark in marks.items())
        ordered = f"ORDER BY {self._quoted[least]} LIMIT 1"
        return f"SELECT {self._list(self.names)} FROM {self._name} WHERE {where} {ordered}"

    def _lock_postgres(self, parts: tuple[tuple[str, ...], ...]) -> str:
        if any(len(by) != 1 for by in parts):
            raise ValueError("rows are locked by single unique columns")
        where = " OR ".join(f"{self._quoted[by[0]]} = ANY({self._marks(by)})" for by in parts)
        # Not FOR UPDATE: foreign keys of other writers' rows may go on pointing here.
        return (f"SELECT {self._list(self.names)} FROM {self._name} WHERE {where}"
                f" ORDER BY {self._list(self.key)} FOR NO KEY UPDATE")  # fmt: skip

    def _update_sqlite(self, columns: tuple[str, ...]) -> str:
        sets = ", ".join(f"{self._quoted[c]} = ?" for c in columns)
        on = " AND ".join(f"{self._quoted[c]} = ?" for c in self.key)
        return f"UPDATE {self._name} SET {sets} WHERE {on}"

    def _update_postgres(self, columns: tuple[str, ...]) -> str:
        names = (*self.key, *columns)
        sets = ", ".join(f"{self._quoted[c]} = v.{self._quoted[c]}" for c in columns)
        on = " AND ".join(f"t.{self._quoted[c]} = v.{self._quoted[c]}" for c in self.key)
        return (f"UPDATE {self._name} AS t SET {sets} FROM unnest({self._marks(names)})"
                f" AS v({self._list(names)}) WHERE {on}")  # fmt: skip

    def _arrays(self, by: tuple[str, ...], keys: Sequence[Key]) -> tuple[str, ...]:
        return tuple([self._literal[n](self._bind[n]([k[i] for k in keys])) for i, n in enumerate(by)])

    def _arrays_of(self, names: tuple[str, ...], columns: list[list[Any]]) -> tuple[str, ...]:
        return tuple([self._literal[n](column) for n, column in zip(names, columns, strict=True)])


@lru_cache(maxsize=256)
def _sql_of(table: Table, dialect_name: str, dialect: Dialect) -> TableSql:
    return TableSql(table, dialect)


def sql_of(table: Table, conn: Connection) -> TableSql:
    """The statements of a table in the dialect of a connection."""
    return _sql_of(table, conn.dialect.name, conn.dialect)


def picker(names: tuple[str, ...]) -> Callable[[Row], Key]:
    """What gives the values of these columns of a row as a tuple, also where it is one column."""
    if len(names) > 1:
        return itemgetter(*names)
    (name,) = names
    return lambda row: (row[name],)


def _default_of(column: Any) -> Any:
    default = column.default
    return default.arg if default is not None and default.is_scalar else None
