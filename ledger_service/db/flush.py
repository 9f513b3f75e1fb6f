"""Writing a working set: one statement for each table and kind of change, numbered records last."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import Connection, Table

from ledger_service.db.bulk import Row
from ledger_service.db.errors import RowVanished
from ledger_service.db.heads import take_numbers
from ledger_service.db.tables import metadata
from ledger_service.db.workset import Numbered, Workset

T = TypeVar("T")
_positions: dict[Table, int] = {}


def flush(
    conn: Connection, work: Workset, recorded_at: datetime, numbered: Callable[[], None] | None = None
) -> None:
    """Everything absorbed is written; the caller commits.

    Args:
        conn: the db transaction that loaded the working set.
        work: what to write.
        recorded_at: the instant that numbered records carry as the time of writing.
        numbered: called once the numbers are known and before the numbered rows are written; may absorb
            further drafts, which must not number anything.

    Raises:
        RowVanished: a row that was loaded is gone.

    Locks: the head row last; what ``numbered`` adds is written under it.
    """
    _write_plain(conn, work)
    if work.numbered:
        _give_numbers(conn, work.numbered)
    if numbered is not None:
        numbered()
        _write_plain(conn, work)
    if work.numbered:
        _write_numbered(conn, work, recorded_at)


def _write_plain(conn: Connection, work: Workset) -> None:
    for table, ensured in _in_order(work.ensured):
        work.sql(table).insert(conn, _by_key(ensured), or_ignore=True)
        work.opening.update((table.name, key) for key in ensured)
    for table, inserted in _in_order(work.inserted):
        if inserted:
            work.sql(table).insert(conn, _by_key(inserted))
    for table, changed in _in_order(work.changed):
        columns = tuple(sorted(set().union(*changed.values())))
        rows = [row for key in sorted(changed) if (row := work.get(table, key)) is not None]
        if work.sql(table).update(conn, columns, rows) != len(rows):
            raise RowVanished(table.name)
    work.ensured, work.inserted, work.changed = {}, {}, {}


def _give_numbers(conn: Connection, records: list[Numbered]) -> None:
    entries = sum(r.series.column == "sequence" for r in records)
    last = take_numbers(conn, entries, len(records) - entries)._asdict()
    for record in records:
        last[record.series.column] += 1
        record.number = last[record.series.column]


def _write_numbered(conn: Connection, work: Workset, recorded_at: datetime) -> None:
    rows: dict[Table, list[Row]] = {}
    for record in work.numbered:
        for table, row in record.series.rows(record.number or 0, record.record, recorded_at):
            rows.setdefault(table, []).append(row)
    for table, some in _in_order(rows):
        work.sql(table).insert(conn, some)
    work.numbered = []


def _in_order(by_table: dict[Table, T]) -> list[tuple[Table, T]]:
    if len(by_table) < 2:
        return list(by_table.items())
    return sorted(by_table.items(), key=lambda pair: _position(pair[0]))


def _position(table: Table) -> int:
    place = _positions.get(table)
    if place is None:
        _positions.clear()
        _positions.update({t: i for i, t in enumerate(metadata.sorted_tables)})
        place = _positions.setdefault(table, len(_positions))
    return place


def _by_key(rows: dict[tuple[Any, ...], Row]) -> list[Row]:
    # One order in every process, so that two writers that meet on a UNIQUE key wait and never deadlock.
    return [rows[key] for key in sorted(rows)]

