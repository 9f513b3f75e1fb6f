"""Re-executes the whole journal of signed transactions on an empty chain and compares what comes out (R13).

A block's hash covers its transactions, their receipts with all logs, and the state after it; so equal
hashes up to the mirror's last block prove them all, and the state at that block is then held against
the mirror's balances, nets and batch roots.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Row

from ledger_service.chain.client import Node
from ledger_service.chain.errors import WrongNetwork
from ledger_service.chain.indexer import cursor_of
from ledger_service.chain.journal import Journal
from ledger_service.chain.node_check import ChainMoves, check_node
from ledger_service.chain.reconciler import Difference
from ledger_service.chain.settings import Contracts
from ledger_service.db.engine import Database
from ledger_service.kernel.chain_tx import hash_of

Tick = Callable[[int, int], None]
# A bridge at work adds blocks meanwhile; so often its new ones are followed.
_ROUNDS = 5


@dataclass(slots=True)
class Reexecution:
    """How far the replayed chain is the recorded one, and what is not."""

    block_number: int = -1
    transactions: int = 0
    differences: list[Difference] = field(default_factory=list)

    @property
    def verified(self) -> bool:
        """Whether every block, balance, net and batch root came out as it was recorded."""
        return not self.differences


def reexecute(
    database: Database,
    fresh: Node,
    contracts: Contracts,
    tick: Tick = lambda _block, _transactions: None,
    first_block: int = 0,
) -> Reexecution:
    """Replay the journal into an empty node and compare every block, then the state, with the record.

    Args:
        database: with journal and mirror; read in chapters of bounded size.
        fresh: a node that has the first block and nothing above it.
        contracts: where the contracts stand.
        tick: told the block and the transactions so far, after every block.
        first_block: where the mirror begins.

    Raises:
        WrongNetwork: the node's first block is another one, or it does not let blocks be dated.
        ChainMoves: the bridge adds blocks faster than they are replayed.
    """
    journal, done = Journal(database, fresh, first_block), Reexecution()
    done.block_number = journal.common_ancestor()
    if done.block_number < first_block or not fresh.has_time_control:
        raise WrongNetwork(0, fresh.chain_id)
    moves = ChainMoves("nothing was replayed")
    for _ in range(_ROUNDS):
        recorded = _cursor(database)
        if not _follow(journal, done, tick):
            return done
        if done.block_number < recorded:
            missing = Difference("block", f"block {done.block_number + 1}", "recorded", "missing")
            done.differences.append(missing)
            return done
        try:
            done.differences += check_node(database, fresh, contracts, pause_seconds=0.0)
        except ChainMoves as more:
            moves = more
            continue
        return _checked_end(database, done)
    raise moves


def _follow(journal: Journal, done: Reexecution, tick: Tick) -> bool:
    with journal.replaying() as replay:
        for block, rows in journal.blocks_above(done.block_number):
            made = replay(block, [row.raw_tx for row in rows])
            if made != block.hash:
                done.differences += _forged(block, rows)
                told = "nothing" if made is None else made.hex()
                done.differences.append(Difference("block", f"block {block.number}", block.hash.hex(), told))
                return False
            done.block_number, done.transactions = block.number, done.transactions + len(rows)
            tick(done.block_number, done.transactions)
    return True


def _forged(block: Row[Any], rows: Sequence[Row[Any]]) -> list[Difference]:
    """Journal rows of a block whose bytes are not those of their hash."""
    hashes = [(row.tx_hash, hash_of(row.raw_tx)) for row in rows]
    return [
        Difference("journal", f"block {block.number} position {position}", stored.hex(), found.hex())
        for position, (stored, found) in enumerate(hashes)
        if stored != found
    ]


def _checked_end(database: Database, done: Reexecution) -> Reexecution:
    recorded = _cursor(database)
    if recorded < done.block_number:
        subject = "cursor behind the recorded blocks"
        done.differences.append(Difference("cursor", subject, done.block_number, recorded))
    return done


def _cursor(database: Database) -> int:
    with database.snapshot() as conn:
        cursor = cursor_of(conn)
    return -1 if cursor is None else cursor.number
