"""The bridge finds the block that draws each prize pool, once it is final."""

from __future__ import annotations

from dataclasses import dataclass

from ledger_service.chain.client import Node
from ledger_service.chain.drawing import first_behind
from ledger_service.chain.item_reading import ItemChain
from ledger_service.db.engine import Database
from ledger_service.kernel.clock import Clock
from ledger_service.traceability.prizes.queries import undrawn
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
        with self.database.read() as conn:
            waiting = undrawn(conn, _AT_ONCE)
        if not waiting:
            return False
        head = self.node.head_number()
        chain = ItemChain(self.node, self.registry, self.log, hex(head))
        for row, root in waiting:
            anchored = chain.anchored_in(root)
            if anchored is None:
                continue
            found = first_behind(self.node, anchored, row.pool.draws_at, head - self.confirmations)
            if found is not None:
                with self.database.begin() as conn:
                    set_block(conn, row.batch_no, Beacon(found.number, found.hash), self.clock.now())
        return False
