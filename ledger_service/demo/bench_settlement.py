"""`scripts/bench settlement`: a closed month of redemptions among fifty merchants, netted into papers.

The mirror of the chain is made in PostgreSQL, straight into the tables: no chain runs beside it. Measured is
`alliance settle statement`: every line read, nets and payouts, and the papers (statement as CSV and PDF, and
journal) of one merchant, then of all.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg

from ledger_service.demo import private_postgres
from ledger_service.demo.bench_figures import Figures
from ledger_service.demo.processes import Fleet
from ledger_service.demo.screen import Screen
from ledger_service.kernel.gs1 import gln_text, with_check_digit
from ledger_service.kernel.operations import Kind
from ledger_service.kernel.points import Leg

MERCHANTS, REDEMPTIONS = 50, 1_000_000
_IN_BATCH = 100
_PAPERS_OF_ONE = 3
_GLNS = [int(with_check_digit(f"95201{n:07d}")) for n in range(MERCHANTS)]
_KEY, _HASH = bytes(20), bytes(32)


def measure(name: str, redemptions: int, screen: Screen) -> Figures:
    """Fill a fresh database, net the period twice (locked papers must be the same), clear it away."""
    folder = Path(tempfile.mkdtemp(prefix="alliance-bench-"))
    figures = Figures(name)
    try:
        with Fleet(folder / "log") as fleet:
            url = private_postgres.start(fleet)
            python = [sys.executable, "-m", "ledger_service"]
            alliance = ["/usr/bin/env", f"ALLIANCE_DATABASE_URL={url}", *python]
            subprocess.run([*alliance, "db", "upgrade"], check=True, stdout=subprocess.DEVNULL)
            screen.say(f"{name}: making {redemptions:,} redemptions")
            with closing(psycopg.connect(url.replace("+psycopg", ""), autocommit=True)) as connection:
                _fill(connection, redemptions)
            figures.rows = {"redemptions": f"{redemptions:,}", "merchants": f"{MERCHANTS}"}
            one = [*alliance, "settle", "statement", "--period", "1", "--merchant", gln_text(_GLNS[0])]
            _netted(figures, "netted", one, folder / "one", 1)
            _netted(figures, "netted, papers of all", one[:-2], folder / "papers", MERCHANTS)
        return figures
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _netted(figures: Figures, label: str, command: list[str], into: Path, merchants: int) -> None:
    begun = time.monotonic()
    process = subprocess.Popen([*command, "--into", str(into)], stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        figures.failures.append(f"{label} ended with {process.returncode}")
    elif (written := len(list(into.iterdir()))) != merchants * _PAPERS_OF_ONE:
        figures.failures.append(f"{label}: {written} papers")
    figures.rows[f"{label}, s"] = f"{int(time.monotonic() - begun):,}"
    figures.rows[f"{label}, CPU s of the command"] = f"{int(used.ru_utime + used.ru_stime):,}"
    figures.rows[f"{label}, command MiB"] = f"{used.ru_maxrss // 1024:,}"


def _fill(connection: Any, redemptions: int) -> None:
    """An alliance without a desk, and a final, closed period of redemptions."""
    batches = -(-redemptions // _IN_BATCH)
    last, now = batches + 1, int(datetime.now(UTC).timestamp())
    connection.execute("SET session_replication_role = replica")
    _one(connection, "alliance", id=1, name="Bench", currency="USD", gs1_prefix="952", chain_id=31337,
         clearing_house=_KEY, registry=_KEY, manager=_KEY, points_implementation=_KEY, per_permit_micros=1,
         per_day_micros=1, founded_at=now * 1_000_000, extends=True, pairs=True, converts=True)  # fmt: skip
    _one(connection, "chain_cursor", id=1, number=last, hash=_HASH, parent_hash=_HASH, final_number=last)
    _one(connection, "chain_block", number=last, hash=_HASH, parent_hash=_HASH, timestamp=now, base_fee=1)
    _one(connection, "chain_period", period=1, last_batch=batches, block_number=last)
    for programme, gln in enumerate(_GLNS, 1):
        _one(connection, "chain_programme", programme_id=programme, issuer=gln, token=_KEY, block_number=1)
        _one(connection, "chain_terms", programme_id=programme, version=1, effective_from=0,
             point_value_micros=10_000, fee_bps=150, issuance_cap=10**12, validity_epochs=12, block_number=1,
             acceptor=0)  # fmt: skip
        _one(connection, "chain_merchant_keys", merchant=gln, block_number=1, log_index=programme, admin=_KEY,
             operations=_KEY, settlement=_KEY)  # fmt: skip
    applied = ((n, 1, _IN_BATCH, _HASH, n) for n in range(1, batches + 1))
    _copied(connection, "chain_applied (number, period, count, root, block_number)", applied)
    columns = "batch, position, op_id, kind, account, leaf, data"
    _copied(connection, f"chain_operation ({columns})", map(_redemption, range(redemptions)))
    connection.execute("ANALYZE")


def _redemption(n: int) -> tuple[Any, ...]:
    """Points of one merchant at another; who and how many follows from the number alone."""
    batch, position = n // _IN_BATCH + 1, n % _IN_BATCH
    issuer, acceptor = n % MERCHANTS, (n * 7 + n // MERCHANTS) % MERCHANTS
    head = batch << 192 | position << 160 | _GLNS[acceptor] << 96
    leg = Leg(issuer + 1, 1, 1, 100 + n * 7919 % 20_000)
    words = [head, n << 128, n % 10_000, 0, 0, 0, 1, leg.word()]
    data = b"".join(word.to_bytes(32, "big") for word in words)
    return batch, position, n.to_bytes(16, "big"), int(Kind.REDEEM), _KEY, n.to_bytes(32, "big"), data


def _one(connection: Any, table: str, **values: Any) -> None:
    marks = ", ".join(["%s"] * len(values))
    connection.execute(f"INSERT INTO {table} ({', '.join(values)}) VALUES ({marks})", list(values.values()))


def _copied(connection: Any, target: str, rows: Iterator[tuple[Any, ...]]) -> None:
    with connection.cursor() as cursor, cursor.copy(f"COPY {target} FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)
