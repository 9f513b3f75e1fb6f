"""Writing an export's tables, row by row in bounded memory, with their counts, sums and digests."""

from __future__ import annotations

import csv
import fcntl
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from ledger_service.moving_in.errors import ParquetReaderMissing
from ledger_service.moving_in.files import digest_of

CSV, PARQUET = "csv", "parquet"
Cells = tuple[str, ...]


@dataclass(frozen=True)
class Wish:
    """What is to be exported: in which form, and of which merchant alone (GLN), or of all."""

    form: str = CSV
    merchant: int | None = None


@contextmanager
def unfinished(folder: Path) -> Iterator[Path]:
    """A folder to write in, which has the name of ``folder`` once the block has ended well and it is on disk.

    Locks: the folder that is written, against another process that writes the same.

    Raises:
        FileExistsError: the folder is there, or another process is writing it.
    """
    if folder.exists():
        raise FileExistsError(folder)
    beside = folder.with_name(f"{folder.name}.unfinished")
    beside.mkdir(parents=True, mode=0o700, exist_ok=True)
    held = os.open(beside, os.O_RDONLY | os.O_DIRECTORY)
    try:
        _lock(held, beside)
        _empty(beside)
        yield from _removed_unless_whole(beside)
        _settle(beside)
        beside.rename(folder)
        _sync(folder.parent)
    finally:
        os.close(held)


def _lock(held: int, beside: Path) -> None:
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise FileExistsError(beside) from None
    # It may have got its name between the look and the lock.
    if not beside.exists() or os.fstat(held).st_ino != beside.stat().st_ino:
        raise FileExistsError(beside)


def _removed_unless_whole(beside: Path) -> Iterator[Path]:
    try:
        yield beside
    except BaseException:
        _empty(beside)
        beside.rmdir()
        raise


def _empty(folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()


def _settle(folder: Path) -> None:
    for path in (*sorted(folder.iterdir()), folder):
        _sync(path)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


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
