"""Writing an export's tables, row by row in bounded memory, with their counts, sums and digests."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from ledger_service.moving_in.errors import ParquetReaderMissing
from ledger_service.moving_in.files import digest_of

CSV, PARQUET = "csv", "parquet"
Cells = tuple[str, ...]


class Sink(Protocol):
    """Where the rows of one table go."""

    def rows(self, some: Sequence[Cells]) -> None:
        """Rows in the order of the columns."""


class Table:
    """One table of an export: its file, its rows, its points by programme and what else is added up."""

    def __init__(self, path: Path, sink: Sink) -> None:
        self.path, self._sink = path, sink
        self.count = 0
        self.points: Counter[str] = Counter()
        self.sums: Counter[str] = Counter()

    def add(self, some: Sequence[Cells]) -> None:
        """These rows stand in the table."""
        if some:
            self.count += len(some)
            self._sink.rows(some)

    def document(self) -> dict[str, Any]:
        """What the export's own list says of the table, once it is closed."""
        told: dict[str, Any] = {"file": self.path.name, "rows": self.count}
        sums = {"sums": dict(self.sums)} if self.sums else {}
        return {**told, "points": dict(self.points), **sums, "sha256": digest_of(self.path).hex()}


@contextmanager
def open_table(folder: Path, name: str, columns: Sequence[str], form: str) -> Iterator[Table]:
    """A table of these columns, in CSV or Parquet; complete when the block ends.

    Raises:
        ParquetReaderMissing: Parquet without pyarrow.
    """
    path = folder / f"{name}.{form}"
    with (_parquet if form == PARQUET else _csv)(path, columns) as sink:
        yield Table(path, sink)


@contextmanager
def _csv(path: Path, columns: Sequence[str]) -> Iterator[Sink]:
    with path.open("x", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\r\n")
        writer.writerow(columns)
        yield _CsvSink(writer)


class _CsvSink:
    def __init__(self, writer: Any) -> None:
        self._writer = writer

    def rows(self, some: Sequence[Cells]) -> None:
        self._writer.writerows(some)


@contextmanager
def _parquet(path: Path, columns: Sequence[str]) -> Iterator[Sink]:
    try:
        import pyarrow
        from pyarrow.parquet import ParquetWriter
    except ImportError:
        raise ParquetReaderMissing from None
    schema = pyarrow.schema([(name, pyarrow.string()) for name in columns])
    with ParquetWriter(path, schema) as writer:
        yield _ParquetSink(pyarrow, writer, schema)


class _ParquetSink:
    def __init__(self, arrow: Any, writer: Any, schema: Any) -> None:
        self._arrow, self._writer, self._schema = arrow, writer, schema

    def rows(self, some: Sequence[Cells]) -> None:
        columns = [self._arrow.array(column, self._arrow.string()) for column in zip(*some, strict=True)]
        self._writer.write_table(self._arrow.Table.from_arrays(columns, schema=self._schema))
