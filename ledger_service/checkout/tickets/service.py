"""Tickets for the front door of tills: sold, entered with, paid back."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import Connection, select

from ledger_service.checkout.admission import Admission
from ledger_service.checkout.answers import Answer
from ledger_service.checkout.permitted import permitted
from ledger_service.checkout.requests import Write
from ledger_service.checkout.stored.offered import buyer_of, offered_under
from ledger_service.checkout.submission import Store, Submission
from ledger_service.checkout.tickets.commands import Asked, EnterCommand, PayBackCommand, SellTicketCommand
from ledger_service.checkout.tickets.requests import TicketRequest, TicketSale
from ledger_service.coupons.codes.rules import Tagger
from ledger_service.coupons.definitions.budgets import Place
from ledger_service.coupons.definitions.catalogue import CouponCatalogueCache, CouponsBehind
from ledger_service.coupons.terms.values import Terms
from ledger_service.coupons.tickets.models import ticket
from ledger_service.coupons.tickets.rules import TicketShown, shown_of
from ledger_service.merchants.errors import MerchantSuspended


class TicketCheckout:
    """Tickets at tills and doors; one instance serves all request threads of a process."""

    def __init__(
        self, store: Store, admission: Admission, catalogue: CouponCatalogueCache, tagger: Tagger
    ) -> None:
        """Take the database, the door keeper, the definitions, and what hashes codes and passes."""
        self._store, self._admission, self._catalogue = store, admission, catalogue
        self._tagger, self._submission = tagger, Submission(store, admission)

    def sell(self, write: Write, sale: TicketSale) -> Answer:
        """The ticket of a printed code is sold: 201.

        Raises:
            DomainError: as ``SellTicketCommand.decide``; also what the till may not do.

        Idempotency: by caller and key; a code is sold once.
        Locks: as the command says.
        """
        write, asked = permitted(write, "ticket", sale.shift), self._asked(sale)
        with self._store.database.snapshot() as conn:
            offered = offered_under(conn, self._catalogue, asked.shown.tag, write.at)
            buyer = buyer_of(conn, sale.number)
        scene = self._admission.scene_in(write.caller, sale.shift, write.at)
        if write.caller.suspended:
            # Who may do no business makes no new debts; who has a ticket enters, or has the money back.
            scene = replace(scene, refusal=MerchantSuspended())
        return self._submission.submit(SellTicketCommand(write, asked, scene, (offered, buyer)))

    def enter(self, write: Write, request: TicketRequest) -> Answer:
        """The holder has entered: 201.

        Raises:
            DomainError: as ``EnterCommand.decide``; also what the till may not do.

        Idempotency: by caller and key; a ticket opens a door once.
        """
        write = permitted(write, "ticket", request.shift)
        scene = self._admission.scene_in(write.caller, request.shift, write.at)
        return self._submission.submit(EnterCommand(write, self._asked(request), scene))

    def pay_back(self, write: Write, request: TicketRequest) -> Answer:
        """The ticket's money goes back: 201.

        Raises:
            DomainError: as ``PayBackCommand.decide``; also what the till may not do.

        Idempotency: by caller and key; a ticket is paid back once.
        """
        write, asked = permitted(write, "refund", request.shift), self._asked(request)
        with self._store.database.snapshot() as conn:
            sold = self._sold(conn, asked.shown)
        scene = self._admission.scene_in(write.caller, request.shift, write.at)
        return self._submission.submit(PayBackCommand(write, asked, scene, sold))

    def _asked(self, request: TicketRequest) -> Asked:
        return Asked(request, shown_of(self._tagger, request.code), self._tagger)

    def _sold(self, conn: Connection, shown: TicketShown) -> tuple[Terms, Place] | None:
        t = ticket.c
        mine = t.ticket_id == shown.ticket_id if shown.is_pass else t.tag == shown.tag
        found = select(t.definition_id, t.version, t.buyer, t.sold_in, t.sold_at).where(mine)
        row = conn.execute(found).one_or_none()
        if row is None:
            return None
        place = Place(row.buyer, row.sold_in, row.sold_at)
        try:
            return self._catalogue.current().terms(row.definition_id, row.version), place
        except CouponsBehind:
            return self._catalogue.refresh().terms(row.definition_id, row.version), place
