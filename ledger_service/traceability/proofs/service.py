"""Makes an item's proof bundle from the rows that the roots were made of; reads only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, select

from ledger_service.traceability.claiming.models import trace_claim
from ledger_service.traceability.epcis.queries import bodies_of
from ledger_service.traceability.goods.models import trace_batch, trace_item, trace_product
from ledger_service.traceability.goods.service import INDEX_BITS
from ledger_service.traceability.log.queries import TileReader, first_checkpoint_over, last_checkpoint
from ledger_service.traceability.log.rules import consistency_proof, inclusion_proof
from ledger_service.traceability.moving.way import way_of
from ledger_service.traceability.prizes.models import trace_prize
from ledger_service.traceability.prizes.queries import find_pool
from ledger_service.traceability.prizes.rules import slot_of
from ledger_service.traceability.proofs.bundle import (
    Bundle,
    ClaimPart,
    EventPart,
    ItemPart,
    LogPart,
    Place,
    PrizePart,
)
from ledger_service.traceability.proofs.commitments import Commitments, anchored
from ledger_service.traceability.proofs.errors import ItemProofUnknown
from ledger_service.traceability.proofs.rules import item_names


@dataclass(frozen=True)
class Prover:
    """Bundles of one alliance."""

    commitments: Commitments
    place: Place

    def bundle(self, conn: Connection, gtin: str, serial: str) -> Bundle:
        """The item's bundle as of the last checkpoint that the chain has.

        Args:
            conn: a snapshot.
            gtin: 14 digits.
            serial: in its one form.

        Raises:
            ItemProofUnknown: no such item, or its batch has no root.
        """
        item, prize, claim = self._item(conn, gtin, serial)
        names = item_names(gtin, serial, item.lot)
        numbers = [step.event_seq for step in way_of(conn, names).steps]
        last = last_checkpoint(conn, "relayed")
        covered = [seq for seq in numbers if last is not None and seq < last.size]
        if last is None:
            return Bundle(self.place, item, (), None, len(numbers), prize, claim)
        first = first_checkpoint_over(conn, max(covered, default=last.size - 1)) or last
        tiles, bodies = TileReader(conn), bodies_of(conn, covered)
        events = tuple(
            EventPart(seq, bodies[seq], tuple(inclusion_proof(tiles, seq, first.size))) for seq in covered
        )
        onward = tuple(consistency_proof(tiles, first.size, last.size))
        log = LogPart(first.size, first.root, last.size, last.root, onward)
        return Bundle(self.place, item, events, log, len(numbers) - len(covered), prize, claim)

    def _item(
        self, conn: Connection, gtin: str, serial: str
    ) -> tuple[ItemPart, PrizePart | None, ClaimPart | None]:
        i, p = trace_item.c, trace_product.c
        wanted = select(i.item_id, p.merchant_id).join(trace_product, p.gtin == i.gtin)
        row = conn.execute(wanted.where((i.gtin == gtin) & (i.serial == serial))).one_or_none()
        if row is None:
            raise ItemProofUnknown
        batch_no, index = row.item_id >> INDEX_BITS, row.item_id & (1 << INDEX_BITS) - 1
        root = anchored(conn, batch_no)
        if root is None:
            raise ItemProofUnknown
        found = conn.execute(select(trace_batch).where(trace_batch.c.batch_no == batch_no))
        batch: Any = found.mappings().one()
        salt, proof = self.commitments.proof(conn, batch, index)
        part = _part(gtin, serial, batch["lot"], (index, salt, root.root, row.merchant_id), proof)
        return part, self._prize(conn, batch, index), _claim(conn, row.item_id)

    def _prize(self, conn: Connection, batch: Any, index: int) -> PrizePart | None:
        found = find_pool(conn, batch["batch_no"])
        if found is None or found.slots_root is None:
            return None
        part = PrizePart(found.pool.body(), found.slots_root, found.block)
        w = trace_prize.c
        mine = w.item_id == (batch["batch_no"] << INDEX_BITS | index)
        state = conn.execute(select(w.state).where(mine)).scalar_one_or_none()
        # Whoever can name an unclaimed item must not learn here whether it wins.
        if state in (None, "waiting") or found.beacon is None:
            return replace(part, state=state or "")
        slot = slot_of(found.beacon, index, found.pool.size)
        opened = self.commitments.slot_proof(conn, batch, slot)
        told = (opened.slot, opened.prize, opened.salt)
        return replace(part, slot=told, proof=opened.proof, state=state)


def _claim(conn: Connection, item_id: int) -> ClaimPart | None:
    c = trace_claim.c
    wanted = select(c.op_id, c.points, c.net).where(c.item_id == item_id)
    row = conn.execute(wanted).one_or_none()
    return None if row is None else ClaimPart(bytes(row.op_id), row.points, row.points - row.net)


def _part(
    gtin: str, serial: str, lot: str, facts: tuple[int, bytes, bytes, int], proof: Sequence[bytes]
) -> ItemPart:
    index, salt, root, owner = facts
    return ItemPart(gtin, serial, lot, index, salt, root, owner, tuple(proof))
