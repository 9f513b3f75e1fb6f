"""A process of its own that moves points through a writer and says each answer it gets; made to be killed.

    python -m tests.integration.ledger.busy_process URL NAME THREADS MOVES [CRASH]

CRASH names the line at which the process kills itself after some moves: ``mid-flush`` (lots are written,
postings are not), ``before-commit`` (all is written) or ``before-answer`` (committed, nobody told).
Every thread writes ``NAME-thread-number`` to standard output after the commit that answered it.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Sequence

from sqlalchemy import Connection, event

from ledger_service.db import flush
from ledger_service.db.engine import Database, open_database
from ledger_service.db.send import Outcome, Statement
from ledger_service.db.writer import Writer
from ledger_service.ledger.errors import InsufficientPoints
from tests.integration.ledger.bank import StandingClock, op, transfer


def kill_at(crash: str, database: Database, writer: Writer) -> None:
    """The process kills itself at the named line of its fifth group."""

    def die() -> None:
        if writer.figures.groups >= 5:
            time.sleep(0.5)  # the threads that were answered before may say so
            os.kill(os.getpid(), signal.SIGKILL)

    if crash == "mid-flush":
        real = flush.send

        def send(conn: Connection, statements: Sequence[Statement]) -> list[Outcome]:
            if any(statement.sql.startswith("INSERT INTO posting") for statement in statements):
                die()
            return real(conn, statements)

        flush.send = send  # type: ignore[assignment]  # the line to die at
    elif crash == "before-commit":
        event.listen(database.posting, "commit", lambda conn: die())
    else:
        event.listen(
            database.posting, "checkin", lambda *_: die()
        )  # the connection comes back after its commit


def main(url: str, name: str, threads: int, moves: int, crash: str) -> None:
    """Move one point from member to member, round and round, until told enough or killed."""
    database = open_database(url)
    writer = Writer(database, StandingClock())
    if crash:
        kill_at(crash, database, writer)

    def work(thread: int) -> None:
        for number in range(moves):
            label = f"{name}-{thread}-{number}"
            giver = (thread * 7 + number) % 20 + 1
            try:
                writer.submit(transfer(op(label), giver, giver % 20 + 1, 1))
            except InsufficientPoints:
                continue
            os.write(1, f"{label}\n".encode())

    workers = [threading.Thread(target=work, args=(thread,)) for thread in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    writer.close()
    os.write(1, b"done\n")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), (*sys.argv, "")[5])
