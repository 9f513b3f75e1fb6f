"""Follows the node's chain: guarded cursor, one db transaction per step, rewind when the chain changed
(R9, INV-8).

It decides what became of what we sent (mined, reverted, replaced), marks what is final, and tells
the registered handlers in the same db transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select, update

from ledger_service.chain import adoption, mirror, outcome
from ledger_service.chain.adoption import Found
from ledger_service.chain.answers import Block, Receipt
from ledger_service.chain.beside import book as beside
from ledger_service.chain.client import Node
from ledger_service.chain.conversion.telling import gone_after, told_by
from ledger_service.chain.desk import Desk
from ledger_service.chain.errors import LyingNode
from ledger_service.chain.houses import line_of
from ledger_service.chain.mirror import BlockFacts
from ledger_service.chain.models import chain_block, chain_cursor
from ledger_service.chain.ports import Handler
from ledger_service.chain.reading import facts_of, next_blocks
from ledger_service.chain.reserves import told
from ledger_service.chain.settings import ChainSettings, Contracts
from ledger_service.db.bulk import sql_of
from ledger_service.kernel.events import ChainEvent, HistoryTakenOver, LimitsChanged, OperationReorged


class CursorMoved(Exception):
    """Between reading and writing the cursor moved; nothing was written."""


@dataclass(frozen=True, slots=True)
class Step:
    """What one step found: blocks taken over, operations in them, whether the node's chain is another one,
    and whether there may be more blocks."""

    blocks: int = 0
    operations: int = 0
    diverged: bool = False
    more: bool = False


@dataclass(frozen=True, slots=True)
class Follower:
    """For whom the chain is followed: handlers to be told, and the sending keys whose transactions are
    ours."""

    handlers: tuple[Handler, ...] = ()
    signers: Callable[[], Sequence[bytes]] = tuple


_NOBODY = Follower()


class Indexer:
    """Keeps the mirror equal to the node's chain."""

    def __init__(
        self,
        desk: Desk,
        node: Node,
        contracts: Contracts,
        settings: ChainSettings,
        follower: Follower = _NOBODY,
    ) -> None:
        self._desk, self._node, self._settings, self._follower = desk, node, settings, follower
        self._contracts = contracts
        self._ask = 4

    def cursor(self) -> Block | None:
        """The last block that the mirror has, or None."""
        with self._desk.read() as conn:
            return cursor_of(conn)

    def step(self) -> Step:
        """Take over the next blocks, if there are any, or report that the node's chain is another one.

        Raises:
            ChainUnavailable: the node does not answer.
            LyingNode: its answers do not add up; the mirror is as before.
            LeadershipLost: another bridge works now.
        """
        cursor = self.cursor()
        blocks = next_blocks(self._node, cursor, self._settings.first_block, self._ask)
        if blocks is None:
            return Step(diverged=True)
        more = len(blocks) == self._ask
        self._ask = self._settings.blocks_per_read if more else 4
        if not blocks:
            return Step()
        read = self._facts(blocks)
        mined = [tx for block in blocks for tx in block.transactions]
        with self._desk.read() as conn:
            ours = outcome.ours_among(conn, mined)
        foreign = self._foreign([tx for tx in mined if tx not in ours])
        unproven = outcome.unproven([*ours, *foreign], read)
        receipts = dict(zip(unproven, self._node.receipts(unproven), strict=True))
        self._take_over(cursor, read, receipts, foreign)
        return Step(len(blocks), sum(len(ops) for facts in read for _, ops in facts.batches), more=more)

    def _facts(self, blocks: Sequence[Block]) -> list[BlockFacts]:
        with self._desk.read() as conn:
            line = line_of(conn, self._contracts)
        return facts_of(self._node, blocks, line)

    def _foreign(self, unknown: Sequence[bytes]) -> dict[bytes, Found]:
        """Transactions of our keys that this database did not store, as after the restore of a backup."""
        return adoption.find(self._node, self._follower.signers(), unknown) if unknown else {}

    def _take_over(
        self,
        cursor: Block | None,
        read: Sequence[BlockFacts],
        receipts: dict[bytes, Receipt | None],
        foreign: dict[bytes, Found],
    ) -> None:
        with self._desk.write() as conn:
            stored = cursor_of(conn)
            if (stored and stored.hash) != (cursor and cursor.hash):
                raise CursorMoved
            self._mirror(conn, read)
            if foreign:
                adoption.store(conn, read, foreign, self._desk.wall)
            events = outcome.record(conn, read, receipts)
            last = read[-1].block
            final = last.number - self._settings.confirmations
            _set_cursor(conn, last, final)
            events += outcome.finalise(conn, final)
            outcome.mark_mined(conn, read, final)
            events += mirror.agreed_in(read)
            events += told_by(read)
            if foreign:
                events = [*events, HistoryTakenOver()]
            if told.changes_limits(fact for facts in read for _, fact in facts.others):
                events = [*events, LimitsChanged()]
            self._tell(conn, events)

    def _mirror(self, conn: Connection, read: Sequence[BlockFacts]) -> None:
        try:
            mirror.apply(conn, read)
        except KeyError as failure:
            # A leg under terms, or a restore of a redemption, that no log ever showed us.
            raise LyingNode(read[0].block.number, "an operation cites what was never logged") from failure

    def rewind(self, to_number: int) -> int:
        """The mirror ends at block ``to_number`` again, and what stood above is to be sent once more.

        Returns:
            how many operations are no longer mined.

        Locks: the lease, then the rows of the mirror and of what was sent.
        """
        with self._desk.write() as conn:
            unagreed = [*mirror.agreed_after(conn, to_number), *gone_after(conn, to_number)]
            unlimited: list[ChainEvent] = [LimitsChanged()] if told.limits_after(conn, to_number) else []
            gone = mirror.rewind(conn, to_number)
            outcome.take_back(conn, to_number, sorted({o.batch for o in gone}))
            unjudged = beside.rewind(conn, to_number)
            block = _block_at(conn, to_number)
            if block is None:
                conn.execute(chain_cursor.delete())
            else:
                _set_cursor(conn, block, min(to_number, _final_of(conn)))
            reorged = (OperationReorged(o.op_id, o.batch) for o in gone)
            self._tell(conn, [*unlimited, *reorged, *unagreed, *unjudged])
        return len(gone)

    def _tell(self, conn: Connection, events: Sequence[ChainEvent]) -> None:
        if events:
            for handler in self._follower.handlers:
                handler(conn, events)


def cursor_of(conn: Connection) -> Block | None:
    """The block that the cursor names, or None before the first."""
    row = conn.execute(select(chain_cursor)).one_or_none()
    return None if row is None else Block(row.number, row.hash, row.parent_hash, 0, (), 0)


def _final_of(conn: Connection) -> int:
    return int(conn.execute(select(chain_cursor.c.final_number)).scalar_one())


def _set_cursor(conn: Connection, block: Block, final_number: int) -> None:
    values = {
        "number": block.number,
        "hash": block.hash,
        "parent_hash": block.parent_hash,
        "final_number": max(final_number, -1),
    }
    if conn.execute(update(chain_cursor).values(**values)).rowcount == 0:
        sql_of(chain_cursor, conn).insert(conn, [{"id": 1, **values}])


def _block_at(conn: Connection, number: int) -> Block | None:
    row = conn.execute(select(chain_block).where(chain_block.c.number == number)).one_or_none()
    return None if row is None else Block(row.number, row.hash, row.parent_hash, row.timestamp, (), 0)
