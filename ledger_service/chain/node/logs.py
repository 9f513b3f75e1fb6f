"""`eth_getLogs`: finds the blocks of a filter through the term index and compares the logs in them.

The blocks are the meeting points of the filter's term lists, found by leaping from one list to the next: the
work follows the shortest list, not the length of the chain.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ledger_service.chain.node.engine import Log
from ledger_service.chain.node.errors import LimitExceeded
from ledger_service.chain.node.lookup import block_by_number, render_logs, transactions_of
from ledger_service.chain.node.seal import decode_receipt
from ledger_service.chain.node.terms import ADDRESS_PLACE, term

MAX_LOGS = 20_000
MAX_EMPTY_BLOCKS = 100_000

Alternatives = tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class LogFilter:
    """What is asked for, both ends included. An empty tuple of alternatives means anything."""

    first: int
    last: int
    addresses: Alternatives = ()
    topics: tuple[Alternatives, ...] = ()

    def matches(self, log: Log) -> bool:
        """True when the log satisfies every condition."""
        address, topics, _ = log
        if self.addresses and address not in self.addresses:
            return False
        if len(topics) < len(self.topics):
            return False
        return all(not wanted or topics[place] in wanted for place, wanted in enumerate(self.topics))

    def term_lists(self) -> list[list[int]]:
        """Per condition the index terms of which a block must have one."""
        lists = [
            [term(place, value) for value in wanted] for place, wanted in enumerate(self.topics) if wanted
        ]
        if self.addresses:
            lists.append([term(ADDRESS_PLACE, value) for value in self.addresses])
        return lists


def find_logs(connection: sqlite3.Connection, wanted: LogFilter) -> list[dict[str, Any]]:
    """The matching logs in chain order.

    Raises:
        LimitExceeded: there are more than `MAX_LOGS`; ask for fewer blocks.
    """
    found: list[dict[str, Any]] = []
    for number in _candidates(connection, wanted):
        found += _logs_in(connection, number, wanted)
        if len(found) > MAX_LOGS:
            raise LimitExceeded(
                f"query returned more than {MAX_LOGS} results; ask for blocks up to {number - 1}"
            )
    return found


def _logs_in(connection: sqlite3.Connection, number: int, wanted: LogFilter) -> list[dict[str, Any]]:
    block = block_by_number(connection, number)
    if block is None:
        return []
    found = []
    for stored in transactions_of(connection, number):
        _, _, logs = decode_receipt(stored.receipt)
        if any(wanted.matches(log) for log in logs):
            rendered = render_logs(logs, stored, block.hash)
            found += [shown for shown, log in zip(rendered, logs, strict=True) if wanted.matches(log)]
    return found


def _candidates(connection: sqlite3.Connection, wanted: LogFilter) -> Iterator[int]:
    """Heights of blocks that may hold a match, ascending."""
    lists = wanted.term_lists()
    if not lists:
        yield from _with_transactions(connection, wanted)
        return
    number = wanted.first
    while number <= wanted.last:
        reached = number
        for terms in lists:
            following = _next_block(connection, terms, reached, wanted.last)
            if following is None:
                return
            reached = following
        if reached == number or len(lists) == 1:
            yield reached
            reached += 1
        number = reached


def _next_block(connection: sqlite3.Connection, terms: list[int], first: int, last: int) -> int | None:
    """The lowest block from `first` to `last` that has one of the terms."""
    best = None
    for value in terms:
        row = connection.execute(
            "SELECT block FROM log_term WHERE term = ? AND block BETWEEN ? AND ? ORDER BY block LIMIT 1",
            (value, first, last if best is None else best),
        ).fetchone()
        best = best if row is None else row[0]
    return best


def _with_transactions(connection: sqlite3.Connection, wanted: LogFilter) -> Iterator[int]:
    """Without a condition every block of the range that has a transaction counts."""
    if wanted.last - wanted.first >= MAX_EMPTY_BLOCKS:
        raise LimitExceeded(f"a filter without address and topics spans at most {MAX_EMPTY_BLOCKS} blocks")
    number = wanted.first - 1
    while True:
        row = connection.execute(
            "SELECT block FROM tx WHERE block > ? AND block <= ? ORDER BY block LIMIT 1",
            (number, wanted.last),
        ).fetchone()
        if row is None:
            return
        number = row[0]
        yield number
