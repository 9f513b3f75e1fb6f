"""What metrics and readiness look at: figures of writer and SQLite's log, outbox, mirror, schema's head."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

from ledger_service.api.endpoints.status import Readiness
from ledger_service.bootstrap.surroundings import Reading, Surroundings
from ledger_service.chain.reserves import coverage
from ledger_service.chain.status import chain_status
from ledger_service.db.engine import Database
from ledger_service.db.errors import StorageUnavailable
from ledger_service.db.heads import ledger_head
from ledger_service.db.revisions import revision_of, schema_head
from ledger_service.db.writer import Writer
from ledger_service.kernel.clock import Clock, seconds_floor
from ledger_service.outbox import queries as outbox

_LAG_WORTH_A_NOTE_SECONDS = 60
_SEQUENCE = select(ledger_head.c.sequence)


class Observation:
    """Looks at a serving process and its database from outside; safe for any number of threads."""

    def __init__(self, database: Database, writer: Writer, clock: Clock, surroundings: Surroundings) -> None:
        self._database, self._writer, self._clock = database, writer, clock
        self._surroundings = surroundings

    def work(self) -> Mapping[str, int]:
        """What the writer has done since it started, and the thread that writes SQLite's log back."""
        figures = self._writer.figures
        done = {
            "writer_commands": figures.commands,
            "writer_commits": figures.groups,
            "writer_statements": self._database.statements.count,
        }
        if self._database.write_back is None:
            return done
        log = self._database.write_back.figures
        return done | {
            "sqlite_log_copies": log.copies,
            "sqlite_log_begun_anew": log.begun_anew,
            "sqlite_log_failures": log.failures,
        }

    def readings(self) -> Mapping[str, Reading]:
        """The gauges; those of the database are left out while it cannot be reached."""
        found: dict[str, Reading] = {"writer_queue_depth": self._writer.waiting()}
        found |= self._surroundings.of_machine()
        if self._database.write_back is not None:
            found["sqlite_log_pages"] = self._database.write_back.pages()
        try:
            with self._database.snapshot() as conn:
                found |= self._surroundings.of_database(conn)
            return found | self._of_database()
        except (DBAPIError, StorageUnavailable):
            return found

    def readiness(self) -> Readiness:
        """What stands in the way of checkouts; a chain that is down or behind is only worth a note."""
        if not self._writer.healthy():
            return Readiness(missing=("writer",))
        try:
            with self._database.read() as conn:
                at_head = revision_of(conn) == schema_head()
            lag = self._of_database()["chain_lag_seconds"]
        except (DBAPIError, StorageUnavailable):
            return Readiness(missing=("database",))
        if not at_head:
            return Readiness(missing=("migrations",))
        late = (f"chain is {lag} s behind",) if lag > _LAG_WORTH_A_NOTE_SECONDS else ()
        return Readiness(notes=late)

    def _of_database(self) -> dict[str, int]:
        with self._database.snapshot() as conn:
            lag, chain, sequence = outbox.lag(conn), chain_status(conn), conn.execute(_SEQUENCE).scalar()
            aside = outbox.set_aside_count(conn)
            reserves = coverage.figures(conn, seconds_floor(self._clock.now()))
        seconds = 0
        if lag.oldest_queued is not None:
            seconds = max(0, int((self._clock.now() - lag.oldest_queued).total_seconds()))
        return {
            "outbox_queue_depth": lag.queued,
            "outbox_set_aside": aside,
            "chain_lag_operations": lag.queued + lag.later + lag.packed + lag.mined,
            "chain_lag_seconds": seconds,
            "chain_last_batch": chain.last_batch or 0,
            "ledger_sequence": int(sequence or 0),
            **reserves,
        }
