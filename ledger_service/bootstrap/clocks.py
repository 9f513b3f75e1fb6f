"""Clocks: the real one, the one that replayed requests move, and the one that other processes read (D16)."""

from __future__ import annotations

import logging
import threading
import time
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, select, update
from sqlalchemy.exc import DBAPIError

from ledger_service.api.errors import ReplayTimeOutOfRange
from ledger_service.db.bulk import sql_of
from ledger_service.db.engine import Database
from ledger_service.db.errors import StorageUnavailable
from ledger_service.db.models import service_clock
from ledger_service.kernel.clock import format_instant

NOTE_SECONDS = 0.1
MOST_AHEAD = timedelta(days=92)
_log = logging.getLogger(__name__)


class SystemClock:
    """Real time."""

    def now(self) -> datetime:
        """The present instant."""
        return datetime.now(UTC)


class MovedClock:
    """A clock that stands at the newest instant that was observed, and goes on from there at real speed.

    Before the first observation it shows real time, so that a service without data can be set up.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._base: tuple[datetime, int] | None = None

    def now(self) -> datetime:
        """The newest observed instant and the real time since."""
        base = self._base
        if base is None:
            return datetime.now(UTC)
        return base[0] + timedelta(microseconds=(time.monotonic_ns() - base[1]) // 1000)

    def observe(self, instant: datetime) -> None:
        """The clock stands at ``instant`` unless it was further already."""
        with self._lock:
            if self._base is None or instant > self.now():
                self._base = instant, time.monotonic_ns()

    @property
    def moved(self) -> bool:
        """Whether anything was observed yet."""
        return self._base is not None


class ReplayClock(MovedClock):
    """The clock of a serving process in replay: requests move it, a thread notes it in the database.

    What it notes lags by ``NOTE_SECONDS`` of real time; jobs that read it can be late, never early. One step
    is at most ``MOST_AHEAD``: a wrong year in one request would expire every epoch for good.
    """

    def __init__(self, database: Database) -> None:
        super().__init__()
        self._database = database
        self._stop = threading.Event()
        self._noted: datetime | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Take over where the last replay stood, and note the clock from now on."""
        self._exchange()
        self._thread = threading.Thread(target=self._note_until_stopped, name="replay-clock", daemon=True)
        self._thread.start()

    def observe(self, instant: datetime) -> None:
        """The clock stands at ``instant`` unless it was further already.

        Raises:
            ReplayTimeOutOfRange: it is too far ahead; the clock has not moved.
        """
        if self.moved and instant - self.now() > MOST_AHEAD:
            self._exchange()  # another serving process may have gone on
            if instant - self.now() > MOST_AHEAD:
                raise ReplayTimeOutOfRange(format_instant(instant), format_instant(self.now()))
        super().observe(instant)

    def close(self) -> None:
        """The newest instant is noted and the thread has ended."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        self._exchange()

    def _note_until_stopped(self) -> None:
        while not self._stop.wait(NOTE_SECONDS):
            try:
                self._exchange()
            except (DBAPIError, StorageUnavailable):
                _log.warning("the replay clock could not be noted; it will be noted again")

    def _exchange(self) -> None:
        base = self._base
        if base is not None and base[0] == self._noted:
            with self._database.read() as conn:
                stored = note_instant(conn, None)
        else:
            with self._database.begin() as conn:
                stored = note_instant(conn, base[0] if base is not None else None)
            self._noted = base[0] if base is not None else None
        if stored is not None and (base is None or stored > base[0]):
            super().observe(stored)


class NotedClock:
    """The clock of the other processes in replay: the noted instant and the real time since it was noted."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: tuple[datetime, datetime] | None = None
        self._read_at = 0

    def now(self) -> datetime:
        """The replay's present instant; real time before the first replayed request."""
        if self._known is None or time.monotonic_ns() - self._read_at > NOTE_SECONDS * 1_000_000_000:
            with self._database.read() as conn:
                row = conn.execute(select(service_clock.c.now, service_clock.c.noted_at)).one_or_none()
            self._known = (row.now, row.noted_at) if row is not None else None
            self._read_at = time.monotonic_ns()
        real = datetime.now(UTC)
        if self._known is None:
            return real
        noted, noted_at = self._known
        return noted + max(real - noted_at, timedelta(0))


def move_on(database: Database, to: datetime | None, ahead: timedelta) -> datetime:
    """The clock of the replay stands at ``to`` (None: where it stands) and ``ahead`` on; returns the instant.

    Serving processes take it over within ``NOTE_SECONDS``; the jobs then find what has become due.

    Raises:
        ReplayTimeOutOfRange: it would go back, or more than ``MOST_AHEAD`` at once; it has not moved.
    """
    now = NotedClock(database).now()
    wanted = (to if to is not None else now) + ahead
    if to is None and not ahead:
        return now
    if not timedelta(0) <= wanted - now <= MOST_AHEAD:
        raise ReplayTimeOutOfRange(format_instant(wanted), format_instant(now))
    with database.begin() as conn:
        note_instant(conn, wanted)
    return wanted


def note_instant(conn: Connection, instant: datetime | None) -> datetime | None:
    """The row stands at the later of itself and ``instant``; returns where it stands, None for nowhere."""
    clock = service_clock.c
    if instant is not None:
        row = {"id": 1, "now": instant, "noted_at": datetime.now(UTC)}
        if conn.execute(update(service_clock).where(clock.now < instant).values(row)).rowcount == 0:
            sql_of(service_clock, conn).insert(conn, [row], or_ignore=True)
    return conn.execute(select(clock.now)).scalar_one_or_none()
