"""A column among many values, bound as one: the text of the statement never depends on how many there are.

A parameter for each value costs more than finding its row: of thousands most of a statement's time goes into
writing and reading its text.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Connection, Dialect, any_, func, literal, select
from sqlalchemy.types import UserDefinedType


class _Array(UserDefinedType[Any]):
    """An array as its text in SQL. The server takes it for a value of that type and plans with it: a text
    that is cast there would be read once for each row that it is held against."""

    cache_ok = True
    render_bind_cast = True

    def __init__(self, of: str) -> None:
        self.of = of

    def get_col_spec(self, **_: Any) -> str:
        """The type's name in SQL."""
        return f"{self.of}[]"

    def bind_processor(self, dialect: Dialect) -> Callable[[Any], str]:
        """Whole numbers as they are, bytes as their digits."""
        if self.of == "BYTEA":
            return lambda values: "{" + ",".join(f'"\\\\x{value.hex()}"' for value in values) + "}"
        return lambda values: "{" + ",".join(map(str, values)) + "}"


_NUMBERS, _BYTES = _Array("BIGINT"), _Array("BYTEA")


def among(conn: Connection, column: ColumnElement[Any], values: Collection[int]) -> ColumnElement[bool]:
    """Whether a whole-number column is one of the values; of none nothing is.

    Args:
        conn: for its dialect alone.
        column: BIGINT or smaller.
        values: whole numbers, in any order.
    """
    if conn.dialect.name == "postgresql":
        return column == any_(literal(values, _NUMBERS))
    listed = func.json_each(orjson.dumps(list(values)).decode()).table_valued("value")
    return column.in_(select(listed.c.value))


def among_ids(conn: Connection, column: ColumnElement[Any], values: Collection[bytes]) -> ColumnElement[bool]:
    """As ``among`` for a column of bytes, such as ids; SQLite, which has no list of bytes, binds each."""
    if conn.dialect.name == "postgresql":
        return column == any_(literal(values, _BYTES))
    return column.in_(list(values))
