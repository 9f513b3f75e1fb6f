"""Brings stored transactions to the node until a block has them: sends, sends again, bids more, fills gaps.

Everything it does follows from the rows of ``chain_tx`` and what the node says now; it keeps nothing
in memory that a ``kill -9`` could take.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import Row, func, select, update

from ledger_service.chain.client import Node
from ledger_service.chain.delivery import Delivery, Parcel
from ledger_service.chain.desk import Desk, clear_alarm, raise_alarm
from ledger_service.chain.errors import NodeRefusal, SendingKeyGone
from ledger_service.chain.failures import Failure, classify
from ledger_service.chain.models import chain_cursor, chain_journal, chain_signer, chain_tx
from ledger_service.chain.outbound import Draft, Outbound
from ledger_service.chain.settings import ChainSettings
from ledger_service.chain.standing import open_tx
from ledger_service.kernel.chain_tx import Fee, call_of

_OPEN = ("signed", "broadcast")
_NOOP_GAS = 21_000


class Submitter:
    """Sends what is signed, whoever of the sending keys signed it."""

    def __init__(
        self, desk: Desk, node: Node, outbound: Outbound, delivery: Delivery, settings: ChainSettings
    ) -> None:
        self._desk, self._node, self._outbound = desk, node, outbound
        self._delivery, self._settings = delivery, settings

    def in_flight(self) -> int:
        """How many stored transactions of all keys are in no block yet."""
        with self._desk.read() as conn:
            counted = select(func.count()).select_from(chain_tx).where(open_tx(*_OPEN))
            return int(conn.execute(counted).scalar_one())

    def step(self) -> int:
        """What is due is sent, in the order in which it was stored.

        A transaction waits until all those of another signer that were stored before it are in blocks,
        so that a chain that starts empty gets its contracts before it gets batches. The node's word is
        enough for that: an act of an operator waits in the very pass that would read the blocks.

        Returns:
            how many transactions were handed over.

        Raises:
            ChainUnavailable: nobody knows what arrived; the next step sends the same bytes again (R5).
        """
        rows = self._due()
        if any(row.sent_at is not None for row in rows):
            self._mend(rows[0].signer)
            rows = self._due()
        if not rows and (unread := self._in_unread_blocks()):
            rows = self._due(unread)
        return self._send(rows)

    def _in_unread_blocks(self) -> list[bytes]:
        """What was sent and is in blocks that the index has not read; empty where nobody waits for it."""
        with self._desk.read() as conn:
            opened = conn.execute(
                select(chain_tx.c.tx_hash, chain_tx.c.signer, chain_tx.c.state).where(open_tx(*_OPEN))
            ).all()
        if len({row.signer for row in opened}) < 2:
            return []
        sent = [row.tx_hash for row in opened if row.state == "broadcast"]
        receipts = self._node.receipts(sent) if sent else []
        return [hash_ for hash_, receipt in zip(sent, receipts, strict=True) if receipt is not None]

    def _due(self, unread: Sequence[bytes] = ()) -> list[Row[Any]]:
        opened = open_tx(*_OPEN) & chain_tx.c.tx_hash.not_in(unread)
        with self._desk.read() as conn:
            first = select(chain_tx.c.signer).where(opened).order_by(chain_tx.c.slot).limit(1)
            signer = conn.execute(first).scalar()
            if signer is None:
                return []
            other = opened & (chain_tx.c.signer != signer)
            limit = conn.execute(select(func.min(chain_tx.c.slot)).where(other)).scalar()
            late = self._desk.wall() - timedelta(seconds=self._settings.resend_after_seconds)
            due = opened & (chain_tx.c.sent_at.is_(None) | (chain_tx.c.sent_at < late))
            if limit is not None:
                due &= chain_tx.c.slot < limit
            query = select(chain_tx, chain_journal.c.raw_tx).join(
                chain_journal, chain_journal.c.tx_hash == chain_tx.c.tx_hash
            )
            query = query.where(due & (chain_tx.c.signer == signer)).order_by(chain_tx.c.nonce)
            return list(conn.execute(query.limit(4 * self._settings.most_in_flight)))

    def _send(self, rows: Sequence[Row[Any]]) -> int:
        if not rows:
            return 0
        answers = self._delivery.deliver([Parcel(row.raw_tx, row.timestamp) for row in rows])
        known = 0
        for row, answer in zip(rows, answers, strict=True):
            if isinstance(answer, NodeRefusal):
                failure = classify(self._node.version, answer)
                known += failure is Failure.ALREADY_KNOWN
                self._refused(row, failure, answer)
            else:
                self._accepted(row)
        if known:
            self._delivery.wake(known)
        return len(rows)

    def _accepted(self, row: Row[Any]) -> None:
        with self._desk.write() as conn:
            self_ = (chain_tx.c.tx_hash == row.tx_hash) & chain_tx.c.state.in_(_OPEN)
            now = self._desk.wall()
            conn.execute(update(chain_tx).where(self_).values(state="broadcast", sent_at=now, failure=None))

    def _refused(self, row: Row[Any], failure: Failure, answer: NodeRefusal) -> None:
        if failure is Failure.ALREADY_KNOWN:
            self._accepted(row)
            return
        with self._desk.write() as conn:
            self_ = (chain_tx.c.tx_hash == row.tx_hash) & chain_tx.c.state.in_(_OPEN)
            conn.execute(
                update(chain_tx).where(self_).values(failure=failure.value, sent_at=self._desk.wall())
            )
            # A used nonce is the good news of a lost answer, or a stranger's transaction: _mend tells which.
            if failure is not Failure.NONCE_USED:
                raise_alarm(conn, self._desk.wall, f"send-{failure.value}", row.tx_hash.hex(), answer.message)
        if failure.needs_bump:
            self._bump(row)
        elif failure.final:
            self._fill(row.signer, row.nonce)

    def _mend(self, signer: bytes) -> None:
        """R7 in both directions: nonces that the node lacks and we never stored, nonces that somebody else
        used."""
        used = self._node.nonce(signer)
        with self._desk.read() as conn:
            ours = chain_tx.c.signer == signer
            stored = select(chain_signer.c.next_nonce).where(chain_signer.c.address == signer)
            next_nonce = conn.execute(stored).scalar_one()
            live = (
                ours
                & (chain_tx.c.nonce >= used)
                & chain_tx.c.state.in_((*_OPEN, "mined", "final", "reverted"))
            )
            held = {row[0] for row in conn.execute(select(chain_tx.c.nonce).where(live))}
        if used > next_nonce:
            self._adopt_nonce(signer, used)
        for nonce in range(used, next_nonce):
            if nonce not in held and (key := self._key_of(signer)) is not None:
                self._fill_with(key, nonce)
        self._suspect_used(signer, used)
        self._bump_late(signer, used)

    def _adopt_nonce(self, signer: bytes, used: int) -> None:
        with self._desk.write() as conn:
            lower = (chain_signer.c.address == signer) & (chain_signer.c.next_nonce < used)
            conn.execute(update(chain_signer).where(lower).values(next_nonce=used))
            detail = f"the node counts {used} transactions, more than were ever stored here"
            raise_alarm(conn, self._desk.wall, "foreign-nonce", signer.hex(), detail)

    def _suspect_used(self, signer: bytes, used: int) -> None:
        """Open transactions under nonces that the node calls used up to the mirror's final block, while the
        mirror has none of them in a block: a stranger with our key sent what nobody can rebuild, or the node
        lies.

        A person is told and nothing is packed anew: only blocks that we have read prove a batch dead (D8). A
        stranger's transaction that can be rebuilt is in the mirror, and there it does prove that.
        """
        with self._desk.read() as conn:
            mine = (chain_tx.c.signer == signer) & (chain_tx.c.nonce < used) & open_tx(*_OPEN)
            nonces = list(conn.execute(select(chain_tx.c.nonce).where(mine)).scalars())
            final = conn.execute(select(chain_cursor.c.final_number)).scalar()
        if not nonces or final is None or final < 0:
            return
        used_final = self._node.nonce(signer, final)
        for nonce in nonces:
            if nonce < used_final:
                with self._desk.write() as conn:
                    raise_alarm(conn, self._desk.wall, "nonce-stolen", signer.hex(), f"nonce {nonce}")

    def _bump_late(self, signer: bytes, used: int) -> None:
        late = self._desk.wall() - timedelta(seconds=self._settings.bump_after_seconds)
        with self._desk.read() as conn:
            head = (
                (chain_tx.c.signer == signer) & (chain_tx.c.nonce == used) & (chain_tx.c.state == "broadcast")
            )
            row = conn.execute(select(chain_tx).where(head & (chain_tx.c.signed_at < late))).one_or_none()
        if row is not None and row.max_fee > 0:
            self._bump(row)

    def _bump(self, row: Row[Any]) -> None:
        """The same call under the same nonce with a higher bid; whichever of them is mined first counts."""
        key = self._key_of(row.signer)
        if key is None:
            return
        fee = Fee(row.max_fee, row.priority_fee).bumped(self._settings.bump_percent)
        floor = self._node.suggested_fee(self._settings.priority_fee_wei, self._settings.fee_floor_wei)
        fee = Fee(max(fee.max_fee, floor.max_fee), max(fee.priority_fee, floor.priority_fee))
        self._replace(row, key, self._draft_of(row), fee)

    def _key_of(self, signer: bytes) -> str | None:
        """The name of the key; None where custody holds it no more. The same bytes can still be sent, so the
        others go on and a person is told."""
        try:
            return self._outbound.key_of(signer)
        except SendingKeyGone as gone:
            with self._desk.write() as conn:
                raise_alarm(conn, self._desk.wall, gone.code, signer.hex(), gone.fix)
            return None

    def _draft_of(self, row: Row[Any]) -> Draft:
        with self._desk.read() as conn:
            query = select(chain_journal.c.raw_tx).where(chain_journal.c.tx_hash == row.tx_hash)
            to, data = call_of(conn.execute(query).scalar_one())
        return Draft(to, data, row.gas, row.batch_number, row.step, row.timestamp)

    def _fill(self, signer: bytes, nonce: int) -> None:
        """Bytes that can never be mined make way for a no-op, so that the nonces behind them are not
        stuck."""
        with self._desk.read() as conn:
            same = (chain_tx.c.signer == signer) & (chain_tx.c.nonce == nonce) & chain_tx.c.state.in_(_OPEN)
            row = conn.execute(select(chain_tx).where(same)).one_or_none()
        key = None if row is None else self._key_of(signer)
        if row is not None and key is not None:
            noop = Draft(signer, b"", _NOOP_GAS, timestamp=row.timestamp)
            self._replace(row, key, noop, None)

    def _replace(self, row: Row[Any], key: str, draft: Draft, fee: Fee | None) -> None:
        with self._desk.read() as conn:
            attempt = self._next_attempt(conn, row.signer, row.nonce)
        signed = self._outbound.sign(key, row.nonce, draft, fee, attempt)
        with self._desk.write() as conn:
            still = (chain_tx.c.tx_hash == row.tx_hash) & chain_tx.c.state.in_(_OPEN)
            if conn.execute(update(chain_tx).where(still).values(state="replaced")).rowcount == 1:
                self._outbound.store(conn, signed)

    def _fill_with(self, key: str, nonce: int) -> None:
        signer = self._outbound.sender(key)
        with self._desk.read() as conn:
            attempt = self._next_attempt(conn, signer, nonce)
        signed = self._outbound.sign(key, nonce, Draft(signer, b"", _NOOP_GAS), None, attempt)
        with self._desk.write() as conn:
            self._outbound.store(conn, signed)
            clear_alarm(conn, "foreign-nonce", signer.hex())

    def _next_attempt(self, conn: Any, signer: bytes, nonce: int) -> int:
        same = (chain_tx.c.signer == signer) & (chain_tx.c.nonce == nonce)
        return (
            int(
                conn.execute(select(func.coalesce(func.max(chain_tx.c.attempt), -1)).where(same)).scalar_one()
            )
            + 1
        )
