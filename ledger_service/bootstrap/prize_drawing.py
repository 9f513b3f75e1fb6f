"""The bridge finds the block that draws each prize pool, once it is final, and alarms of prizes that cannot
be given.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import partial

from sqlalchemy import Connection, select

from ledger_service.chain.client import Node
from ledger_service.chain.desk import raise_alarm
from ledger_service.chain.drawing import first_behind, second_of
from ledger_service.chain.item_reading import ItemChain
from ledger_service.chain.models import chain_alarm
from ledger_service.db.engine import Database
from ledger_service.db.writer import Writer
from ledger_service.kernel.clock import Clock
from ledger_service.traceability.prizes.queries import PoolRow, lately_stopped, undrawn
from ledger_service.traceability.prizes.rules import Beacon
from ledger_service.traceability.prizes.service import set_block

_AT_ONCE = 50


@dataclass(frozen=True, slots=True)
class PrizeDrawer:
    """Runs on the leading bridge; ``confirmations`` are the blocks on top of a final one."""

    database: Database
    node: Node
    registry: bytes
    log: bytes
    confirmations: int
    clock: Clock

    def run(self) -> bool:
        """Every pool whose block is there for good has it; returns False: the others wait for a block.

        Raises:
            ChainUnavailable: they all wait.
        """
        waiting = self._behind(0)
        if not waiting:
            return False
        head = self.node.head_number()
        last = head - self.confirmations
        if last < 0:
            return False
        chain, second = ItemChain(self.node, self.registry, self.log, hex(head)), second_of(self.node, last)
        while waiting:
            for row, root in waiting:
                # Whoever waits for its day costs the node nothing, and nobody waits behind it.
                if row.pool.draws_at is None or row.pool.draws_at <= second:
                    self._draw(chain, row, root, last)
            waiting = self._behind(waiting[-1][0].batch_no)
        return False

    def _behind(self, batch_no: int) -> list[tuple[PoolRow, bytes]]:
        with self.database.read() as conn:
            return undrawn(conn, batch_no, _AT_ONCE)

    def _draw(self, chain: ItemChain, row: PoolRow, root: bytes, last: int) -> None:
        anchored = chain.anchored_in(root)
        if anchored is None:
            return
        found = first_behind(self.node, anchored, row.pool.draws_at, last)
        if found is not None:
            with self.database.begin() as conn:
                set_block(conn, row.batch_no, Beacon(found.number, found.hash), self.clock.now())


def alarm_stopped_prizes(database: Database, writer: Writer, at: datetime) -> None:
    """An alarm stands for each batch of which a prize was just stopped with its coupon.

    Idempotency: once a batch, until a person clears it.
    """
    with database.read() as conn:
        batches = lately_stopped(conn, at)
        c = chain_alarm.c
        standing = select(c.subject).where((c.code == "prize-stopped") & c.subject.in_(map(str, batches)))
        known = set(conn.execute(standing).scalars()) if batches else set()
    for batch in batches:
        if str(batch) not in known:
            writer.run(partial(_alarm, subject=str(batch), at=at))


def _alarm(conn: Connection, subject: str, at: datetime) -> None:
    detail = "a prize was won and cannot be given: its coupon was withdrawn, or its time is over"
    raise_alarm(conn, lambda: at, "prize-stopped", subject, detail)
