"""A fair queue in front of SQLite's single write lock, across threads and processes.

Competing SQLite writers poll with back-off, which costs a p99 of 100 ms; a file lock wakes the next
waiter at once. The gate protects nothing by itself: SQLite's own lock still does.
"""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class Gate:
    """An exclusive lock on a file beside the database; released by the kernel when its holder dies."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._descriptor: int | None = None
        self._holder: int | None = None

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the gate for the block; waits without polling.

        Raises:
            RuntimeError: the thread holds it already: one db transaction inside another.

        Locks: first of all, before any database lock.
        """
        if self._holder == threading.get_ident():
            raise RuntimeError("a db transaction was begun inside another")
        with self._lock:
            self._holder = threading.get_ident()
            if self._descriptor is None:
                self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._descriptor, fcntl.LOCK_EX)
            try:
                yield
            finally:
                self._holder = None
                fcntl.flock(self._descriptor, fcntl.LOCK_UN)

    def close(self) -> None:
        """Give the file descriptor back."""
        with self._lock:
            if self._descriptor is not None:
                os.close(self._descriptor)
                self._descriptor = None


class OpenGate(Gate):
    """No gate at all: PostgreSQL queues writers by itself."""

    def __init__(self) -> None:
        super().__init__(Path(os.devnull))

    @contextmanager
    def held(self) -> Iterator[None]:
        """Pass."""
        yield
