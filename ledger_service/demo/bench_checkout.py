"""One-call sales under load: rate, waiting times, chain lag, gas, statements, memory, and the floor below."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any, LiteralString

import psycopg

from ledger_service.demo.bench_figures import Figures, hundredths, millis
from ledger_service.demo.bench_floor import add_ratio, empty_requests
from ledger_service.demo.bench_load import prepare
from ledger_service.demo.bench_stage import PATIENCE_SECONDS, BenchOptions, Stage
from ledger_service.demo.load import LoadResult
from ledger_service.demo.observer import Metrics
from ledger_service.demo.stack import run_command

_BASKETS_PER_SALE = 4
_COMMITS = 300


async def measure(stage: Stage, options: BenchOptions) -> Figures:
    """Send the sales, wait for the chain, audit, and measure what nothing could be cheaper than."""
    baskets = islice(stage.baskets, options.requests * _BASKETS_PER_SALE)
    shots = await prepare(stage.bench, baskets, options.requests)
    observer, fleet = stage.observer, stage.fleet
    audited, before, block = audit(stage), await observer.metrics(), await observer.block_number()
    fleet.peak_kib, worked, own = 0, fleet.cpu_millis_by_name(), time.process_time_ns()
    result = await stage.fired(shots.wires, options.connections)
    client = (time.process_time_ns() - own) // 1_000_000
    after = await observer.metrics()
    caught_up = await observer.caught_up(PATIENCE_SECONDS, fleet.watch)
    cpu = {name: spent - worked[name] for name, spent in fleet.cpu_millis_by_name().items()}
    gas = await observer.gas_used(block, await observer.block_number())
    verdict = audit(stage)
    operations = int(verdict["operations"]) - int(audited["operations"])
    figures = Figures(stage.name)
    figures.add_load("sale", result)
    figures.rows["paid in part with points"] = f"{shots.with_points:,}"
    figures.rows["chain caught up, s after"] = millis(caught_up)
    figures.rows["operations on chain"] = f"{operations:,}"
    figures.rows["gas per operation"] = f"{gas // max(operations, 1):,}"
    _add_commits(figures, before, after)
    _add_memory(figures, stage)
    figures.add_work("sale", result, cpu | {"client": client})
    findings = [str(finding) for finding in verdict["findings"]]
    figures.rows["audit: database = chain"] = "yes" if not findings else f"{len(findings)} differences"
    figures.failures += findings
    await _add_floor(figures, stage, result, options.connections)
    return figures


def audit(stage: Stage) -> dict[str, Any]:
    """The audit's verdict on the stage's alliance."""
    return dict(json.loads(run_command(stage.stack.settings, "audit", "--json", good=(0, 1))))


def _add_commits(figures: Figures, before: Metrics, after: Metrics) -> None:
    statements, commands, commits = (
        after[name] - before[name] for name in ("writer_statements", "writer_commands", "writer_commits")
    )
    figures.rows["statements per sale"] = hundredths(statements, commands)
    figures.rows["sales per commit"] = hundredths(commands, commits)


def _add_memory(figures: Figures, stage: Stage) -> None:
    by_name = stage.fleet.memory_by_name()
    figures.rows["peak memory, all processes, MiB"] = f"{stage.fleet.peak_kib // 1024:,}"
    server = by_name.get("postgres", 0)
    if server:
        figures.rows["of it the database server, MiB"] = f"{server // 1024:,}"
    memory = ", ".join(f"{name} {kib // 1024}" for name, kib in by_name.items())
    figures.notes.append(f"{stage.name}: MiB at the end: {memory}")


async def _add_floor(figures: Figures, stage: Stage, result: LoadResult, connections: int) -> None:
    """The same tills asking for nothing, and the same database committing one statement."""
    add_ratio(figures, "sale", result, await empty_requests(figures, stage, connections))
    commit = _commit_micros(stage)
    figures.rows["floor: one-statement commits/s"] = f"{1_000_000 // max(commit, 1):,}"
    figures.rows["a sale in such commits"] = hundredths(1_000_000, commit * max(result.per_second, 1))


def _commit_micros(stage: Stage) -> int:
    """How long a commit of one statement takes at the same place with the same durability."""
    if stage.database_url:
        server = psycopg.connect(stage.database_url.replace("+psycopg", ""), autocommit=True)
        with closing(server):
            return _timed(server.execute)
    path = Path(stage.stack.settings["ALLIANCE_STATE_DIR"]) / "floor.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as file:
        file.execute("PRAGMA journal_mode = WAL")
        file.execute("PRAGMA synchronous = FULL")
        return _timed(file.execute)


def _timed(execute: Callable[[LiteralString], object]) -> int:
    execute("CREATE TABLE bench_floor (n INTEGER NOT NULL)")
    begun = time.perf_counter_ns()
    for _ in range(_COMMITS):
        execute("INSERT INTO bench_floor (n) VALUES (1)")
    took = (time.perf_counter_ns() - begun) // 1000 // _COMMITS
    execute("DROP TABLE bench_floor")
    return took
