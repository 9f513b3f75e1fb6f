"""Column types that mean the same on SQLite and PostgreSQL: instants as micros, bytes, 64-bit integers."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Dialect, Integer, LargeBinary
from sqlalchemy.types import TypeDecorator

from ledger_service.kernel.clock import instant_of_micros, micros_of

# SQLite makes only INTEGER an alias of its row id; it holds 64 bits all the same.
Int64 = BigInteger().with_variant(Integer(), "sqlite")


class UtcInstant(TypeDecorator[datetime]):
    """An aware UTC instant, stored as BIGINT microseconds since 1970; a naive datetime is refused."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        """The micros of an aware datetime."""
        return None if value is None else micros_of(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """The aware UTC datetime of stored micros."""
        return None if value is None else instant_of_micros(value)


class Bytes(TypeDecorator[bytes]):
    """Raw bytes (BYTEA, BLOB), of a fixed length where one is given; other types are refused."""

    impl = LargeBinary
    cache_ok = True

    def __init__(self, fixed: int | None = None) -> None:
        super().__init__()
        self.fixed = fixed

    def process_bind_param(self, value: bytes | None, dialect: Dialect) -> bytes | None:
        """The bytes themselves, once type and length are right."""
        if value is None:
            return None
        if type(value) is not bytes or (self.fixed is not None and len(value) != self.fixed):
            raise ValueError(f"expected {self.fixed or 'any number of'} bytes")
        return value

    def process_result_value(self, value: Any, dialect: Dialect) -> bytes | None:
        """The stored bytes."""
        return None if value is None else bytes(value)
