"""A process of the product is put to sleep without the one write lock that SQLite has."""

from __future__ import annotations

import fcntl
import signal
import sqlite3
import time
from contextlib import closing

from tests.operations.installation import Installation


def quiet_stop(product: Installation, name: str) -> None:
    """SIGSTOP while the process is in no db transaction: SQLite has one writer, and a sleeper would keep it.

    On SQLite an operator has to end a sleeper that holds it; docs/runbooks.md says so.
    """
    for _ in range(50):
        product.signal(name, signal.SIGSTOP)
        if _writable(product):
            return
        product.signal(name, signal.SIGCONT)
        time.sleep(0.02)
    raise AssertionError("the leader is always within a transaction")


def _writable(product: Installation) -> bool:
    path = product.state / "alliance.db"
    with (product.state / "alliance.db.gate").open("rb") as gate:
        try:
            fcntl.flock(gate, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        with closing(sqlite3.connect(path, timeout=0.2, isolation_level=None)) as conn:
            try:
                conn.execute("BEGIN IMMEDIATE")
                conn.execute("ROLLBACK")
            except sqlite3.OperationalError:
                return False
    return True
