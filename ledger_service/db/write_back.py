"""SQLite's log is written back into the database file beside the writer, not within its commits.

A commit is durable once it stands in the log (``-wal``). Copying those pages to their places in the database
file is needed only so that the log does not grow for ever; within a commit, as SQLite does it by itself, all
writers behind that commit wait for it. Here a thread of its own copies them, on connections of its own. It
decides nothing about data and never holds the gate for longer than the last few pages take.

A copy beside a writer meets a fault of SQLite before 3.51.3, 3.50.7 and 3.44.6: a writer that begins the log
anew in the instant in which a copy starts can make committed pages count as copied (sqlite.org/wal.html, "The
WAL-Reset Bug"). So every copy is made beside an open snapshot: either the snapshot reads from the log, and
then no writer may begin it anew, or it reads the file alone, and then SQLite lets nothing be copied. The log
is begun anew only behind the gate, where there is no writer.
"""

from __future__ import annotations

import os
import struct
import threading
from bisect import bisect_left
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from ledger_service.db.gate import Gate

# What a writer copies by itself within its commit, should the thread be dead or kept away: 128 MiB of 4 KiB.
BACKSTOP_PAGES = 32_000
# A log that readers or one huge commit made longer is cut to this when it is begun anew.
KEPT_LOG_BYTES = 64 << 20
# How long the thread may hold the gate for readers of the old log to go.
READERS_PATIENCE_MS = 20
_PAGE_BYTES = 4096
_HEADER, _FRAME_HEADER = 32, 24
_SALT_BYTES, _SALT_IN_HEADER, _SALT_IN_FRAME = 8, 16, 8
_NONE, _COPIES_BEFORE_ANEW = (0, 0, 0), 4


@dataclass(frozen=True)
class WriteBackLimits:
    """When something is done, in pages of the log; and the pause after it, in seconds."""

    copy_pages: int = 1_000
    anew_pages: int = 8_000
    behind_gate_pages: int = 200
    pause_seconds: float = 0.05


@dataclass
class WriteBackFigures:
    """What has been done since the start; read it without a lock, it only grows."""

    copies: int = 0
    begun_anew: int = 0
    failures: int = 0


class WriteBack:
    """Owns the thread that keeps one database file's log short; several processes may each have one.

    Idempotency: SQLite lets one connection copy at a time, others come back with nothing done.
    """

    def __init__(
        self, path: Path, engine: Engine, gate: Gate, limits: WriteBackLimits | None = None
    ) -> None:
        self.figures = WriteBackFigures()
        self._log = path.with_name(path.name + "-wal")
        self._engine = engine
        self._gate = gate
        self._limits = limits or WriteBackLimits()
        self._least_bytes = self._limits.copy_pages * _PAGE_BYTES
        self._due = threading.Event()
        self._closing = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        # Of the log's present run: pages known to be copied, and how long it was when readers last kept it.
        self._copied = 0
        self._kept_at = 0

    def committed(self) -> None:
        """To be called after each commit; wakes the thread where the log has become long enough to look at.

        The thread starts with the first such commit, so that a process that forks workers forks no thread.
        One that has ended over what nobody foresaw is followed by another.
        """
        if self._size() < self._least_bytes or self._due.is_set():
            return
        self._due.set()
        with self._lock:
            if not self.alive() and not self._closing.is_set():
                self._thread = threading.Thread(target=self._serve, name="write-back", daemon=True)
                self._thread.start()

    def pages(self) -> int:
        """How many pages the log's present run has; older ones behind them in the file do not count."""
        try:
            with self._log.open("rb", buffering=0) as file:
                return _pages(file.fileno())
        except FileNotFoundError:
            return 0

    def alive(self) -> bool:
        """Whether the thread runs; it does not before the log has grown for the first time."""
        return self._thread is not None and self._thread.is_alive()

    def close(self) -> None:
        """The thread has ended and its connections are closed; what is left in the log stays there."""
        with self._lock:
            self._closing.set()
            self._due.set()
            thread = self._thread
        if thread is not None:
            thread.join()
        self._engine.dispose()

    def _size(self) -> int:
        try:
            return os.stat(self._log).st_size
        except FileNotFoundError:
            return 0

    def _serve(self) -> None:
        while True:
            self._due.wait()
            if self._closing.is_set():
                return
            self._due.clear()
            try:
                self._look()
            except (DBAPIError, OSError):
                # A full disk, a vanished file, no free descriptor: the next commit tries again, and the
                # backstop holds.
                self.figures.failures += 1
            self._closing.wait(self._limits.pause_seconds)

    def _look(self) -> None:
        pages = self.pages()
        if pages < self._copied:
            self._copied = self._kept_at = 0
        if pages - self._copied < self._limits.copy_pages:
            return
        self._copy()
        if self.pages() - self._kept_at >= self._limits.anew_pages:
            self._begin_anew()

    def _copy(self) -> int:
        """Everything that was committed before is in the database file, unless readers of before are there.

        Returns:
            How many pages have come since.
        """
        with self._snapshot(), self._engine.connect() as conn:
            _, _, copied = conn.exec_driver_sql("PRAGMA wal_checkpoint(PASSIVE)").one_or_none() or _NONE
        self.figures.copies += 1
        self._copied = max(self._copied, copied)
        return self.pages() - self._copied

    @contextmanager
    def _snapshot(self) -> Iterator[None]:
        with self._engine.connect() as conn:
            conn.exec_driver_sql("BEGIN")
            try:
                conn.exec_driver_sql("SELECT 1 FROM sqlite_master LIMIT 1").all()
                yield
            finally:
                conn.exec_driver_sql("ROLLBACK")

    def _begin_anew(self) -> None:
        """The next commit stands at the log's beginning; if readers would not go, later."""
        for _ in range(_COPIES_BEFORE_ANEW):
            if self._copy() <= self._limits.behind_gate_pages:
                break
        with self._gate.held(), self._engine.connect() as conn:
            kept, pages, _ = conn.exec_driver_sql("PRAGMA wal_checkpoint(RESTART)").one_or_none() or _NONE
        if kept:
            self._kept_at = max(pages, self.pages())
        else:
            self._copied = self._kept_at = 0
            self.figures.begun_anew += 1


def _pages(file: int) -> int:
    """Pages of a log that carry its header's salt: they come first, and behind them those of earlier runs."""
    header = os.pread(file, _HEADER, 0)
    if len(header) < _HEADER:
        return 0
    (page_bytes,) = struct.unpack_from(">I", header, 8)
    salt = header[_SALT_IN_HEADER : _SALT_IN_HEADER + _SALT_BYTES]
    frame = _FRAME_HEADER + page_bytes
    most = (os.fstat(file).st_size - _HEADER) // frame

    def old(number: int) -> bool:
        return os.pread(file, _SALT_BYTES, _HEADER + number * frame + _SALT_IN_FRAME) != salt

    return bisect_left(range(most), True, key=old)
