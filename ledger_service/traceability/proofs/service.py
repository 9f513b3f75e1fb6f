"""Makes an item's proof bundle from the rows that the roots were made of; reads only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from ledger_service.traceability.epcis.queries import bodies_of
from ledger_service.traceability.epcis.walk import history_of
from ledger_service.traceability.goods.models import trace_batch, trace_item, trace_product
from ledger_service.traceability.goods.service import INDEX_BITS
from ledger_service.traceability.log.queries import TileReader, first_checkpoint_over, last_checkpoint
from ledger_service.traceability.log.rules import consistency_proof, inclusion_proof
from ledger_service.traceability.proofs.bundle import Bundle, EventPart, ItemPart, LogPart, Place
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
        item = self._item(conn, gtin, serial)
        names = item_names(gtin, serial, item.lot)
        numbers = [step.event_seq for step in history_of(conn, names).steps]
        last = last_checkpoint(conn, "relayed")
        covered = [seq for seq in numbers if last is not None and seq < last.size]
        if last is None:
            return Bundle(self.place, item, (), None, len(numbers))
        first = first_checkpoint_over(conn, max(covered, default=last.size - 1)) or last
        tiles, bodies = TileReader(conn), bodies_of(conn, covered)
        events = tuple(
            EventPart(seq, bodies[seq], tuple(inclusion_proof(tiles, seq, first.size))) for seq in covered
        )
        onward = tuple(consistency_proof(tiles, first.size, last.size))
        log = LogPart(first.size, first.root, last.size, last.root, onward)
        return Bundle(self.place, item, events, log, len(numbers) - len(covered))

    def _item(self, conn: Connection, gtin: str, serial: str) -> ItemPart:
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
        return _part(gtin, serial, batch["lot"], (index, salt, root.root, row.merchant_id), proof)


def _part(
    gtin: str, serial: str, lot: str, facts: tuple[int, bytes, bytes, int], proof: Sequence[bytes]
) -> ItemPart:
    index, salt, root, owner = facts
    return ItemPart(gtin, serial, lot, index, salt, root, owner, tuple(proof))
