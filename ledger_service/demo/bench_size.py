"""The same sales beside ten thousand entries and beside millions: what a ledger's age costs.

The millions are copies of the replayed rows under fresh keys, put straight into the tables that a sale writes
to, so this database's audit would rightly complain; it is thrown away.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from typing import Any

import psycopg

from ledger_service.demo.bench_figures import Figures, hundredths
from ledger_service.demo.bench_load import prepare
from ledger_service.demo.bench_stage import PATIENCE_SECONDS, BenchOptions, Stage
from ledger_service.demo.load import LoadResult
from ledger_service.demo.screen import Screen

_BASKETS_PER_SALE = 4
_ROWS_AT_ONCE, _WRITTEN_OUT_EVERY, _TOLD_EVERY = 100_000, 500_000, 1_000_000
_ENDED_SECONDS = 2
_WHILE_FILLING = {"full_page_writes": "off", "max_wal_size": "16GB", "checkpoint_timeout": "1h"}
Execute = Callable[[str], Any]


async def measure(stage: Stage, options: BenchOptions) -> Figures:
    """Half of the sales, the millions, the other half: rate and processor time of both."""
    baskets = islice(stage.baskets, options.requests * _BASKETS_PER_SALE)
    shots = await prepare(stage.bench, baskets, options.requests)
    half = len(shots.wires) // 2
    young, young_cpu, young_kib = await _sold(stage, shots.wires[:half], options.connections)
    await stage.observer.caught_up(PATIENCE_SECONDS)
    entries = fill(stage, options.entries)
    # The filler's own backend is counted among the server's children once it has ended, and not as a sale's.
    await asyncio.sleep(_ENDED_SECONDS)
    old, old_cpu, old_kib = await _sold(stage, shots.wires[half:], options.connections)
    figures = Figures(stage.name)
    figures.failures += young.failures + old.failures
    figures.rows["entries at last"] = f"{entries:,}"
    figures.rows["sales/s young"] = f"{young.per_second:,}"
    figures.rows["sales/s old"] = f"{old.per_second:,}"
    figures.rows["time of a sale, old / young"] = hundredths(young.per_second, old.per_second)
    figures.rows["CPU of a sale, old / young"] = hundredths(
        sum(old_cpu.values()) * young.good, sum(young_cpu.values()) * max(old.good, 1)
    )
    figures.rows["KiB written to files a sale, young"] = hundredths(young_kib, young.good)
    figures.rows["KiB written to files a sale, old"] = hundredths(old_kib, old.good)
    figures.add_work("young sale", young, young_cpu)
    figures.add_work("old sale", old, old_cpu)
    return figures


async def _sold(stage: Stage, wires: list[bytes], connections: int) -> tuple[LoadResult, dict[str, int], int]:
    """What the load saw, the processor time of each process, and the KiB that all of them wrote."""
    worked, written = stage.fleet.cpu_millis_by_name(), stage.fleet.written_kib()
    result = await stage.fired(wires, connections)
    spent = {name: now - worked[name] for name, now in stage.fleet.cpu_millis_by_name().items()}
    return result, spent, stage.fleet.written_kib() - written


def fill(stage: Stage, wanted: int) -> int:
    """Copies of what is there, so many more entries; returns how many there are."""
    postgres = bool(stage.database_url)
    head = "SELECT sequence, intent_id FROM ledger_head" + (" FOR UPDATE" if postgres else "")
    total = 0
    with _connected(stage) as execute:
        models = tuple(execute(head).fetchone())
        for first in range(0, wanted, _ROWS_AT_ONCE):
            rows = min(_ROWS_AT_ONCE, wanted - first)
            execute("BEGIN" if postgres else "BEGIN IMMEDIATE")
            sequence, intent = execute(head).fetchone()
            for copy in _copies(models, (sequence - first, intent - first), postgres):
                execute(_copy(execute, copy, (first, first + rows - 1, postgres)))
            execute(f"UPDATE ledger_head SET sequence = {sequence + rows}, intent_id = {intent + rows}")
            execute("COMMIT")
            total = int(sequence) + rows
            if not postgres and not (first + rows) % _WRITTEN_OUT_EVERY:
                # Or its log grows past any disk: beside the service's readers it never starts anew.
                execute("PRAGMA wal_checkpoint(TRUNCATE)")
            if not (first + rows) % _TOLD_EVERY:
                Screen().say(f"  {total:,} entries")
        _tidy(execute, postgres)
    return total


def _tidy(execute: Execute, postgres: bool) -> None:
    """A ledger that grew over years has been vacuumed and written out; one filled in minutes has not."""
    for statement in ("VACUUM ANALYZE", "CHECKPOINT") if postgres else ("ANALYZE", "PRAGMA wal_checkpoint"):
        execute(statement)


def _copies(
    models: tuple[int, int], after: tuple[int, int], postgres: bool
) -> list[tuple[str, str, Mapping[str, str]]]:
    """Each table, where its model row comes from, and what a copy has of its own; ``n`` counts the copies."""
    (entries, intents), (sequence, intent) = models, after
    key = "decode(md5(random()::text || n), 'hex')" if postgres else "randomblob(16)"
    thousand = "(SELECT *, row_number() OVER () - 1 AS r FROM {} LIMIT 1000) AS t ON t.r = n % 1000"
    return [
        ("entry", f"entry AS t ON t.sequence = 1 + n % {entries}",
         {"sequence": f"{sequence} + 1 + n", "op_id": key}),
        ("posting", f"posting AS t ON t.position = 0 AND t.sequence = 1 + n % {entries}",
         {"sequence": f"{sequence} + 1 + n"}),
        ("intent", f"intent AS t ON t.intent_id = 1 + n % {intents}",
         {"intent_id": f"{intent} + 1 + n", "op_id": key}),
        ("idempotency", thousand.format("idempotency"), {"key": "'copy ' || n"}),
        ("sale", thousand.format("sale"), {"sale_id": key}),
    ]  # fmt: skip


def _copy(execute: Execute, copy: tuple[str, str, Mapping[str, str]], span: tuple[int, int, bool]) -> str:
    (table, source, fresh), (first, last, postgres) = copy, span
    names = [column[0] for column in execute(f"SELECT * FROM {table} LIMIT 0").description]
    values = ", ".join(fresh.get(name, f"t.{name}") for name in names)
    numbers = (
        f"generate_series({first}, {last}) AS s(n)" if postgres
        else f"(WITH RECURSIVE s(n) AS (SELECT {first} UNION ALL SELECT n + 1 FROM s WHERE n < {last})"
        " SELECT n FROM s) AS s"
    )  # fmt: skip
    return f"INSERT INTO {table} ({', '.join(names)}) SELECT {values} FROM {numbers} JOIN {source}"


@contextmanager
def _unguarded(execute: Execute) -> Iterator[None]:
    """The server writes no pages whole into its log and seldom writes out: millions of keys in no order would
    log each page of every index again and again. Filling is not measured; afterwards all is as it was.
    """
    for name, value in _WHILE_FILLING.items():
        execute(f"ALTER SYSTEM SET {name} = '{value}'")
    execute("SELECT pg_reload_conf()")
    try:
        yield
    finally:
        for name in _WHILE_FILLING:
            execute(f"ALTER SYSTEM RESET {name}")
        execute("SELECT pg_reload_conf()")
        execute("CHECKPOINT")


@contextmanager
def _connected(stage: Stage) -> Iterator[Execute]:
    if stage.database_url:
        with psycopg.connect(stage.database_url.replace("+psycopg", ""), autocommit=True) as server:
            server.execute("SET session_replication_role = replica")  # no look-ups of foreign keys
            server.execute("SET synchronous_commit = off")
            with _unguarded(server.execute):
                yield server.execute  # every text is made here, of our own names and numbers
        return
    file = sqlite3.connect(f"{stage.stack.settings['ALLIANCE_STATE_DIR']}/alliance.db", isolation_level=None)
    try:
        # Filling is not measured: a cache that holds the tops of all trees, and no waiting for the disk.
        for pragma in ("busy_timeout = 60000", "cache_size = -2097152", "synchronous = OFF"):
            file.execute(f"PRAGMA {pragma}")
        yield file.execute
    finally:
        file.close()
