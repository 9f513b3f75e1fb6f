"""The open settlement period as the mirror knows it, read at most once a second."""

from __future__ import annotations

import time

from ledger_service.chain.status import open_period
from ledger_service.db.engine import Database

_LIFE_NANOS = 1_000_000_000


class MirroredPeriod:
    """Fulfils ``checkout.ports.PeriodSource``; at most a second old, so that no checkout waits for it."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._period: int | None = None
        self._read_at = 0

    def current(self) -> int | None:
        """The period's number, or None while nothing of the chain was seen."""
        now = time.monotonic_ns()
        if self._read_at == 0 or now - self._read_at > _LIFE_NANOS:
            self._read_at = now
            with self._database.read() as conn:
                self._period = open_period(conn)
        return self._period
