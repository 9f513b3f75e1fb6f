"""Claims and returns of items for the front door."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import Connection, select

from ledger_service.checkout.items.claim_command import ClaimCommand, ClaimRoom
from ledger_service.checkout.items.left_prizes import TakeLeftPrizeCommand, back_in_wallets
from ledger_service.checkout.items.ports import ItemRegistry
from ledger_service.checkout.items.prize_command import PrizeCommand, PrizeRoom
from ledger_service.checkout.items.requests import ClaimRequest, ReturnRequest
from ledger_service.checkout.items.return_command import Claimant, ClaimedMeanwhile, ReturnCommand
from ledger_service.coupons.wallet.requests import Offers
from ledger_service.db.commands import BookCommand
from ledger_service.db.engine import Database
from ledger_service.db.writer import Writer
from ledger_service.kernel.ids import IdSource
from ledger_service.points.adopted import adopted_of
from ledger_service.points.blocks import with_blocks
from ledger_service.points.catalogue import CatalogueCache
from ledger_service.points.issuance import Worker
from ledger_service.points.reversal import reversals_of
from ledger_service.traceability.claiming.models import trace_claim
from ledger_service.traceability.goods.models import trace_item
from ledger_service.traceability.prizes.queries import due_prizes
from ledger_service.traceability.prizes.rules import prize_op_id
from ledger_service.traceability.scanning.marks import salt_of

Keyed = Callable[[BookCommand[Any]], BookCommand[Any]]
_MOST_LOOKS = 4
_PRIZES_AT_ONCE = 100


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
    offers: Offers
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
            OperationAdopted: what it took back was adopted from the chain after a restore.
        """
        # Asked first: whose points were taken back already would get a debt for them, and no refusal.
        programmes = self.catalogue.current().programmes
        causes = request.return_id, request.prize_return_id
        undone = [op_id for cause in causes for op_id in reversals_of(cause, programmes)]
        adopted = adopted_of(self.database, undone)
        if adopted is not None:
            raise adopted
        room = self._room(bytes(16), Worker(self.worker))
        for _ in range(_MOST_LOOKS):
            with self.database.read() as conn:
                claimant = _claimant(conn, request)
            try:
                return self.writer.submit(keyed(ReturnCommand(request, claimant, room)))
            except ClaimedMeanwhile:
                continue
        raise ClaimedMeanwhile

    def give_prizes(self, at: datetime) -> bool:
        """Some claims of drawn pools have what they won; returns whether there may be more.

        Idempotency: may be repeated, also after a kill.
        """
        with self.database.read() as conn:
            due = due_prizes(conn, at, _PRIZES_AT_ONCE)
        if due:
            self.catalogue.refresh()
        for won in due:
            self._with_blocks(partial(self._prize, won, at))
        return len(due) == _PRIZES_AT_ONCE

    def take_left_prizes(self, at: datetime) -> bool:
        """Coupons of items that came back are void where their members have them again.

        Returns whether there may be more.

        Idempotency: may be repeated, also after a kill.
        """
        with self.database.read() as conn:
            back = back_in_wallets(conn, _PRIZES_AT_ONCE)
        for item_id in back:
            self.writer.submit(TakeLeftPrizeCommand(item_id, at))
        return len(back) == _PRIZES_AT_ONCE

    def _prize(self, won: tuple[int, int], at: datetime, worker: Worker) -> PrizeCommand:
        return PrizeCommand(won, self._prizes(worker), at)

    def _prizes(self, worker: Worker) -> PrizeRoom:
        return PrizeRoom(self.master, self.catalogue.current(), self.offers, worker)

    def _room(self, salt: bytes, worker: Worker) -> ClaimRoom:
        return ClaimRoom(self.master, salt, self.catalogue.current(), self.registry, worker)

    def _with_blocks(self, make: Callable[[Worker], BookCommand[Any]]) -> Any:
        return with_blocks(self.writer, self.catalogue, self.worker, make)


def _claimant(conn: Connection, request: ReturnRequest) -> Claimant:
    i, c = trace_item.c, trace_claim.c
    joined = trace_item.join(trace_claim, c.item_id == i.item_id)
    mine = (i.serial == request.serial) & (i.gtin == request.gtin)
    query = select(c.member_id, c.op_id, c.item_id).select_from(joined).where(mine)
    row = conn.execute(query).one_or_none()
    if row is None:
        return Claimant()
    return Claimant(row.member_id, (row.op_id, prize_op_id(row.item_id)))
