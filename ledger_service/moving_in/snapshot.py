"""What every part of an export works with: one snapshot of the database, read in pages, and its tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, literal, tuple_

from ledger_service.members.identities import IdentityVault
from ledger_service.moving_in.belonging import owned
from ledger_service.moving_in.writing import Table as Written
from ledger_service.points.catalogue import Programme

PAGE = 5_000


@dataclass(frozen=True)
class Export:
    """An export under way; ``at`` is when it began, ``consents`` what members can agree to, ``merchant`` the
    GLN of the one whose own rows alone are written, or ``None`` for everything.
    """

    conn: Connection
    vault: IdentityVault
    programmes: Mapping[int, Programme]
    tables: Mapping[str, Written]
    at: datetime
    consents: tuple[str, ...]
    merchant: int | None = None

    def of_whom(self, query: Any, table: Table) -> Any:
        """The query over a table, narrowed to the rows of the merchant for whom the export is."""
        return query if self.merchant is None else query.where(owned(table, self.merchant))


def pages(
    conn: Connection, query: Any, keys: Sequence[ColumnElement[Any]], most: int = PAGE
) -> Iterator[Sequence[Any]]:
    """The rows of a query, so many at a time, in the order of a unique key.

    Args:
        conn: the snapshot.
        query: selects the key's columns under their own names, beside others.
        keys: the key's columns, none of them ever NULL; an index begins with them.
        most: rows of a page.
    """
    ordered, after = query.order_by(*keys).limit(most), None
    while True:
        mine = ordered
        if after is not None:
            mine = ordered.where(tuple_(*keys) > tuple_(*map(literal, after, [key.type for key in keys])))
        page = conn.execute(mine).all()
        if not page:
            return
        yield page
        after = [getattr(page[-1], str(key.key)) for key in keys]
