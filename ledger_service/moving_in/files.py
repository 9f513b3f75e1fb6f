"""Reading the operator's files row by row, in bounded memory: CSV with the standard library, Parquet with
pyarrow.

A row that is no text, or has too few or too many fields, is still a row: it is given as broken, to be
rejected by its line. Only a file whose rows cannot be told apart is refused as a whole.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from hashlib import file_digest
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from ledger_service.kernel.clock import format_instant
from ledger_service.moving_in.errors import ImportFileMalformed, ParquetReaderMissing
from ledger_service.moving_in.rules import COLUMNS, CONSENT, FURTHER

_PARQUET_ROWS = 10_000
_FLAG = re.compile(CONSENT + "[a-z0-9_]{1,32}")


class Line(NamedTuple):
    """A row and the line it begins on (Parquet: as if a header were line 1); None where it is broken."""

    number: int
    row: dict[str, str] | None


def digest_of(path: Path) -> bytes:
    """SHA-256 of the file's bytes.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        return file_digest(file, "sha256").digest()


def chunks(path: Path, kind: str, skip: int, size: int) -> Iterator[list[Line]]:
    """The rows of a file behind the first ``skip``, in lists of ``size``.

    Raises:
        ImportFileMalformed: no header, other columns than the kind has, an unclosed quote.
        ParquetReaderMissing: Parquet without pyarrow.
    """
    rows = islice(lines(path, kind), skip, None)
    while some := list(islice(rows, size)):
        yield some


def lines(path: Path, kind: str) -> Iterator[Line]:
    """Every row of a file.

    Raises:
        ImportFileMalformed, ParquetReaderMissing: as ``chunks``.
    """
    return _parquet(path, kind) if path.suffix == ".parquet" else _csv(path, kind)


def header_of(path: Path, kind: str) -> list[str]:
    """The names of a file's columns.

    Raises:
        ImportFileMalformed, ParquetReaderMissing: as ``chunks``.
    """
    if path.suffix == ".parquet":
        return list(_opened_parquet(path, kind).schema_arrow.names)
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        return next(csv.reader(file, strict=True), [])


def _csv(path: Path, kind: str) -> Iterator[Line]:
    # Bytes that are no UTF-8 become lone surrogates, which no field takes: the row is rejected, not the file.
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        reader = csv.reader(file, strict=True)
        try:
            header = next(reader, [])
            _check_header(path, kind, header)
            yield from _rows(reader, header)
        except csv.Error as failure:
            raise ImportFileMalformed(path.name, reader.line_num, str(failure)) from None


def _rows(reader: Any, header: Sequence[str]) -> Iterator[Line]:
    before = reader.line_num
    for values in reader:
        if values:  # an empty line is no row
            whole = len(values) == len(header)
            yield Line(before + 1, dict(zip(header, values, strict=True)) if whole else None)
        before = reader.line_num


def _parquet(path: Path, kind: str) -> Iterator[Line]:
    number = 1
    for batch in _opened_parquet(path, kind).iter_batches(batch_size=_PARQUET_ROWS):
        for row in batch.to_pylist():
            number += 1
            values = {name: text for name, value in row.items() if (text := _as_text(value)) is not None}
            yield Line(number, values if len(values) == len(row) else None)


def _opened_parquet(path: Path, kind: str) -> Any:
    try:
        from pyarrow import ArrowInvalid
        from pyarrow.parquet import ParquetFile
    except ImportError:
        raise ParquetReaderMissing from None
    try:
        file = ParquetFile(path)
    except ArrowInvalid as failure:
        raise ImportFileMalformed(path.name, 1, str(failure)) from None
    _check_header(path, kind, file.schema_arrow.names)
    return file


def _as_text(value: Any) -> str | None:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return format_instant(value) if value.tzinfo is not None else None
    if isinstance(value, (int, date)):
        return str(value)
    return str(int(value)) if isinstance(value, Decimal) and value == int(value) else None


def _check_header(path: Path, kind: str, header: Sequence[str]) -> None:
    needed, known = COLUMNS[kind], (*COLUMNS[kind], *FURTHER[kind])
    missing = [name for name in needed if name not in header]
    strange = [n for n in header if n not in known and not (kind == "members" and _FLAG.fullmatch(n))]
    if missing or strange or len(set(header)) != len(header):
        reason = f"must have {', '.join(needed)} and may have {', '.join(FURTHER[kind]) or 'nothing else'}"
        raise ImportFileMalformed(path.name, 1, reason)
