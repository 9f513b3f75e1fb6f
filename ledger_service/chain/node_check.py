"""Holds the mirror against the contracts' own views, both as of the block that the mirror's cursor names.

A chain goes on while it is read. So every question is asked at the cursor's block, and the answers count
only if the node has that block before and after; else everything is read again from a newer snapshot.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

from sqlalchemy import Connection, func, select

from ledger_service.chain import models as m
from ledger_service.chain.answers import Block
from ledger_service.chain.artifacts import load
from ledger_service.chain.client import CallAt, Node
from ledger_service.chain.errors import NodeRefusal
from ledger_service.chain.houses import line_of
from ledger_service.chain.indexer import cursor_of
from ledger_service.chain.reconciler import Difference
from ledger_service.chain.settings import Contracts
from ledger_service.db.engine import Database

_CHUNK = 500
_ATTEMPTS = 5
_PAUSE_SECONDS = 0.5


class ChainMoves(Exception):
    """Mirror and node could not be read as of one block, however often; nothing is proven or refuted."""


class _Moved(Exception):
    """A reading that does not count."""


@dataclass(frozen=True, slots=True)
class _Question:
    to: bytes
    data: bytes
    expected: int
    check: str
    subject: str


def check_node(
    database: Database, node: Node, contracts: Contracts, pause_seconds: float = _PAUSE_SECONDS
) -> list[Difference]:
    """Compare the mirror with the contracts' own views at the mirror's last block.

    Args:
        database: where the mirror stands.
        node: whom to ask; balances in chunks, so that memory does not grow with their number.
        contracts: where the contracts stand.
        pause_seconds: how long to wait before everything is read again.

    Raises:
        ChainMoves: the node keeps leaving the mirror's block or its state behind.
        ChainUnavailable: the node does not answer.
    """
    moved = _Moved("never asked")
    for attempt in range(_ATTEMPTS):
        if attempt:
            time.sleep(pause_seconds)
        try:
            return _read_once(database, node, contracts)
        except _Moved as once_more:
            moved = once_more
    raise ChainMoves(str(moved))


class Net(NamedTuple):
    """A merchant's net of a period in micros, as the contract tells it."""

    merchant: int
    micros: int


def nets_of_contract(conn: Connection, node: Node, of: tuple[Contracts, int], block_number: int) -> list[Net]:
    """The net of every merchant that the chain ever admitted, as of a block.

    Args:
        conn: the index, for merchants and the ClearingHouse in force.
        node: whom to ask.
        of: the contracts and the period.
        block_number: the index's last.

    Raises:
        ChainMoves: the node does not tell it of that block.
        ChainUnavailable: the node does not answer.
    """
    contracts, period = of
    house, at = load("ClearingHouse"), line_of(conn, contracts).in_force
    key = m.chain_merchant_keys.c.merchant
    merchants = list(conn.execute(select(key).distinct().order_by(key)).scalars())
    nets = []
    for start in range(0, len(merchants), _CHUNK):
        some = merchants[start : start + _CHUNK]
        asks = [CallAt(bytes(20), at, house.call_data("net", period, x), at=hex(block_number)) for x in some]
        for merchant, answer in zip(some, node.calls(asks), strict=True):
            if isinstance(answer, NodeRefusal):
                raise ChainMoves(f"the node does not tell nets at block {block_number}: {answer.message}")
            nets.append(Net(merchant, int.from_bytes(answer[:32], "big", signed=True)))
    return nets


def _read_once(database: Database, node: Node, contracts: Contracts) -> list[Difference]:
    with database.snapshot() as conn:
        cursor = cursor_of(conn)
        if cursor is None:
            return []
        _must_have(node, cursor)
        found = list(_differences(conn, node, contracts, hex(cursor.number)))
    _must_have(node, cursor)
    return found


def _must_have(node: Node, cursor: Block) -> None:
    block = node.blocks([cursor.number])[0]
    if block is None or block.hash != cursor.hash:
        there = "nothing" if block is None else block.hash.hex()
        raise _Moved(f"the mirror's block {cursor.number} is {cursor.hash.hex()}, the node has {there} there")


def _differences(conn: Connection, node: Node, contracts: Contracts, at: str) -> Iterator[Difference]:
    questions = _questions(conn, contracts)
    while asked := list(islice(questions, _CHUNK)):
        answers = node.calls([CallAt(bytes(20), q.to, q.data, at=at) for q in asked])
        for question, answer in zip(asked, answers, strict=True):
            if isinstance(answer, NodeRefusal):
                raise _Moved(f"the node does not tell {question.check} at block {at}: {answer.message}")
            actual = int.from_bytes(answer[:32], "big", signed=True)
            if actual != question.expected:
                yield Difference(question.check, question.subject, question.expected, actual)


def _questions(conn: Connection, contracts: Contracts) -> Iterator[_Question]:
    house, points, at = load("ClearingHouse"), load("AlliancePoints"), line_of(conn, contracts).in_force
    tokens = {row.programme_id: row.token for row in conn.execute(select(m.chain_programme))}
    last = conn.execute(select(func.coalesce(func.max(m.chain_applied.c.number), 0))).scalar_one()
    yield _Question(at, house.call_data("lastBatch"), last, "last-batch", "")
    for b in conn.execution_options(stream_results=True).execute(select(m.chain_balance)):
        data = points.call_data("balanceAtEpochRaw", "0x" + b.account.hex(), b.epoch)
        subject = f"account 0x{b.account.hex()} programme {b.programme_id} epoch {b.epoch}"
        # Nobody's address has no points: a balance of a programme that no log created is a difference.
        token = tokens.get(b.programme_id, bytes(20))
        yield _Question(token, data, b.amount, "node-balance", subject)
    for a in conn.execution_options(stream_results=True).execute(select(m.chain_applied)):
        root = int.from_bytes(a.root, "big", signed=True)
        yield _Question(at, house.call_data("rootOf", a.number), root, "node-batch-root", f"batch {a.number}")
    for n in conn.execute(select(m.chain_net)):
        subject = f"period {n.period} merchant {n.merchant}"
        yield _Question(at, house.call_data("net", n.period, n.merchant), n.net_micros, "node-net", subject)
