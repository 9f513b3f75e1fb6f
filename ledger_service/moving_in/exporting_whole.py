"""The part of an export that writes tables as they stand: definitions, rules, places, keys, papers, goods.

Members go by their number, merchants and stores by GLN, programmes by code, instants as RFC 3339, bytes
as hex. Secrets and keyed hashes stay behind (``contents.LEFT``). Rows of who was erased belong to nobody.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Column, Table, bindparam, select

from ledger_service.db.tables import metadata
from ledger_service.kernel.clock import format_instant
from ledger_service.kernel.gs1 import gln_text
from ledger_service.members.models import member
from ledger_service.merchants.business_day import day_text
from ledger_service.moving_in.contents import LEFT, WHOLE
from ledger_service.moving_in.snapshot import Export, pages
from ledger_service.points.catalogue import Programme

Row = Mapping[Any, Any]
# Bodies of events and holds are some KiB each.
_ROWS_AT_ONCE = 2_000
_GLNS = {
    "merchant_id": "merchant", "store_gln": "store", "gln": "gln", "merchant": "merchant", "debtor": "debtor",
    "creditor": "creditor", "payer": "payer", "payee": "payee", "funder": "funder", "acceptor": "acceptor",
}  # fmt: skip
_MEMBERS = {
    "member_id": "external_id", "sharer_id": "brought_by", "household_id": "household", "stays_id": "stays",
    "holder": "holder",
}  # fmt: skip
# Columns of bytes that hold JSON.
_JSON = frozenset({("epcis_event", "body"), ("day_line", "lines")})
_PROGRAMMES = {"programme_id": "programme", "target_id": "target"}
_NAMES = _GLNS | _MEMBERS | _PROGRAMMES | {"business_day": "business_date"}
_NUMBERS = select(member.c.member_id, member.c.member_number).where(
    member.c.member_id.in_(bindparam("ids", expanding=True)), member.c.member_number.is_not(None)
)


def columns_of(name: str) -> tuple[str, ...]:
    """The columns of a table's file, in the order of the table."""
    return tuple(_NAMES.get(column.name, str(column.name)) for column in _told(metadata.tables[name]))


def whole_tables(told: Export) -> Iterator[str]:
    """The tables of ``WHOLE`` that this export has are written; gives the table's name after each page."""
    for name in WHOLE:
        if name in told.tables:
            yield from _written(told, metadata.tables[name])


def _told(table: Table) -> list[Column[Any]]:
    left = LEFT.get(table.name, ())
    return [column for column in table.c if column.name not in left]


def _written(told: Export, table: Table) -> Iterator[str]:
    keys, columns = list(table.primary_key), _told(table)
    query = told.of_whom(select(table), table)
    for page in pages(told.conn, query, keys, _ROWS_AT_ONCE):
        rows = [row._mapping for row in page]
        reader = _Reader(told.programmes, _numbers(told, columns, rows))
        told.tables[table.name].add(
            [tuple(reader.cell(column, row[column.name]) for column in columns) for row in rows]
        )
        yield table.name


def _numbers(told: Export, columns: Sequence[Column[Any]], rows: Sequence[Row]) -> dict[int, str]:
    """The numbers of the members that a page names; who was erased has none."""
    naming = [column for column in columns if _is_member(column)]
    ids = {row[column.name] for column in naming for row in rows} - {None}
    if not ids:
        return {}
    found = told.conn.execute(_NUMBERS, {"ids": sorted(ids)})
    return {row.member_id: row.member_number for row in found}


def _is_member(column: Column[Any]) -> bool:
    return column.name in _MEMBERS and column.type.python_type is int


class _Reader:
    """Writes the rows of one table's page as text."""

    def __init__(self, programmes: Mapping[int, Programme], numbers: Mapping[int, str]) -> None:
        self._programmes, self._numbers = programmes, numbers

    def cell(self, column: Column[Any], value: Any) -> str:
        if value is None:
            return ""
        if column.name in _PROGRAMMES and value in self._programmes:
            return self._programmes[value].code
        if _is_member(column):
            return self._numbers.get(value, "")
        if column.name in _GLNS and isinstance(value, int):
            return gln_text(value)
        if column.name == "business_day":
            return day_text(value)
        return bytes(value).decode() if (column.table.name, column.name) in _JSON else _plain(value)


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (bytes, memoryview)):
        return bytes(value).hex()
    return format_instant(value) if isinstance(value, datetime) else str(value)
