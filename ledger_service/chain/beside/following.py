"""What became of a contract's batches that are not settled yet: read from the transactions that the indexer
follows and, once one is in a block, from the logs in its receipt, of which nothing is believed that does not
add up (R9).

D8: a batch is dead, and its operations may be packed anew, only when at finality depth its transaction stands
as reverted or its nonce was used by another call.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, or_, select, update

from ledger_service.chain.beside import book
from ledger_service.chain.beside.models import UNSETTLED, chain_beside_batch, step_of
from ledger_service.chain.beside.targets import Target, Told, told_by
from ledger_service.chain.client import Node
from ledger_service.chain.desk import Desk
from ledger_service.chain.errors import LyingNode
from ledger_service.chain.models import chain_cursor, chain_journal, chain_tx
from ledger_service.chain.ports import Handler
from ledger_service.kernel.beside import refused_outcome
from ledger_service.kernel.chain_tx import call_of
from ledger_service.kernel.events import BesideJudged
from ledger_service.kernel.merkle import root_of
from ledger_service.outbox.beside.models import beside_intent

_MINED = ("mined", "final")
_t = chain_tx.c


@dataclass(frozen=True, slots=True)
class Follow:
    """Settles batches of any target."""

    desk: Desk
    node: Node
    handlers: tuple[Handler, ...] = ()

    def step(self, target: Target) -> bool:
        """What is known of the target's batches is written.

        Returns:
            whether all of them are in blocks or dead, so that the next may be packed.

        Raises:
            ChainUnavailable: the node does not answer.
            LyingNode: a receipt that does not fit what was signed; nothing was written of it.
        """
        with self.desk.read() as conn:
            batches = _unsettled(conn, target.name)
            if not batches:
                return True
            final = conn.execute(select(chain_cursor.c.final_number)).scalar()
        for batch in batches:
            self._settle(target, batch, -1 if final is None else int(final))
        with self.desk.read() as conn:
            return all(batch.state == "mined" for batch in _unsettled(conn, target.name))

    def _settle(self, target: Target, batch: Row[Any], final: int) -> None:
        with self.desk.read() as conn:
            txs = conn.execute(select(chain_tx).where(_t.step == step_of(target.name, batch.number))).all()
        mined = next((tx for tx in txs if tx.state in _MINED), None)
        reverted = next((tx for tx in txs if tx.state == "reverted"), None)
        if mined is not None:
            if batch.state != "mined":
                self._judge(target, batch, mined)
            if mined.block_number <= final:
                self._finish(target, batch.number, mined.block_number)
        elif reverted is not None:
            self._revert(target, batch.number, reverted.block_number, final)
        elif not any(tx.state in ("signed", "broadcast") for tx in txs):
            self._seek(target, batch.number, txs, final)

    def _judge(self, target: Target, batch: Row[Any], tx: Row[Any]) -> None:
        told = self._told(target, tx)
        with self.desk.write() as conn:
            items = book.items_of(conn, target.name, batch.number)
            _check(batch.number, [item.leaf for item in items], told, tx.block_number)
            book.judge(conn, batch, told.root, tx.block_number, told.refusals)
            book.move(conn, target.name, batch.number, state="mined", reason=None)
            events = []
            for item in items:
                reason = told.refusals.get(item.position)
                text = None if reason is None else target.reason_text(reason)
                mine = beside_intent.c.op_id == item.op_id
                if text is not None:
                    conn.execute(update(beside_intent).where(mine).values(reason=text))
                kind = conn.execute(select(beside_intent.c.kind).where(mine)).scalar()
                if kind is not None:
                    events.append(BesideJudged(item.op_id, target.name, kind, text))
            for handler in self.handlers:
                handler(conn, events)

    def _told(self, target: Target, tx: Row[Any]) -> Told:
        logs = self.node.logs_in_receipts([tx.tx_hash])[0]
        try:
            told = None if logs is None else told_by(target, logs)
        except (KeyError, IndexError, TypeError, ValueError) as failure:
            raise LyingNode(tx.block_number, "a log that its event cannot have written") from failure
        if told is None:
            raise LyingNode(tx.block_number, f"a batch of {target.name} succeeded without events")
        return told

    def _finish(self, target: Target, number: int, block: int) -> None:
        with self.desk.write() as conn:
            book.set_state(conn, target.name, number, "final", block)
            book.move(conn, target.name, number, state="final")

    def _revert(self, target: Target, number: int, block: int, final: int) -> None:
        with self.desk.write() as conn:
            if block <= final:
                book.bury(conn, target.name, number)
            else:
                book.set_state(conn, target.name, number, "reverted", block)

    def _seek(self, target: Target, number: int, txs: Sequence[Row[Any]], final: int) -> None:
        """Another transaction has the nonce: the same call with another bid, as after a restore, or not."""
        with self.desk.write() as conn:
            others = _of_same_nonces(conn, txs)
            calls = {call_of(raw) for raw in _raw(conn, [tx.tx_hash for tx in txs])}
            for other in others:
                if call_of(_raw(conn, [other.tx_hash])[0]) in calls:
                    same = _t.tx_hash == other.tx_hash
                    step = step_of(target.name, number)
                    conn.execute(update(chain_tx).where(same).values(step=step))
                    return
            if not txs or any(other.block_number <= final for other in others):
                book.bury(conn, target.name, number)


def _unsettled(conn: Connection, target: str) -> Sequence[Row[Any]]:
    b = chain_beside_batch.c
    query = select(chain_beside_batch).where((b.target == target) & UNSETTLED)
    return conn.execute(query.order_by(b.number)).all()


def _of_same_nonces(conn: Connection, txs: Sequence[Row[Any]]) -> Sequence[Row[Any]]:
    if not txs:
        return []
    mine = [tx.tx_hash for tx in txs]
    places = or_(*((_t.signer == tx.signer) & (_t.nonce == tx.nonce) for tx in txs))
    stand = _t.state.in_((*_MINED, "reverted"))
    return conn.execute(select(chain_tx).where(places & stand & _t.tx_hash.not_in(mine))).all()


def _raw(conn: Connection, hashes: Sequence[bytes]) -> list[bytes]:
    j = chain_journal.c
    return [bytes(row[0]) for row in conn.execute(select(j.raw_tx).where(j.tx_hash.in_(list(hashes))))]


def _check(number: int, leaves: Sequence[bytes], told: Told, block: int) -> None:
    if (told.number, told.count) != (number, len(leaves)) or any(at >= len(leaves) for at in told.refusals):
        raise LyingNode(block, f"batch {number} is not the one we signed")
    outcomes = [
        leaf if at not in told.refusals else refused_outcome(leaf, told.refusals[at], at)
        for at, leaf in enumerate(leaves)
    ]
    if root_of(outcomes) != told.root:
        raise LyingNode(block, f"batch {number} has another root")
