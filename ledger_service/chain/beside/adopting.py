"""Batches that a contract has and this database does not, as after the restore of a backup: rebuilt from our
own keys' transactions, which the indexer has taken over by then."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, func, select, update

from ledger_service.chain.beside import book
from ledger_service.chain.beside.models import chain_beside_batch, chain_beside_item, step_of
from ledger_service.chain.beside.targets import SentOperation, Target, batch_of
from ledger_service.chain.models import chain_journal, chain_tx
from ledger_service.chain.ports import Wall
from ledger_service.kernel.chain_tx import call_of

_t = chain_tx.c


def greatest_number(conn: Connection, target: str) -> int:
    """The greatest number of any batch of the target that this database knows; 0 for none."""
    b = chain_beside_batch.c
    return int(conn.execute(select(func.max(b.number)).where(b.target == target)).scalar() or 0)


def adopt(conn: Connection, target: Target, wall: Wall) -> int:
    """Our transactions that handed over batches of the target, unknown here, are its batches now.

    Returns:
        how many there were.
    """
    unknown = _t.step.is_(None) & _t.batch_number.is_(None) & _t.state.in_(("mined", "final"))
    query = select(_t.tx_hash, chain_journal.c.raw_tx).join(
        chain_journal, chain_journal.c.tx_hash == _t.tx_hash
    )
    rows = conn.execute(query.where(unknown).order_by(chain_journal.c.position)).all()
    return sum(_adopt_one(conn, target, row, wall) for row in rows)


def _adopt_one(conn: Connection, target: Target, row: Any, wall: Wall) -> bool:
    to, data = call_of(row.raw_tx)
    found = batch_of(target, data) if to == target.address else None
    if found is None:
        return False
    number, operations = found
    _free(conn, operations)
    b = chain_beside_batch.c
    same = (b.target == target.name) & (b.number == number)
    if conn.execute(select(b.number).where(same)).first() is None:
        book.insert_batch(conn, target.name, number, operations, wall())
    step = step_of(target.name, number)
    conn.execute(update(chain_tx).where(_t.tx_hash == row.tx_hash).values(step=step))
    return True


def _free(conn: Connection, operations: list[SentOperation]) -> None:
    """Where one of them lives in another batch of ours, that one must not be mined any more (D8)."""
    n = chain_beside_item.c
    mine = n.op_id.in_([operation.op_id for operation in operations]) & n.live
    for row in conn.execute(select(n.target, n.batch).where(mine).distinct()).all():
        book.bury(conn, row.target, row.batch)
