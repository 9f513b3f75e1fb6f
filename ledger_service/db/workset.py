"""The working set of a group commit: rows loaded for many commands, decided on in Python, written once.

Every command works on a ``Draft``, a copy-on-write view: what it changes is seen by nobody until it
is absorbed, and forgotten when the command is refused. Later commands of the group see what earlier
ones did. Rows are mappings and must never be changed in place.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, Table

from ledger_service.db.bulk import Key, Row, TableSql, sql_of
from ledger_service.db.errors import NotLoaded
from ledger_service.db.heads import Series
from ledger_service.db.loads import Load, Need, load_by, load_first
from ledger_service.db.send import send

__all__ = ["Draft", "Load", "Need", "Numbered", "Workset", "load_by", "load_first"]


class Numbered:
    """A record that waits for its gapless number; ``number`` is None until the head row is locked."""

    __slots__ = ("number", "record", "series")

    def __init__(self, series: Series, record: Any) -> None:
        self.series = series
        self.record = record
        self.number: int | None = None


class Workset:
    """The rows of one group, as the database and the absorbed drafts have them."""

    def __init__(self, conn: Connection, opened: set[tuple[str, Key]] | None = None) -> None:
        self._conn = conn
        self._rows: dict[Table, dict[Key, Row]] = {}
        self._found: dict[Load, dict[Key, list[Key]]] = {}
        self._loads_of: dict[Table, list[Load]] = {}
        self._sql: dict[Table, TableSql] = {}
        self.opened = opened if opened is not None else set()
        self.opening: set[tuple[str, Key]] = set()
        self.inserted: dict[Table, dict[Key, Row]] = {}
        self.ensured: dict[Table, dict[Key, Row]] = {}
        self.appended: dict[Table, list[Row]] = {}
        self.changed: dict[Table, dict[Key, set[str]]] = {}
        self.numbered: list[Numbered] = []

    def sql(self, table: Table) -> TableSql:
        """The statements of a table."""
        sql = self._sql.get(table)
        if sql is None:
            sql = self._sql[table] = sql_of(table, self._conn)
        return sql

    def load(self, needs: Iterable[Need]) -> None:
        """The rows of every need are in the set afterwards; what it has already is not read again."""
        plan = [
            (load, keys, load.selects(self.sql(load.table), keys))
            for load, keys in self._missing(needs).items()
        ]
        outcomes = iter(send(self._conn, [one for _, _, statements in plan for one in statements]))
        for load, keys, statements in plan:
            sql = self.sql(load.table)
            self._take(load, keys, [row for _ in statements for row in sql.rows_of(next(outcomes))])

    def lock(self, needs: Iterable[Need]) -> None:
        """The rows of every need are locked and in the set afterwards.

        Locks: one statement a table, in the order of the tables' names, rows ascending by primary key.
        """
        by_table: dict[Table, dict[Load, list[Key]]] = {}
        for load, keys in self._missing(needs).items():
            by_table.setdefault(load.table, {})[load] = keys
        for table in sorted(by_table, key=lambda t: t.name):
            loads = by_table[table]
            rows = self.sql(table).lock(self._conn, {load.by: keys for load, keys in loads.items()})
            for load, keys in loads.items():
                wanted = set(keys)
                self._take(load, keys, [r for r in rows if load.key_of(r) in wanted])

    def forget(self) -> None:
        """Forget every row that was read, as after reads that no lock protected."""
        self._rows.clear()
        self._found.clear()
        self._loads_of.clear()

    def get(self, table: Table, pk: Any) -> Row | None:
        """The row with this primary key, or None where it is known not to exist.

        Raises:
            NotLoaded: no load has covered the key.
        """
        key = pk if type(pk) is tuple else (pk,)
        row = self._rows.get(table, {}).get(key)
        if row is None and not self._covers(table, key):
            raise NotLoaded(table.name, key)
        return row

    def keys(self, load: Load, key: Key) -> list[Key]:
        """Primary keys of the rows that a load found for a key.

        Raises:
            NotLoaded: the load was not made for the key.
        """
        try:
            return self._found[load][key]
        except KeyError:
            raise NotLoaded(load.table.name, key) from None

    def find(self, load: Load, *key: Any) -> list[Row]:
        """The rows of a need, in no particular order."""
        rows = self._rows.get(load.table, {})
        return [rows[pk] for pk in self.keys(load, key)]

    def one(self, load: Load, *key: Any) -> Row | None:
        """The row of a need whose load is by unique columns, or None."""
        found = self.find(load, *key)
        return found[0] if found else None

    def put(self, table: Table, key: Key, row: Row, new: bool) -> None:
        """Take a row over from an absorbed draft."""
        self._rows.setdefault(table, {})[key] = row
        if new:
            for load in self._loads_of.get(table, ()):
                pks = self._found[load].get(load.key_of(row))
                if pks is not None:
                    pks.append(key)

    def _missing(self, needs: Iterable[Need]) -> dict[Load, list[Key]]:
        missing: dict[Load, dict[Key, None]] = {}
        for load, key in needs:
            if key not in self._found.get(load, ()):
                missing.setdefault(load, {})[key] = None
        return {load: list(keys) for load, keys in missing.items()}

    def _take(self, load: Load, keys: list[Key], rows: list[dict[str, Any]]) -> None:
        found = self._found.setdefault(load, {})
        loads = self._loads_of.setdefault(load.table, [])
        if load not in loads:
            loads.append(load)
        for key in keys:
            found[key] = []
        mine = self._rows.setdefault(load.table, {})
        key_of = self.sql(load.table).key_of
        for row in rows:
            pk = key_of(row)
            # A row that is here already may have been changed since: the set's own wins.
            mine.setdefault(pk, row)
            found[load.key_of(row)].append(pk)

    def _covers(self, table: Table, pk: Key) -> bool:
        for load in self._loads_of.get(table, ()):
            if load.places is not None and tuple([pk[i] for i in load.places]) in self._found[load]:
                return True
        return False


class Draft:
    """What one command reads and means to write; seen by nobody else until ``absorb``."""

    __slots__ = ("_appended", "_base", "_ensured", "_numbered", "_over")

    def __init__(self, base: Workset) -> None:
        self._base = base
        self._over: dict[tuple[Table, Key], tuple[Row, bool, set[str]]] = {}
        self._ensured: list[tuple[Table, Key, Row]] = []
        self._appended: list[tuple[Table, Row]] = []
        self._numbered: list[Numbered] = []

    def get(self, table: Table, pk: Any) -> Row | None:
        """The row with this primary key as the command sees it, or None where it does not exist.

        Args:
            table: the table.
            pk: the primary key: a tuple in the order of its columns, or the bare value of a single column.

        Raises:
            NotLoaded: no load has covered the key.
        """
        key = pk if type(pk) is tuple else (pk,)
        mine = self._over.get((table, key))
        return mine[0] if mine is not None else self._base.get(table, key)

    def find(self, load: Load, *key: Any) -> list[Row]:
        """The rows of a load's key as the command sees them, its own new ones last.

        Raises:
            NotLoaded: the load was not declared for the key.
        """
        table = load.table
        rows = [self._seen(table, pk) for pk in self._base.keys(load, key)]
        for (owner, _), (row, new, _changed) in self._over.items():
            if new and owner is table and load.key_of(row) == key:
                rows.append(row)
        return rows

    def one(self, load: Load, *key: Any) -> Row | None:
        """The row of a load by unique columns, or None; raises as ``find``."""
        found = self.find(load, *key)
        return found[0] if found else None

    def add(self, table: Table, row: Row) -> Row:
        """The row will be inserted; columns it does not name get their scalar default or NULL.

        Returns:
            The whole row.
        """
        sql = self._base.sql(table)
        if not row.keys() <= sql.known:
            raise KeyError(f"{table.name} has no column {sorted(row.keys() - sql.known)}")
        whole = {**sql.defaults, **row}
        self._over[(table, sql.key_of(whole))] = (whole, True, set())
        return whole

    def ensure(self, table: Table, row: Row) -> None:
        """The row will exist after the commit; one with its key that is there already stays as it is."""
        whole = {**self._base.sql(table).defaults, **row}
        key = self._base.sql(table).key_of(whole)
        if (table.name, key) not in self._base.opened:
            self._ensured.append((table, key, whole))

    def append(self, table: Table, row: Row) -> None:
        """The row will be inserted under a key that the database gives; nobody in the group sees it."""
        self._appended.append((table, row))

    def change(self, table: Table, pk: Any, **values: Any) -> Row:
        """These columns of a loaded row will have these values; a load's columns and the key cannot change.

        Returns:
            The whole row as it will be.

        Raises:
            NotLoaded: no load has covered the key.
            KeyError: the row does not exist, or a column that does not.
        """
        key = pk if type(pk) is tuple else (pk,)
        mine = self._over.get((table, key))
        row = mine[0] if mine is not None else self._base.get(table, key)
        if row is None or not values.keys() <= row.keys():
            raise KeyError(f"no row {table.name} {key} or no column {sorted(values)}")
        whole = {**row, **values}
        new, changed = (mine[1], mine[2] | values.keys()) if mine is not None else (False, set(values))
        self._over[(table, key)] = (whole, new, changed)
        return whole

    def number(self, series: Series, record: Any) -> Numbered:
        """The record will get the series' next number at the flush and become rows then."""
        numbered = Numbered(series, record)
        self._numbered.append(numbered)
        return numbered

    def records(self, series: Series) -> list[Any]:
        """What this command itself has given to a series."""
        return [numbered.record for numbered in self._numbered if numbered.series is series]

    def scratch(self) -> Draft:
        """A draft on the same rows that nobody absorbs: what is written there has never been."""
        return Draft(self._base)

    def absorb(self) -> None:
        """The group's working set has everything this draft meant to write; the draft is empty."""
        base = self._base
        for (table, key), (row, new, changed) in self._over.items():
            base.put(table, key, row, new)
            fresh = base.inserted.setdefault(table, {})
            if new or key in fresh:
                fresh[key] = row
            else:
                base.changed.setdefault(table, {}).setdefault(key, set()).update(changed)
        for table, key, row in self._ensured:
            base.ensured.setdefault(table, {}).setdefault(key, row)
        for table, row in self._appended:
            base.appended.setdefault(table, []).append(row)
        base.numbered += self._numbered
        self._over, self._ensured, self._appended, self._numbered = {}, [], [], []

    def _seen(self, table: Table, pk: Key) -> Row:
        row = self.get(table, pk)
        if row is None:
            raise NotLoaded(table.name, pk)
        return row
