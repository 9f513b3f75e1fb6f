"""Claims and returns of items for the front door."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from sqlalchemy import Connection, select

from ledger_service.checkout.items.claim_command import ClaimCommand, ClaimRoom
from ledger_service.checkout.items.ports import ItemRegistry
from ledger_service.checkout.items.requests import ClaimRequest, ReturnRequest
from ledger_service.checkout.items.return_command import Claimant, ClaimedMeanwhile, ReturnCommand
from ledger_service.db.commands import BookCommand
from ledger_service.db.engine import Database
from ledger_service.db.writer import Writer
from ledger_service.kernel.ids import IdSource
from ledger_service.points.blocks import with_blocks
from ledger_service.points.catalogue import CatalogueCache
from ledger_service.points.issuance import Worker
from ledger_service.traceability.claiming.models import trace_claim
from ledger_service.traceability.goods.models import trace_item
from ledger_service.traceability.scanning.marks import salt_of

Keyed = Callable[[BookCommand[Any]], BookCommand[Any]]
_MOST_LOOKS = 4


def as_it_is(command: BookCommand[Any]) -> BookCommand[Any]:
    """The command without a key of its own."""
    return command


@dataclass(frozen=True)
class ItemsService:
    """Commands on items that move points; safe for any number of threads."""

    writer: Writer
    database: Database
    catalogue: CatalogueCache
    registry: ItemRegistry
    ids: IdSource
    worker: str
    master: bytes = field(repr=False)

    def claim(self, request: ClaimRequest, keyed: Keyed = as_it_is) -> Any:
        """The member has claimed the item; returns a ``Claimed``, or what ``keyed`` makes of it.

        Raises:
            What ``ClaimCommand`` raises.

        Invariants: INV-12.
        """
        salt = self.writer.run(partial(salt_of, ids=self.ids, at=request.at))
        room = partial(self._room, salt)
        return self._with_blocks(lambda worker: keyed(ClaimCommand(request, room(worker))))

    def take_back(self, request: ReturnRequest, keyed: Keyed = as_it_is) -> Any:
        """The item is void; returns a ``TakenBack``, or what ``keyed`` makes of it.

        Raises:
            ItemNotReturnable, ItemNotOfSale: it cannot come back, or not so.
        """
        room = self._room(bytes(16), Worker(self.worker))
        for _ in range(_MOST_LOOKS):
            with self.database.read() as conn:
                claimant = _claimant(conn, request)
            try:
                return self.writer.submit(keyed(ReturnCommand(request, claimant, room)))
            except ClaimedMeanwhile:
                continue
        raise ClaimedMeanwhile

    def _room(self, salt: bytes, worker: Worker) -> ClaimRoom:
        return ClaimRoom(self.master, salt, self.catalogue.current(), self.registry, worker)

    def _with_blocks(self, make: Callable[[Worker], BookCommand[Any]]) -> Any:
        return with_blocks(self.writer, self.catalogue, self.worker, make)


def _claimant(conn: Connection, request: ReturnRequest) -> Claimant:
    i, c = trace_item.c, trace_claim.c
    joined = trace_item.join(trace_claim, c.item_id == i.item_id)
    mine = (i.serial == request.serial) & (i.gtin == request.gtin)
    row = conn.execute(select(c.member_id, c.op_id).select_from(joined).where(mine)).one_or_none()
    return Claimant() if row is None else Claimant(row.member_id, row.op_id)
