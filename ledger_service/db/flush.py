"""Writing a working set: one statement for each table and kind of change, numbered records last."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import Connection, Table

from ledger_service.db.bulk import Row
from ledger_service.db.errors import RowVanished
from ledger_service.db.heads import heads_before, ledger_head, taking_numbers
from ledger_service.db.send import Outcome, Statement, send
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
    pending = _Pending(conn)
    _plan_plain(pending, work)
    if work.numbered:
        _give_numbers(pending, work.numbered)
    if numbered is not None:
        pending.send()
        numbered()
        _plan_plain(pending, work)
    if work.numbered:
        _plan_numbered(pending, work, recorded_at)
    pending.send()


class _Pending:
    """Statements that wait to be sent together, and how many rows each must touch."""

    def __init__(self, conn: Connection) -> None:
        self.conn = conn
        self._statements: list[Statement] = []
        self._expected: list[tuple[str, int | None]] = []

    def add(self, table: Table, statement: Statement, expected: int | None = None) -> None:
        self._statements.append(statement)
        self._expected.append((table.name, expected))

    def send(self) -> list[Outcome]:
        statements, expected = self._statements, self._expected
        self._statements, self._expected = [], []
        outcomes = send(self.conn, statements)
        for outcome, (table, count) in zip(outcomes, expected, strict=True):
            if count is not None and outcome.touched != count:
                raise RowVanished(table)
        return outcomes


def _plan_plain(pending: _Pending, work: Workset) -> None:
    for table, ensured in _in_order(work.ensured):
        pending.add(table, work.sql(table).inserting(_by_key(ensured), or_ignore=True))
        work.opening.update((table.name, key) for key in ensured)
    for table, inserted in _in_order(work.inserted):
        if inserted:
            pending.add(table, work.sql(table).inserting(_by_key(inserted)))
    for table, appended in _in_order(work.appended):
        pending.add(table, work.sql(table).appending(appended))
    for table, changed in _in_order(work.changed):
        columns = tuple(sorted(set().union(*changed.values())))
        rows = [row for key in sorted(changed) if (row := work.get(table, key)) is not None]
        pending.add(table, work.sql(table).updating(columns, rows), len(rows))
    work.ensured, work.inserted, work.appended, work.changed = {}, {}, {}, {}


def _give_numbers(pending: _Pending, records: list[Numbered]) -> None:
    entries = sum(r.series.column == "sequence" for r in records)
    pending.add(ledger_head, taking_numbers(pending.conn, entries, len(records) - entries))
    last = heads_before(pending.send()[-1], entries, len(records) - entries)._asdict()
    for record in records:
        last[record.series.column] += 1
        record.number = last[record.series.column]


def _plan_numbered(pending: _Pending, work: Workset, recorded_at: datetime) -> None:
    rows: dict[Table, list[Row]] = {}
    for record in work.numbered:
        for table, row in record.series.rows(record.number or 0, record.record, recorded_at):
            rows.setdefault(table, []).append(row)
    for table, some in _in_order(rows):
        pending.add(table, work.sql(table).inserting(some))
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
