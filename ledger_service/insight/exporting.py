"""Everything that is held of a member, row by row, for the member itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any, NamedTuple

import orjson
from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    RowMapping,
    Table,
    and_,
    false,
    literal,
    or_,
    select,
    tuple_,
)

from ledger_service.db.tables import metadata
from ledger_service.db.types import Bytes, UtcInstant
from ledger_service.insight.holdings import HOLDINGS, Holding
from ledger_service.kernel.clock import format_instant, instant_of_micros, micros_of
from ledger_service.kernel.gs1 import gln_text

_MERCHANTS = ("merchant_id", "store_gln", "owner_id", "reader_id", "funder_merchant_id")
_SEALED = {"member_identity": "value_sealed", "member_card": "number_sealed"}
_PLACES = {holding.table: place for place, holding in enumerate(HOLDINGS)}
Open = Callable[[str, bytes], str]


class Shown(NamedTuple):
    """A row as the member sees it, and where it stands, for the page that goes on behind it."""

    table: str
    row: Mapping[str, Any]
    position: str


def export(conn: Connection, member_id: int, opens: Open, after: str | None, most: int) -> list[Shown]:
    """The rows that name a member, table by table, at most so many behind a position.

    Args:
        conn: a snapshot.
        member_id: whose.
        opens: the value of an identity of a kind that was sealed.
        after: position of the last row of the page before.
        most: rows, of whichever tables.
    """
    last, key = (None, None) if after is None else _read(after)
    programmes = _programmes(conn)
    shown: list[Shown] = []
    for holding in HOLDINGS[0 if last is None else _PLACES[last] :]:
        behind = key if holding.table == last else None
        for row in _rows(conn, holding, member_id, behind, most - len(shown)):
            shown.append(_shown(holding, row, programmes, opens))
        if len(shown) == most:
            break
    return shown


def _rows(
    conn: Connection, holding: Holding, member_id: int, behind: list[Any] | None, most: int
) -> Iterator[RowMapping]:
    table = metadata.tables[holding.table]
    its = select(table).where(_theirs(table, holding, member_id))
    order = _order(table)
    if behind is not None:
        last = [literal(_value(c, v), c.type) for c, v in zip(order, behind, strict=True)]
        its = its.where(tuple_(*order) > tuple_(*last))
    yield from conn.execute(its.order_by(*order).limit(most)).mappings()


def _theirs(table: Table, holding: Holding, member_id: int) -> ColumnElement[bool]:
    own = or_(false(), *(table.c[name] == member_id for name in holding.by))
    if holding.through is None:
        return own
    name, column = holding.through
    parent = metadata.tables[name]
    its = table.c[column].in_(select(parent.c[column]).where(parent.c.member_id == member_id))
    return and_(its, own) if holding.by else its


def _order(table: Table) -> list[Column[Any]]:
    return list(table.primary_key)


def _shown(holding: Holding, row: RowMapping, programmes: Mapping[int, str], opens: Open) -> Shown:
    table = metadata.tables[holding.table]
    sealed = _SEALED.get(holding.table)
    seen: dict[str, Any] = {}
    for column in table.c:
        # A copy: SQLAlchemy's names are of a kind of text that JSON does not take as a key.
        name, value = column.name[:], row[column.name]
        if name in holding.hidden or (name in holding.by and name == "member_id"):
            continue
        if name == sealed and value is not None:
            seen["value"] = opens(row.get("kind", "card"), bytes(value))
        elif name == "programme_id":
            seen["programme"] = None if value is None else programmes[value]
        else:
            seen[name] = _plain(name, value)
    key = [_plain_key(row[column.name]) for column in _order(table)]
    return Shown(holding.table, seen, orjson.dumps([holding.table, key]).decode())


def _plain(name: str, value: Any) -> Any:
    if name in _MERCHANTS and value is not None:
        return gln_text(value)
    if isinstance(value, datetime):
        return format_instant(value)
    return bytes(value).hex() if isinstance(value, (bytes, memoryview)) else value


def _plain_key(value: Any) -> Any:
    if isinstance(value, datetime):
        return micros_of(value)
    return bytes(value).hex() if isinstance(value, (bytes, memoryview)) else value


def _value(column: Column[Any], text: Any) -> Any:
    if isinstance(column.type, UtcInstant):
        return instant_of_micros(text)
    return bytes.fromhex(text) if isinstance(column.type, Bytes) else text


def _read(position: str) -> tuple[str, list[Any]]:
    table, key = orjson.loads(position)
    return table, key


def _programmes(conn: Connection) -> dict[int, str]:
    programme = metadata.tables["programme"]
    rows = conn.execute(select(programme.c.programme_id, programme.c.code))
    return {row.programme_id: row.code for row in rows}
