"""Column types that mean the same on SQLite and PostgreSQL: instants as micros, bytes, 64-bit integers."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Dialect, Integer, LargeBinary
from sqlalchemy.types import TypeDecorator

from ledger_service.kernel.clock import instant_of_micros, micros_of

# SQLite makes only INTEGER an alias of its row id; it holds 64 bits all the same.
Int64 = BigInteger().with_variant(Integer(), "sqlite")


def instant_or_none(micros: int | None) -> datetime | None:
    """The aware UTC instant of stored micros; none stays none."""
    return None if micros is None else instant_of_micros(micros)


class UtcInstant(TypeDecorator[datetime]):
    """An aware UTC instant, stored as BIGINT microseconds since 1970; a naive datetime is refused."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        """The micros of an aware datetime."""
        return None if value is None else micros_of(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """The aware UTC datetime of stored micros."""
        return instant_or_none(value)


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
        return self.checked([value])[0]

    def checked(self, values: list[bytes | None]) -> list[bytes | None]:
        """The same values, once type and length of each are right."""
        fixed = self.fixed
        # A column without a gap in C; only one with gaps or with a fault in it is gone through here.
        if set(map(type, values)) == {bytes} and (fixed is None or set(map(len, values)) == {fixed}):  # type: ignore[arg-type]  # all bytes
            return values
        for value in values:
            if value is None:
                continue
            if type(value) is not bytes or (fixed is not None and len(value) != fixed):
                raise ValueError(f"expected {fixed or 'any number of'} bytes")
        return values

    def process_result_value(self, value: Any, dialect: Dialect) -> bytes | None:
        """The stored bytes."""
        return None if value is None else bytes(value)
