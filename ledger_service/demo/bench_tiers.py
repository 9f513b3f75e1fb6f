"""`scripts/bench tiers`: how long `alliance tiers recompute` takes for so many members, and with what memory.

Members and their purchase days are made in SQL, straight into the tables; no service runs beside it.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import psycopg

from ledger_service.demo import private_postgres
from ledger_service.demo.bench_figures import Figures
from ledger_service.demo.processes import Fleet
from ledger_service.demo.screen import Screen

NICE = 10
_DAYS_MOST = 12
_SPREAD_DAYS = 730
_LOOK_SECONDS = 1
_AT_ONCE = 100_000
Execute = Callable[[str], Any]
# A rolling year with grace and steps: the dearest kind, one window function over every purchase day.
_RUNGS = (("BASE", 0), ("SILVER", 20_000), ("GOLD", 40_000), ("TOP", 60_000))
LADDER: dict[str, Any] = {
    "window": "rolling-days", "window_days": 365, "grace_days": 30, "downgrade": "step",
    "tiers": [{"code": code, "name": code, "at_least_minor": least} for code, least in _RUNGS],
}  # fmt: skip


def measure(name: str, members: int, screen: Screen) -> Figures:
    """Fill one setup's database, recount it twice (the second time nothing changes), clear it away."""
    folder = Path(tempfile.mkdtemp(prefix="alliance-bench-"))
    figures = Figures(name)
    try:
        with Fleet(folder / "log") as fleet:
            url = private_postgres.start(fleet) if name == "postgresql" else f"sqlite:///{folder}/alliance.db"
            alliance = [
                "/usr/bin/env",
                f"ALLIANCE_DATABASE_URL={url}",
                sys.executable,
                "-m",
                "ledger_service",
            ]
            subprocess.run([*alliance, "db", "upgrade"], check=True, stdout=subprocess.DEVNULL)
            screen.say(f"{name}: making {members:,} members")
            with closing(connected(url)) as connection:
                days = _fill(connection.execute, members, postgres=name == "postgresql")
            figures.rows = {"members": f"{members:,}", "purchase days": f"{days:,}"}
            for label in ("recount", "recount again"):
                _recount(figures, label, alliance, fleet)
            with closing(connected(url)) as connection:
                figures.rows["members by level"] = _by_level(figures, connection.execute, members)
        return figures
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def connected(url: str) -> Any:
    """A bare connection that commits each statement, to make and count rows with; it waits for no disk."""
    if url.startswith("sqlite"):
        file = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
        for pragma in ("cache_size = -2097152", "synchronous = OFF"):
            file.execute(f"PRAGMA {pragma}")
        return file
    server = psycopg.connect(url.replace("+psycopg", ""), autocommit=True)
    server.execute("SET synchronous_commit = off")
    return server


def _recount(figures: Figures, label: str, alliance: list[str], fleet: Fleet) -> None:
    begun, server_kib = time.monotonic(), 0
    command = ["nice", "-n", str(NICE), *alliance, "tiers", "recompute"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    while True:
        pid, status, used = os.wait4(process.pid, os.WNOHANG)
        if pid:
            break
        server_kib = max(server_kib, fleet.memory_kib())
        time.sleep(_LOOK_SECONDS)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        figures.failures.append(f"{label} ended with {process.returncode}")
    figures.rows[f"{label}, s"] = f"{int(time.monotonic() - begun):,}"
    figures.rows[f"{label}, CPU s of the command"] = f"{int(used.ru_utime + used.ru_stime):,}"
    figures.rows[f"{label}, command MiB"] = f"{used.ru_maxrss // 1024:,}"
    figures.rows[f"{label}, database server MiB"] = (
        f"{server_kib // 1024:,}" if server_kib else "in the command"
    )


def _fill(execute: Execute, members: int, *, postgres: bool) -> int:
    """Everything that the recount reads; returns how many purchase days there are."""
    key = "decode(repeat('01', 20), 'hex')" if postgres else "randomblob(20)"
    now = int(datetime.now(UTC).timestamp()) * 1_000_000
    execute("SET session_replication_role = replica" if postgres else "PRAGMA foreign_keys = OFF")
    execute(f"INSERT INTO merchant VALUES (1, 'Bench', 'active', {key}, {key}, {key}, {now})")
    columns = "programme_id, code, merchant_id, name, currency, timezone, cycle, pending_days, created_at"
    columns += ", jurisdiction"
    values = f"1, 'BENCH', 1, 'Bench', 'USD', 'UTC', 'never', 0, {now}, 'none'"
    execute(f"INSERT INTO programme ({columns}) VALUES ({values})")
    execute("INSERT INTO points_change (id, version) VALUES (1, 1)")
    execute("INSERT INTO tier_ladder (programme_id, version, effective_from, body, published_at)"
            f" VALUES (1, 1, 0, '{json.dumps(LADDER)}', {now})")  # fmt: skip
    for first in range(1, members + 1, _AT_ONCE):
        numbers = numbers_sql(first, min(first + _AT_ONCE - 1, members), postgres)
        execute("BEGIN")
        execute("INSERT INTO member (member_id, status, custody, ledger_base, created_at)"
                f" SELECT n, 'active', 'device', n * 16, {now} FROM {numbers}")  # fmt: skip
        execute(_purchases(numbers))
        execute("COMMIT")
    execute("ANALYZE")
    return int(execute("SELECT COUNT(*) FROM qualifying_day").fetchone()[0])


def _purchases(numbers: str) -> str:
    """One to twelve purchase days for each member, spread over two years, of up to 200 dollars."""
    today = datetime.now(UTC).toordinal()
    counted = " UNION ALL ".join(f"SELECT {j} AS j" for j in range(_DAYS_MOST))
    day = f"{today} - (n * 31 + j * 61) % {_SPREAD_DAYS}"
    years = range(date.fromordinal(today - _SPREAD_DAYS).year, date.fromordinal(today).year)
    year = " ".join(f"WHEN day <= {date(y, 12, 31).toordinal()} THEN {y}" for y in years)
    return (
        "INSERT INTO qualifying_day (member_id, programme_id, year, day, amount_minor)"
        f" SELECT n, 1, CASE {year} ELSE {date.fromordinal(today).year} END, day,"
        f" 100 + (n * 7919 + j * 104729) % 20000"
        f" FROM (SELECT n, j, {day} AS day FROM {numbers} CROSS JOIN ({counted}) AS c"
        f" WHERE j <= n % {_DAYS_MOST}) AS made"
    )


def numbers_sql(first: int, last: int, postgres: bool) -> str:
    """Something to select ``n`` from, one of each from first to last."""
    if postgres:
        return f"(SELECT n::bigint FROM generate_series({first}, {last}) AS g(n)) AS s"
    return (f"(WITH RECURSIVE s(n) AS (SELECT {first} UNION ALL SELECT n + 1 FROM s WHERE n < {last})"
            " SELECT n FROM s) AS s")  # fmt: skip


def _by_level(figures: Figures, execute: Execute, members: int) -> str:
    counted = dict(execute("SELECT level, COUNT(*) FROM member_tier GROUP BY level").fetchall())
    if sum(counted.values()) != members or len(counted) < len(LADDER["tiers"]):
        figures.failures.append(f"members by level: {counted}")
    return " ".join(f"{counted.get(level, 0):,}" for level in range(len(LADDER["tiers"])))
