"""A fresh index: the mirror read anew from the first block, and held against the one that grew day by day
(INV-8).

It needs a node, the registry and any ClearingHouse of its line, so a stranger can make one too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Table, or_, select

from ledger_service.chain.answers import Block
from ledger_service.chain.basis.models import chain_basis
from ledger_service.chain.conversion.models import chain_conversion, chain_wind_down
from ledger_service.chain.errors import MirrorsApart
from ledger_service.chain.indexer import Indexer, cursor_of
from ledger_service.chain.models import (
    chain_applied,
    chain_balance,
    chain_block,
    chain_counter,
    chain_house,
    chain_merchant_keys,
    chain_net,
    chain_operation,
    chain_period,
    chain_programme,
    chain_restored,
    chain_terms,
)
from ledger_service.chain.reserves import told
from ledger_service.db.engine import Database

MIRROR = (
    chain_block,
    chain_applied,
    chain_operation,
    chain_restored,
    chain_balance,
    chain_counter,
    chain_net,
    chain_programme,
    chain_terms,
    chain_basis,
    chain_conversion,
    chain_wind_down,
    chain_merchant_keys,
    chain_period,
    chain_house,
    *told.TABLES,
)
# A row whose sums all came down to nothing tells what no row tells.
_SUMS = {
    chain_balance: ("amount",),
    chain_net: ("net_micros",),
    chain_counter: ("issued", "redeemed", "restored", "clawed_back", "expired"),
}
_ROWS_AT_ONCE = 2_000
_STEP_BACK = 64

Tick = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Difference:
    """A row that only one of two mirrors has, or that they tell differently."""

    table: str
    key: str
    mirrored: str
    fresh: str


def read_chain(indexer: Indexer, tick: Tick = lambda _block, _operations: None) -> int:
    """Follow the node's chain from where the index stands to its head.

    Args:
        indexer: over an empty index, or one that was interrupted.
        tick: told the last block and the operations so far, after every step.

    Returns:
        how many operations were taken over.

    Raises:
        ChainUnavailable: the node does not answer; call again.
        LyingNode: its answers do not add up.
    """
    operations, back = 0, _STEP_BACK
    while True:
        step = indexer.step()
        cursor = indexer.cursor()
        if step.diverged and cursor is not None:
            operations -= indexer.rewind(cursor.number - back)
            back *= 2
            continue
        back = _STEP_BACK
        operations += step.operations
        tick(-1 if cursor is None else cursor.number, operations)
        if not step.blocks:
            return operations


def hold_against(live: Connection, indexer: Indexer, fresh: Database, most: int = 20) -> list[Difference]:
    """What two mirrors tell differently as of the live one's last block; at most so many.

    Args:
        live: one state of the database whose mirror is judged.
        indexer: the fresh index's, so that it can stop at the same block.
        fresh: the fresh index.
        most: differences to name.

    Raises:
        MirrorsApart: the fresh index has another block at that height: a reorg went on meanwhile.
    """
    stands = cursor_of(live)
    if stands is None:
        return []
    _stop_at(indexer, stands)
    with fresh.snapshot() as conn:
        found = (difference for table in MIRROR for difference in _of_table(table, live, conn))
        return [difference for difference, _ in zip(found, range(most), strict=False)]


def _stop_at(indexer: Indexer, stands: Block) -> None:
    """The fresh index ends at the same block."""
    mine = indexer.cursor()
    while mine is not None and mine.number < stands.number and indexer.step().blocks:
        mine = indexer.cursor()
    if mine is not None and mine.number > stands.number:
        indexer.rewind(stands.number)
        mine = indexer.cursor()
    if mine is None or mine.hash != stands.hash:
        raise MirrorsApart(stands.number)


def _of_table(table: Table, live: Connection, fresh: Connection) -> Iterator[Difference]:
    """Both tables side by side in the order of their key, a bounded number of rows in memory."""
    left, right = _rows(table, live), _rows(table, fresh)
    width = len(table.primary_key.columns)
    mine, theirs = next(left, None), next(right, None)
    while mine is not None or theirs is not None:
        if mine is None or (theirs is not None and theirs[:width] < mine[:width]):
            yield _difference(table, theirs, None, theirs)
            theirs = next(right, None)
        elif theirs is None or mine[:width] < theirs[:width]:
            yield _difference(table, mine, mine, None)
            mine = next(left, None)
        else:
            if mine != theirs:
                yield _difference(table, mine, mine, theirs)
            mine, theirs = next(left, None), next(right, None)


def _rows(table: Table, conn: Connection) -> Iterator[Any]:
    key = list(table.primary_key.columns)
    others = [column for column in table.columns if not column.primary_key]
    query = select(*key, *others).order_by(*key)
    if table in _SUMS:
        query = query.where(or_(*(table.c[name] != 0 for name in _SUMS[table])))
    return (tuple(row) for row in conn.execute(query.execution_options(yield_per=_ROWS_AT_ONCE)))


def _difference(table: Table, named: Any, mirrored: Any, fresh: Any) -> Difference:
    width = len(table.primary_key.columns)
    return Difference(table.name, _shown(named[:width]), _shown(mirrored), _shown(fresh))


def _shown(values: Any) -> str:
    if values is None:
        return "no row"
    return " ".join("0x" + v.hex() if isinstance(v, bytes) else str(v) for v in values)
