"""One-call sales under load: rate, waiting times, chain lag, gas, statements, memory, and the floor below."""

from __future__ import annotations

import json
import time
from itertools import islice
from typing import Any

from sqlalchemy import text

from ledger_service.db.engine import open_database
from ledger_service.demo.bench_figures import Figures, hundredths, millis
from ledger_service.demo.bench_load import Shots, prepare
from ledger_service.demo.bench_stage import PATIENCE_SECONDS, BenchOptions, Stage
from ledger_service.demo.http_client import Request
from ledger_service.demo.load import LoadResult
from ledger_service.demo.observer import Metrics
from ledger_service.demo.stack import run_command

_BASKETS_PER_SALE = 4
_EMPTY_REQUESTS = 6_000
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
    await _add_floor(
        figures, stage, options, (result, shots, after["writer_commits"] - before["writer_commits"])
    )
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


async def _add_floor(
    figures: Figures, stage: Stage, options: BenchOptions, load: tuple[LoadResult, Shots, int]
) -> None:
    """The same tills asking for nothing, and the same database committing one statement."""
    result, _shots, commits = load
    wire = Request("GET", "/healthz").wire(stage.bench.host)
    empty = await stage.fired([wire] * _EMPTY_REQUESTS, options.connections)
    commit = _commit_micros(stage)
    group = (result.ended_ns - result.begun_ns) // 1000 // max(commits, 1)
    figures.rows["floor: empty requests/s"] = f"{empty.per_second:,}"
    figures.rows["a sale in empty requests"] = hundredths(empty.per_second, result.per_second)
    figures.rows["floor: one-statement commit, ms"] = hundredths(commit, 1000)
    figures.rows["a group commit in such commits"] = hundredths(group, commit)


def _commit_micros(stage: Stage) -> int:
    state = stage.stack.settings["ALLIANCE_STATE_DIR"]
    database = open_database(stage.database_url or f"sqlite:///{state}/floor.db")
    try:
        with database.begin() as conn:
            conn.execute(text("CREATE TABLE bench_floor (n INTEGER NOT NULL)"))
        begun = time.perf_counter_ns()
        for number in range(_COMMITS):
            with database.begin() as conn:
                conn.execute(text("INSERT INTO bench_floor (n) VALUES (:n)"), {"n": number})
        took = (time.perf_counter_ns() - begun) // 1000 // _COMMITS
        with database.begin() as conn:
            conn.execute(text("DROP TABLE bench_floor"))
        return took
    finally:
        database.close()
