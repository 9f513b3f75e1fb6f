"""`scripts/bench checkout`: real baskets over HTTP on the machine at hand, measured from the till's side."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from pathlib import Path
from typing import Any

from ledger_service.demo import dataset, private_postgres
from ledger_service.demo.alliance_plan import MERCHANTS
from ledger_service.demo.bench_load import Bench, Shots, prepare
from ledger_service.demo.founding import DemoAlliance
from ledger_service.demo.load import LoadResult, fire
from ledger_service.demo.observer import Observer
from ledger_service.demo.processes import Fleet, free_port
from ledger_service.demo.progress import Progress
from ledger_service.demo.replay import LAST_INSTANT, Replay, Scenario, end_of_day
from ledger_service.demo.screen import Screen, table_text
from ledger_service.demo.service_client import Service
from ledger_service.demo.stack import Stack, StackOptions, found, run_command, start

SETUPS = {"sqlite": ("sqlite", "local"), "postgresql": ("postgresql", "anvil")}
_SEED = "bench"
_CONNECTIONS_TO_FOUND = 8
_PATIENCE_SECONDS = 900
_LONGEST_DAYS = 40
_WATCH_SECONDS = 1


@dataclass(frozen=True, slots=True)
class BenchOptions:
    """What to measure: how many sales, over how many connections, after how many days of warming up."""

    sales: int
    connections: int
    warm_days: int
    workers: int
    data: Path


@dataclass(frozen=True, slots=True)
class Measured:
    """One setup's figures; times in microseconds, memory in KiB."""

    name: str
    result: LoadResult
    shots: Shots
    caught_up_ms: int
    operations: int
    gas: int
    statements: int
    commands: int
    commits: int
    peak_kib: int
    memory: dict[str, int]
    cpu_millis: dict[str, int]
    findings: list[str]


def main(argv: Sequence[str]) -> int:
    """Measure the chosen setups and print the table for docs/performance.md."""
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument("what", choices=["checkout"])
    parser.add_argument(
        "--setup", choices=[*SETUPS, "both"], default="both", help="default: both, one by one"
    )
    parser.add_argument("--sales", type=int, default=10_000, help="measured sales (default 10000)")
    parser.add_argument("--connections", type=int, default=16, help="tills at the same time (default 16)")
    parser.add_argument("--warm-days", type=int, default=4, help="days replayed before (default 4)")
    parser.add_argument("--workers", type=int, default=1, help="worker processes of the service (default 1)")
    parser.add_argument("--data", type=Path, default=Path("var/baskets.db"), help="converted data set")
    given = parser.parse_args(argv)
    options = BenchOptions(given.sales, given.connections, given.warm_days, given.workers, given.data)
    screen = Screen()
    dataset.ensure_cache(options.data)
    names = list(SETUPS) if given.setup == "both" else [given.setup]
    measured = [_measure(name, options, screen) for name in names]
    screen.say("\n" + report(measured, options))
    return 0 if all(not m.findings and m.result.statuses[201] == options.sales for m in measured) else 1


def _measure(name: str, options: BenchOptions, screen: Screen) -> Measured:
    database, chain = SETUPS[name]
    state = Path(tempfile.mkdtemp(prefix="alliance-bench-"))
    try:
        with Fleet(state / "log") as fleet:
            url = private_postgres.start(fleet) if database == "postgresql" else ""
            screen.say(f"{name}: starting")
            wanted = StackOptions(state, url, chain, free_port(), options.workers, _SEED)
            stack = start(fleet, wanted)
            return asyncio.run(_one(name, stack, fleet, (options, state, screen)))
    finally:
        shutil.rmtree(state, ignore_errors=True)


async def _one(name: str, stack: Stack, fleet: Fleet, given: tuple[BenchOptions, Path, Screen]) -> Measured:
    options, state, screen = given
    observer = Observer(stack.host, stack.port, stack.chain_url)
    service = Service(stack.host, stack.port, _CONNECTIONS_TO_FOUND)
    progress = Progress(state / "progress.db")
    try:
        alliance = await found(stack, service, progress, _SEED)
        shots = await _warm(stack, alliance, service, progress, (options, screen))
        await observer.caught_up(_PATIENCE_SECONDS)
    finally:
        await service.close()
        progress.close()
    screen.say(f"{name}: {len(shots.wires):,} sales, {shots.with_points:,} of them paid in part with points")
    return await _under_load((name, shots), stack, fleet, observer, options.connections)


async def _under_load(
    load: tuple[str, Shots], stack: Stack, fleet: Fleet, observer: Observer, connections: int
) -> Measured:
    name, shots = load
    audited, before, block = _audit(stack), await observer.metrics(), await observer.block_number()
    fleet.peak_kib, worked, own = 0, fleet.cpu_millis_by_name(), time.process_time_ns()
    result = await _fired((stack.host, stack.port), shots, fleet, connections)
    client = (time.process_time_ns() - own) // 1_000_000
    after = await observer.metrics()
    caught_up = await observer.caught_up(_PATIENCE_SECONDS, fleet.watch)
    cpu = {n: millis - worked[n] for n, millis in fleet.cpu_millis_by_name().items()}
    gas = await observer.gas_used(block, await observer.block_number())
    verdict = _audit(stack)
    return Measured(
        name=name,
        result=result,
        shots=shots,
        caught_up_ms=caught_up,
        operations=int(verdict["operations"]) - int(audited["operations"]),
        gas=gas,
        statements=after["writer_statements"] - before["writer_statements"],
        commands=after["writer_commands"] - before["writer_commands"],
        commits=after["writer_commits"] - before["writer_commits"],
        peak_kib=fleet.peak_kib,
        memory=fleet.memory_by_name(),
        cpu_millis=cpu | {"client": client},
        findings=[str(finding) for finding in verdict["findings"]],
    )


async def _fired(address: tuple[str, int], shots: Shots, fleet: Fleet, connections: int) -> LoadResult:
    firing = asyncio.create_task(asyncio.to_thread(fire, address, shots.wires, connections))
    # Watched from here: on the tills' own thread each look at the memory would stand in every answer's time.
    while not (await asyncio.wait({firing}, timeout=_WATCH_SECONDS))[0]:
        fleet.watch()
    return firing.result()


def _audit(stack: Stack) -> dict[str, Any]:
    return dict(json.loads(run_command(stack.settings, "audit", "--json", good=(0, 1))))


async def _warm(
    stack: Stack,
    alliance: DemoAlliance,
    service: Service,
    progress: Progress,
    given: tuple[BenchOptions, Screen],
) -> Shots:
    """Replay some days so that members hold points, then prepare and sign the requests of the days after."""
    options, screen = given
    until = end_of_day(options.warm_days)
    replay = Replay(Scenario(_SEED, options.data, until, LAST_INSTANT), service, alliance, progress)
    screen.say(f"  warming up with {dataset.count_until(options.data, 0, until):,} baskets")
    await replay.run()
    position = progress.get("position")
    later = dataset.stream(options.data, position, until + timedelta(days=_LONGEST_DAYS))
    bench = Bench(
        seed=_SEED,
        host=f"{stack.host}:{stack.port}",
        domain=alliance.domain,
        phones=replay.phones,
        till_key=alliance.till_key,
        begins=until,
        spend_until=until + timedelta(days=_LONGEST_DAYS),
    )
    return await prepare(bench, islice(later, options.sales * 4), options.sales)


def report(measured: Sequence[Measured], options: BenchOptions) -> str:
    """The table of docs/performance.md."""
    header = ["", *(f"{SETUPS[m.name][0]} + {SETUPS[m.name][1]}" for m in measured)]
    rows: list[list[object]] = [
        ["sales answered 201", *(f"{m.result.statuses[201]:,}" for m in measured)],
        ["other answers", *(str(sum(m.result.statuses.values()) - m.result.statuses[201]) for m in measured)],
        ["paid in part with points", *(f"{m.shots.with_points:,}" for m in measured)],
        ["sales/s", *(f"{m.result.per_second:,}" for m in measured)],
    ]
    for percent in (50, 95, 99):
        row = [_millis(m.result.percentile_micros(percent)) for m in measured]
        rows.append([f"p{percent} ms", *row])
    rows += [
        ["chain caught up, s after", *(_millis(m.caught_up_ms) for m in measured)],
        ["operations on chain", *(f"{m.operations:,}" for m in measured)],
        ["gas per operation", *(f"{m.gas // max(m.operations, 1):,}" for m in measured)],
        ["statements per sale", *(_hundredths(m.statements, m.commands) for m in measured)],
        ["sales per commit", *(_hundredths(m.commands, m.commits) for m in measured)],
        ["peak memory, all processes, MiB", *(f"{m.peak_kib // 1024:,}" for m in measured)],
    ]
    rows.append(
        [
            "audit: database = chain",
            *("yes" if not m.findings else f"{len(m.findings)} differences" for m in measured),
        ]
    )
    notes = [_notes(m) for m in measured]
    title = (
        f"scripts/bench checkout --sales {options.sales} --connections {options.connections}"
        f" --workers {options.workers}  ({os.cpu_count()} cores, Python {platform.python_version()},"
        f" {sys.platform}, {len(MERCHANTS)} merchants)"
    )
    failures = [f"  {m.name}: {text}" for m in measured for text in m.result.failures + m.findings[:5]]
    return "\n".join([table_text(title, header, rows), *notes, *failures])


def _notes(m: Measured) -> str:
    sales = max(m.result.statuses[201], 1)
    memory = ", ".join(f"{name} {kib // 1024}" for name, kib in m.memory.items())
    work = ", ".join(f"{name} {millis * 1000 // sales}" for name, millis in m.cpu_millis.items())
    return f"  {m.name}: MiB at the end: {memory}\n  {m.name}: CPU µs per sale: {work}"


def _millis(thousandths: int) -> str:
    return f"{thousandths // 1000}.{thousandths % 1000 // 100}"


def _hundredths(part: int, whole: int) -> str:
    hundredths = part * 100 // max(whole, 1)
    return f"{hundredths // 100}.{hundredths % 100:02d}"
