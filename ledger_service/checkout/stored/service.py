"""Cards for the front door of tills: sold, loaded, looked at, paid out."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import orjson
from sqlalchemy import select

from ledger_service.checkout.admission import Admission
from ledger_service.checkout.answers import Answer
from ledger_service.checkout.basket import CardShown
from ledger_service.checkout.desk import Desk
from ledger_service.checkout.permitted import permitted
from ledger_service.checkout.requests import Caller, Write
from ledger_service.checkout.scene import Scene
from ledger_service.checkout.stored.looking import LookCommand
from ledger_service.checkout.stored.offered import buyer_of, offered_under
from ledger_service.checkout.stored.paying import reader_of
from ledger_service.checkout.stored.paying_out import PayOutCommand
from ledger_service.checkout.stored.requests import CardLoad, CardPayOut
from ledger_service.checkout.stored.selling import LoadCardCommand, Money, SellCardCommand
from ledger_service.checkout.stored.views import card_view
from ledger_service.checkout.submission import Store, Submission
from ledger_service.checkout.tickets.service import TicketCheckout
from ledger_service.coupons.codes.rules import Tagger
from ledger_service.coupons.definitions.catalogue import CouponCatalogueCache
from ledger_service.coupons.stored.models import value_card
from ledger_service.merchants.errors import MerchantSuspended


class CardCheckout:
    """Money of cards at tills; one instance serves all request threads of a process."""

    def __init__(
        self, store: Store, admission: Admission, desk: Desk, catalogue: CouponCatalogueCache
    ) -> None:
        """Take the database, the door keeper, the constants with what hashes cards, and the definitions."""
        self._store, self._admission, self._desk, self._catalogue = store, admission, desk, catalogue
        self._submission = Submission(store, admission)

    def tickets(self, tagger: Tagger) -> TicketCheckout:
        """The same tills and doors with tickets; ``tagger`` hashes their codes and passes."""
        return TicketCheckout(self._store, self._admission, self._catalogue, tagger)

    def sell(self, write: Write, load: CardLoad) -> Answer:
        """The card of a printed code is sold, with its first money: 201.

        Raises:
            DomainError: as ``SellCardCommand.decide``; also what the till may not do.

        Idempotency: by caller and key; a code is sold once.
        Locks: as the command says.
        """
        write = permitted(write, "card", load.shift)
        shown = reader_of(self._desk).shown(load.shown.code, load.shown.pin)
        with self._store.database.snapshot() as conn:
            offered = offered_under(conn, self._catalogue, shown.tag, write.at)
            member_id = buyer_of(conn, load.number)
        scene = self._selling(write, load)
        return self._submission.submit(SellCardCommand(write, Money(load, shown, offered, member_id), scene))

    def load(self, write: Write, load: CardLoad) -> Answer:
        """The card has more money: 201.

        Raises:
            DomainError: as ``LoadCardCommand.decide``; also what the till may not do.

        Idempotency: by caller and key.
        """
        write = permitted(write, "card", load.shift)
        shown = reader_of(self._desk).shown(load.shown.code, None)
        with self._store.database.snapshot() as conn:
            offered = offered_under(conn, self._catalogue, shown.tag, write.at)
            holder = select(value_card.c.holder).where(value_card.c.tag == shown.tag)
            member_id = conn.execute(holder).scalar_one_or_none()
        scene = self._selling(write, load)
        return self._submission.submit(LoadCardCommand(write, Money(load, shown, offered, member_id), scene))

    def pay_out(self, write: Write, request: CardPayOut) -> Answer:
        """The till gives what was left on the card in money: 201.

        Raises:
            DomainError: as ``PayOutCommand.decide``; also what the till may not do.

        Idempotency: by caller and key.
        """
        write = permitted(write, "refund", request.shift)
        shown = reader_of(self._desk).shown(request.shown.code, request.shown.pin)
        scene = self._admission.scene_in(write.caller, request.shift, write.at)
        return self._submission.submit(PayOutCommand(write, request, shown, scene))

    def look(self, caller: Caller, card: CardShown, at: datetime) -> bytes:
        """What the card holds, as JSON; changes nothing but the count of wrong ones.

        Raises:
            CouponCodesLocked, ValueCardUnknown: no card of this merchant's.
        """
        shown = reader_of(self._desk).shown(card.code, card.pin)
        return orjson.dumps(card_view(self._store.writer.submit(LookCommand(caller, shown, at))))

    def _selling(self, write: Write, load: CardLoad) -> Scene:
        scene = self._admission.scene_in(write.caller, load.shift, write.at)
        # Who may do no business makes no new debts; what it owes it pays out all the same.
        return replace(scene, refusal=MerchantSuspended()) if write.caller.suspended else scene
