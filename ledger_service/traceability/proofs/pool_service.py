"""Makes a pool's bundle from its rows; reads only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from ledger_service.kernel.merkle import root_of
from ledger_service.traceability.claiming.models import trace_claim
from ledger_service.traceability.goods.queries import find_batch
from ledger_service.traceability.goods.service import INDEX_BITS
from ledger_service.traceability.prizes.errors import PrizePoolUnknown
from ledger_service.traceability.prizes.queries import PoolRow, claims_of, find_pool
from ledger_service.traceability.prizes.rules import prize_op_id, winners
from ledger_service.traceability.proofs.bundle import Place
from ledger_service.traceability.proofs.commitments import Commitments, anchored, parts_of
from ledger_service.traceability.proofs.pool_bundle import LATE, UNCLAIMED, PoolBundle, Winner


@dataclass(frozen=True)
class PoolProver:
    """Bundles of one alliance's pools."""

    commitments: Commitments
    place: Place

    def bundle(self, conn: Connection, batch_no: int, at: datetime) -> PoolBundle:
        """The pool's bundle; with secret and winners from an hour behind its end on.

        Raises:
            PrizePoolUnknown: the batch has no prizes, or no root yet.
        """
        found, root = find_pool(conn, batch_no), anchored(conn, batch_no)
        if found is None or found.slots_root is None or root is None:
            raise PrizePoolUnknown
        batch: Any = find_batch(conn, batch_no, None)
        secret, won = None, None
        if found.is_open(at):
            secret = self.commitments.prize_secret(batch)
            won = _winners(conn, found, secret)
        items_root = root_of(parts_of(conn, batch_no))
        return PoolBundle(
            self.place.chain_id, self.place.item_registry, batch["merchant_id"], root.root, items_root,
            found.pool.body(), found.slots_root, found.block, secret, won,
        )  # fmt: skip


def _winners(conn: Connection, found: PoolRow, secret: bytes) -> tuple[Winner, ...]:
    if found.beacon is None:
        raise LookupError("an open pool is drawn")
    won = winners(found.pool, secret, found.beacon)
    told = claims_of(conn, found.batch_no, sorted(won))
    late = _late(conn, found, [index for index, (_, state, *_) in told.items() if state is None])
    first = found.batch_no << INDEX_BITS
    return tuple(
        Winner(index, serial, won[index], state or (LATE if index in late else UNCLAIMED), points,
               None if points is None else prize_op_id(first + index), owed)
        for index, (serial, state, points, owed) in sorted(told.items())
    )  # fmt: skip


def _late(conn: Connection, found: PoolRow, indexes: list[int]) -> set[int]:
    """Which of these were claimed after the end; never more, however many items are claimed later."""
    first, c = found.batch_no << INDEX_BITS, trace_claim.c
    late: set[int] = set()
    for place in range(0, len(indexes), 500):
        ids = [first + index for index in indexes[place : place + 500]]
        its = select(c.item_id).where(c.item_id.in_(ids), c.claimed_at > found.ends_at)
        late |= {item_id - first for item_id in conn.execute(its).scalars()}
    return late
