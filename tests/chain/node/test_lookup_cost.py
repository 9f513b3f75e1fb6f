"""Lookups cost the same on a long chain as on a short one, counted in steps of SQLite's virtual machine."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ledger_service.chain.node.codec import keccak
from ledger_service.chain.node.logs import LogFilter, find_logs
from ledger_service.chain.node.lookup import (
    block_by_hash,
    block_by_number,
    head_number,
    transaction_by_hash,
    transactions_of,
    waiting_by_hash,
)
from ledger_service.chain.node.store import Store
from ledger_service.chain.node.terms import ADDRESS_PLACE, term

SHORT, LONG = 10, 100_000
BUSY, RARE, COMMON = b"\x0b" * 20, b"\x0a" * 32, b"\x0c" * 32


def _filled(path: Path, blocks: int) -> Store:
    """Index rows of a chain in which one contract logs in every block and one topic only in block 5."""
    store = Store(path)
    with store.writing() as connection:
        connection.executemany(
            "INSERT INTO block (number, hash, header, transactions) VALUES (?, ?, x'c0', 1)",
            ((number, keccak(b"b%d" % number)) for number in range(blocks)),
        )
        connection.executemany(
            "INSERT INTO tx (block, position, hash, sender, raw, gas_used, receipt) "
            "VALUES (?, 0, ?, x'01', x'00', 0, ?)",
            ((number, keccak(b"t%d" % number), b"\xc4\x01\x80\x80\xc0") for number in range(blocks)),
        )
        connection.executemany(
            "INSERT INTO log_term (term, block) VALUES (?, ?)",
            ((value, n) for n in range(blocks) for value in (term(ADDRESS_PLACE, BUSY), term(0, COMMON))),
        )
        connection.execute("INSERT INTO log_term (term, block) VALUES (?, 5)", (term(1, RARE),))
    return store


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[int, Store]]:
    made = {size: _filled(tmp_path_factory.mktemp("cost") / "c.db", size) for size in (SHORT, LONG)}
    yield made
    for store in made.values():
        store.close()


def _steps(store: Store, lookup: Callable[[sqlite3.Connection], Any]) -> int:
    count = 0

    def step() -> int:
        nonlocal count
        count += 1
        return 0

    with store.reading() as connection:
        connection.set_progress_handler(step, 1)
        lookup(connection)
        connection.set_progress_handler(None, 1)
    return count


LOOKUPS: dict[str, Callable[[sqlite3.Connection], Any]] = {
    "head": head_number,
    "block by number": lambda c: block_by_number(c, 7),
    "block by hash": lambda c: block_by_hash(c, keccak(b"b7")),
    "transaction by hash": lambda c: transaction_by_hash(c, keccak(b"t7")),
    "unknown transaction": lambda c: transaction_by_hash(c, keccak(b"none")),
    "waiting transaction": lambda c: waiting_by_hash(c, keccak(b"none")),
    "transactions of a block": lambda c: transactions_of(c, 7),
    "logs of a rare topic": lambda c: find_logs(c, LogFilter(0, LONG, (), ((), (RARE,)))),
    "logs of a rare topic of a busy contract": lambda c: find_logs(
        c, LogFilter(0, LONG, (BUSY,), ((COMMON,), (RARE,)))
    ),
    "logs that do not exist": lambda c: find_logs(c, LogFilter(0, LONG, (BUSY,), ((b"\x01" * 32,),))),
    "logs of one block": lambda c: find_logs(c, LogFilter(5, 5, (BUSY,))),
    "logs of one block without condition": lambda c: find_logs(c, LogFilter(5, 5)),
}


@pytest.mark.parametrize("name", LOOKUPS)
def test_a_lookup_takes_as_many_steps_at_block_100000_as_at_block_10(
    stores: dict[int, Store], name: str
) -> None:
    short, long = (_steps(stores[size], LOOKUPS[name]) for size in (SHORT, LONG))
    assert 0 < long <= short + 4, f"{name}: {short} steps on {SHORT} blocks, {long} on {LONG}"


def test_the_count_would_show_a_scan(stores: dict[int, Store]) -> None:
    scan = "SELECT count(*) FROM tx WHERE gas_used > 0"
    assert _steps(stores[LONG], lambda c: c.execute(scan).fetchall()) > LONG


def test_a_read_of_state_is_one_seek_in_a_large_state(tmp_path: Path) -> None:
    store = Store(tmp_path / "c.db")
    plan = store.writer.execute(
        "EXPLAIN QUERY PLAN "
        "SELECT body FROM node WHERE path BETWEEN x'01' AND x'02' ORDER BY path DESC LIMIT 1"
    ).fetchall()
    assert [row[3] for row in plan] == ["SEARCH node USING PRIMARY KEY (path>? AND path<?)"]
    store.close()
