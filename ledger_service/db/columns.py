"""How the cells of a column become the driver's, and back: a column at a time, as a call a cell is dear."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Boolean, Dialect, LargeBinary, String
from sqlalchemy.types import TypeDecorator, TypeEngine

from ledger_service.db.types import Bytes, UtcInstant, instant_or_none
from ledger_service.kernel.clock import micros_of


def _same(values: list[Any]) -> list[Any]:
    return values


def binder(kind: TypeEngine[Any], dialect: Dialect) -> Callable[[list[Any]], list[Any]]:
    """What turns a column of values into the driver's; a call for each value would be a tenth of a sale's."""
    if isinstance(kind, Bytes):
        # Not the driver's wrapping of bytes: arrays are written out here, and SQLite takes bytes as they are.
        return kind.checked
    if isinstance(kind, UtcInstant):
        return _micros_of_all
    if isinstance(kind, (LargeBinary, String, Boolean)):
        return _same
    bind = kind.dialect_impl(dialect).bind_processor(dialect)
    if bind is None:
        return _same
    return lambda values: list(map(bind, values))


def _micros_of_all(instants: list[Any]) -> list[Any]:
    # Rows that are written together mostly share one instant, so that it is converted once.
    before, bound, out = None, None, []
    for instant in instants:
        if instant is not before:
            before, bound = instant, None if instant is None else micros_of(instant)
        out.append(bound)
    return out


def loader(kind: TypeEngine[Any], dialect: Dialect) -> Callable[[Any], Any] | None:
    """What turns one value of the driver's into Python's; None where they are the same."""
    if isinstance(kind, (Bytes, LargeBinary)):
        return None  # both drivers answer bytes
    if isinstance(kind, UtcInstant):
        return instant_or_none
    return kind.dialect_impl(dialect).result_processor(dialect, None)


def array_literal_of(kind: TypeEngine[Any]) -> Callable[[list[Any]], str]:
    """What writes a column of the driver's values as one PostgreSQL array."""
    base = kind.impl_instance if isinstance(kind, TypeDecorator) else kind
    if isinstance(base, LargeBinary):
        return _bytes_array
    return _text_array if isinstance(base, String) else _plain_array


def _plain_array(values: list[Any]) -> str:
    return "{" + ",".join(["NULL" if v is None else str(v) for v in values]) + "}"


def _bytes_array(values: list[Any]) -> str:
    return "{" + ",".join(["NULL" if v is None else '"\\\\x' + v.hex() + '"' for v in values]) + "}"


def _text_array(values: list[Any]) -> str:
    quoted = [
        "NULL" if v is None else '"' + v.replace("\\", "\\\\").replace('"', '\\"') + '"' for v in values
    ]
    return "{" + ",".join(quoted) + "}"
