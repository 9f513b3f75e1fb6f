"""What became of what we sent: mined, reverted, replaced, final, dead; written beside the mirror.

D8: a batch is dead, and its operations may be packed anew, only when at finality depth its own
transaction stands as reverted, a later batch number stands applied, or its nonce was used by
another transaction.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, exists, select, update

from ledger_service.chain import adoption, queue
from ledger_service.chain.answers import Receipt
from ledger_service.chain.decode import BatchApplied, MinedOperation
from ledger_service.chain.errors import LyingNode
from ledger_service.chain.mirror import BlockFacts
from ledger_service.chain.models import (
    chain_applied,
    chain_batch,
    chain_batch_item,
    chain_journal,
    chain_tx,
)
from ledger_service.chain.standing import open_tx, unsettled
from ledger_service.kernel.events import ChainEvent, OperationFinal, OperationMined
from ledger_service.outbox.models import State

Ours = dict[bytes, "Row[Any]"]


def ours_among(conn: Connection, hashes: Sequence[bytes]) -> Ours:
    """Our transactions among these, by hash."""
    if not hashes:
        return {}
    return {
        row.tx_hash: row for row in conn.execute(select(chain_tx).where(chain_tx.c.tx_hash.in_(list(hashes))))
    }


def unproven(ours: Iterable[bytes], read: Sequence[BlockFacts]) -> list[bytes]:
    """Those of our transactions in these blocks whose success no event proves: their receipts must tell."""
    proven = {tx_hash for facts in read for tx_hash in facts.carriers.values()}
    return [tx_hash for tx_hash in ours if tx_hash not in proven]


def record(
    conn: Connection, read: Sequence[BlockFacts], receipts: Mapping[bytes, Receipt | None]
) -> list[ChainEvent]:
    """What these blocks decide about our transactions and batches is written.

    Raises:
        LyingNode: a receipt that is missing, or says success for a batch whose events are not there,
            or a batch with another root than we signed.
    """
    events: list[ChainEvent] = []
    for facts in read:
        ours = ours_among(conn, facts.block.transactions)
        for position, tx_hash in enumerate(facts.block.transactions):
            if tx_hash in ours:
                _record_tx(conn, facts, ours[tx_hash], position, receipts.get(tx_hash))
        for applied, operations in facts.batches:
            _record_batch(conn, facts, applied, operations)
            events += [
                OperationMined(
                    o.op_id, int(o.kind), o.leaf, o.batch, o.position, facts.block.number, applied.period
                )
                for o in operations
            ]
    return events


def _record_tx(conn: Connection, facts: BlockFacts, row: Any, position: int, receipt: Receipt | None) -> None:
    block = facts.block
    applied = row.batch_number is not None and facts.carriers.get(row.batch_number) == row.tx_hash
    if receipt is None and not applied:
        raise LyingNode(block.number, "no receipt for a transaction of this block")
    if receipt is not None and receipt.succeeded and row.batch_number is not None and not applied:
        raise LyingNode(block.number, f"batch {row.batch_number} succeeded without events")
    succeeded = applied or (receipt is not None and receipt.succeeded)
    others = (
        (chain_tx.c.signer == row.signer)
        & (chain_tx.c.nonce == row.nonce)
        & (chain_tx.c.tx_hash != row.tx_hash)
    )
    conn.execute(update(chain_tx).where(others & (chain_tx.c.state != "dropped")).values(state="replaced"))
    conn.execute(
        update(chain_tx)
        .where(chain_tx.c.tx_hash == row.tx_hash)
        .values(
            state="mined" if succeeded else "reverted",
            block_number=block.number,
            gas_used=None if receipt is None else receipt.gas_used,
        )
    )
    conn.execute(
        update(chain_journal)
        .where(chain_journal.c.tx_hash == row.tx_hash)
        .values(
            block_timestamp=block.timestamp,
            block_number=block.number,
            block_hash=block.hash,
            block_position=position,
        )
    )
    if row.batch_number is not None and not succeeded:
        conn.execute(
            update(chain_batch).where(chain_batch.c.number == row.batch_number).values(state="reverted")
        )


def _record_batch(
    conn: Connection, facts: BlockFacts, applied: BatchApplied, operations: Sequence[MinedOperation]
) -> None:
    same = select(chain_batch).where(chain_batch.c.number == applied.number)
    batch = conn.execute(same).one_or_none()
    if batch is None:
        # Sent by a key that is not one of ours: its transaction is unknown, what it carried is not.
        adoption.take_batch(conn, facts.block, applied, operations)
        batch = conn.execute(same).one()
    if batch.state == "dead":
        queue.adopt(conn, applied.number, operations, State.MINED)
        return
    if (batch.root, batch._mapping["count"]) != (applied.root, applied.count):
        raise LyingNode(facts.block.number, f"batch {applied.number} is not the one we signed")
    conn.execute(update(chain_batch).where(chain_batch.c.number == applied.number).values(state="mined"))


def mark_mined(conn: Connection, read: Sequence[BlockFacts], final_number: int) -> None:
    """The intents of batches in these blocks are mined; those that are final already were moved at once."""
    fresh = [facts for facts in read if facts.block.number > final_number]
    queue.move_batches(conn, [applied.number for facts in fresh for applied, _ in facts.batches], State.MINED)


def finalise(conn: Connection, final_number: int) -> list[ChainEvent]:
    """Whatever stands at or below this height is final, and what it proves dead is dead (D8)."""
    deep = chain_tx.c.block_number <= final_number
    conn.execute(update(chain_tx).where(deep & open_tx("mined")).values(state="final"))
    applied = exists().where(
        (chain_applied.c.number == chain_batch.c.number) & (chain_applied.c.block_number <= final_number)
    )
    fresh = applied & unsettled("mined")
    numbers = [row[0] for row in conn.execute(select(chain_batch.c.number).where(fresh))]
    if numbers:
        conn.execute(update(chain_batch).where(chain_batch.c.number.in_(numbers)).values(state="final"))
    foreign = _foreign_final(conn, final_number)
    queue.move_batches(conn, [*numbers, *foreign], State.FINAL)
    for number in _provably_dead(conn, final_number):
        bury(conn, number)
    return _final_events(conn, numbers)


def _foreign_final(conn: Connection, final_number: int) -> list[int]:
    # Adopted intents stand in batches that chain_batch has as dead.
    mined = queue.mined_batches(conn)
    if not mined:
        return []
    deep = (chain_applied.c.block_number <= final_number) & chain_applied.c.number.in_(mined)
    return [row[0] for row in conn.execute(select(chain_applied.c.number).where(deep))]


def _final_events(conn: Connection, numbers: Sequence[int]) -> list[ChainEvent]:
    if not numbers:
        return []
    query = select(chain_batch_item.c.op_id, chain_batch_item.c.batch)
    return [
        OperationFinal(*row) for row in conn.execute(query.where(chain_batch_item.c.batch.in_(list(numbers))))
    ]


def _provably_dead(conn: Connection, final_number: int) -> list[int]:
    reverted = (chain_tx.c.batch_number == chain_batch.c.number) & (chain_tx.c.state == "reverted")
    own = exists().where(reverted & (chain_tx.c.block_number <= final_number))
    later = exists().where(
        (chain_applied.c.number > chain_batch.c.number) & (chain_applied.c.block_number <= final_number)
    )
    other = chain_tx.alias("other")
    nonce_gone = exists().where(
        (chain_tx.c.batch_number == chain_batch.c.number)
        & (other.c.signer == chain_tx.c.signer)
        & (other.c.nonce == chain_tx.c.nonce)
        & (other.c.batch_number.is_distinct_from(chain_tx.c.batch_number))
        & other.c.state.in_(("mined", "reverted", "final"))
        & (other.c.block_number <= final_number)
    )
    query = select(chain_batch.c.number).where(unsettled("signed", "reverted") & (own | later | nonce_gone))
    return [row[0] for row in conn.execute(query)]


def bury(conn: Connection, number: int) -> None:
    """The batch is dead for good: its operations are queued again, its transactions are no longer sent."""
    conn.execute(update(chain_batch).where(chain_batch.c.number == number).values(state="dead"))
    conn.execute(update(chain_batch_item).where(chain_batch_item.c.batch == number).values(live=False))
    waiting = (chain_tx.c.batch_number == number) & chain_tx.c.state.in_(("signed", "broadcast"))
    conn.execute(update(chain_tx).where(waiting).values(state="dropped"))
    queue.requeue(conn, number)


def take_back(conn: Connection, to_number: int, numbers: Sequence[int]) -> None:
    """What stood above block ``to_number`` is signed and not in a block; live batches are sent again as
    they are.

    Args:
        conn: the leader's db transaction.
        to_number: the height that stays.
        numbers: the batches that were applied above that block.

    A dead batch stays dead: its operations may stand elsewhere by now, so its transaction is never
    sent again and a no-op takes its nonce. A batch whose transaction is not known here cannot be sent
    again; it waits until it is mined late or provably dead (D8).
    """
    above = chain_tx.c.block_number > to_number
    dead = select(chain_batch.c.number).where(chain_batch.c.state == "dead")
    gone = above & chain_tx.c.batch_number.in_(dead)
    conn.execute(update(chain_tx).where(gone).values(state="dropped", block_number=None, gas_used=None))
    back = above & chain_tx.c.state.in_(("mined", "final", "reverted"))
    hit = [row[0] for row in conn.execute(select(chain_tx.c.batch_number).where(back)) if row[0] is not None]
    conn.execute(
        update(chain_tx).where(back).values(state="signed", block_number=None, gas_used=None, sent_at=None)
    )
    listed = chain_batch.c.number.in_({*hit, *numbers}) & (chain_batch.c.state != "dead")
    alive = list(conn.execute(select(chain_batch.c.number).where(listed)).scalars())
    conn.execute(update(chain_batch).where(chain_batch.c.number.in_(alive)).values(state="signed"))
    queue.move_batches(conn, alive, State.PACKED)
    for number in set(numbers) - set(alive):
        queue.disown(conn, number)
