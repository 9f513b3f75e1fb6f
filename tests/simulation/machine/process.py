"""A process that can die between any two steps of its work, and the database as that process sees it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from ledger_service.db.engine import Database


class Killed(BaseException):
    """The process is gone: nothing after this line has happened."""


class Process:
    """``countdown`` steps from now it dies; 0 means that nobody has sentenced it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.alive = True
        self.countdown = 0
        self.commits = 0
        self.writing = False

    def step(self) -> None:
        """One more thing was done, or is about to be.

        Raises:
            Killed: it was the last one.
        """
        if self.alive and self.countdown:
            self.countdown -= 1
            self.alive = self.countdown > 0
        if not self.alive:
            raise Killed(self.name)


def no_mishap(when: str) -> bool:
    return False


class SimDatabase:
    """The one database through one process's connections; commits fail, or succeed and do not say so.

    ``mishap`` is asked with "commit" (refuse it), "answer" (lose its answer) and "read"; with "begin" it may
    let others work, since nothing of this process is open then.
    """

    def __init__(self, inner: Database, process: Process, mishap: Callable[[str], bool] = no_mishap) -> None:
        self._inner, self._process, self._mishap = inner, process, mishap

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        with self._guarded(self._inner.begin) as conn:
            yield conn

    @contextmanager
    def begin_group(self) -> Iterator[Connection]:
        with self._guarded(self._inner.begin_group) as conn:
            yield conn

    @contextmanager
    def read(self) -> Iterator[Connection]:
        self._check("read")
        with self._inner.read() as conn:
            yield conn

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        self._check("read")
        with self._inner.snapshot() as conn:
            yield conn

    @contextmanager
    def _guarded(self, begin: Callable[[], Any]) -> Iterator[Connection]:
        self._check("read")
        self._mishap("begin")
        with begin() as conn:
            self._process.writing = True
            try:
                yield conn
            finally:
                self._process.writing = False
            self._process.step()
            self._check("commit")
        self._process.commits += 1
        self._process.step()
        self._check("answer")

    def _check(self, when: str) -> None:
        if not self._process.alive:
            raise Killed(self._process.name)
        if self._mishap(when):
            raise OperationalError(when, None, sqlite3.OperationalError("the simulated disk failed"))
