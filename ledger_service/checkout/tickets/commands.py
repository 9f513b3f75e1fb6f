"""A ticket is sold, opens the door once, or is paid back: each one write, decided under the ticket's lock."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ledger_service.checkout.keyed import KeyedCommand
from ledger_service.checkout.requests import Write
from ledger_service.checkout.scene import Scene
from ledger_service.checkout.stored.offered import Offered
from ledger_service.checkout.tickets.requests import TicketRequest, TicketSale
from ledger_service.checkout.tickets.views import tenders_view, ticket_answer
from ledger_service.coupons.codes.lookup import CODE, LIST, coupon_of
from ledger_service.coupons.codes.rules import SEALED, Tagger
from ledger_service.coupons.definitions import budgets, law
from ledger_service.coupons.terms.values import Terms, Ticket
from ledger_service.coupons.tickets import book
from ledger_service.coupons.tickets.book import DEFINITION, Row, TicketAct
from ledger_service.coupons.tickets.errors import TicketNotRefunded, TicketNotSold, TicketNotUsable
from ledger_service.coupons.tickets.models import ticket
from ledger_service.coupons.tickets.rules import (
    ENTERED,
    OVER,
    REFUNDED,
    SOLD,
    Kind,
    TicketShown,
    hindrance,
    pays_back,
    times_of,
    when,
)
from ledger_service.coupons.wallet.claiming import the_member
from ledger_service.coupons.wallet.guesses import check_unlocked
from ledger_service.db.workset import Draft, Need, Workset
from ledger_service.kernel.canonical import canonical_json
from ledger_service.kernel.clock import format_instant
from ledger_service.members.queries import MEMBER_BY_NUMBER


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked of a ticket, as it was worked out on the request's thread, and what hashes passes."""

    request: TicketRequest
    shown: TicketShown
    tagger: Tagger = field(repr=False)


class TicketCommand(KeyedCommand):
    """Something happens to the ticket that was shown.

    Locks: the ticket, and the count of wrong ones of who asks.
    """

    def __init__(self, write: Write, asked: Asked, scene: Scene) -> None:
        """Take what the request thread has worked out."""
        super().__init__(write)
        self.asked, self.scene = asked, scene

    def locks(self, view: Workset) -> Iterable[Need]:
        """As the class says."""
        return book.needs(self.asked.shown, self.write.caller.subject)

    def reads(self, view: Workset) -> Iterable[Need]:
        """Whether the event was called off."""
        row = book.found(view, self.asked.shown)
        return () if row is None else [DEFINITION.of(row["definition_id"])]

    @property
    def by(self) -> tuple[str, datetime]:
        """Who asks, and when."""
        return self.write.caller.subject, self.write.at

    def judged(self, draft: Draft) -> Row:
        """The merchant's ticket that was shown.

        Raises:
            CouponCodesLocked, TicketUnknown: none; it counts.
        """
        merchant_id = self.write.caller.merchant_id
        return book.judged(draft, self.asked.shown, self.asked.tagger, merchant_id, self.by)

    def act(self, kind: str) -> TicketAct:
        """The operation as the ticket's entries name it."""
        request, caller = self.asked.request, self.write.caller
        return TicketAct(
            self.id_of(kind), request.reference, self.write.at, caller.store_gln, caller.terminal_id,
            request.shift.cashier, self.scene.business_day,
        )  # fmt: skip


class EnterCommand(TicketCommand):
    """Its holder has entered; the ticket opens no door any more."""

    def decide(self, draft: Draft) -> tuple[int, dict[str, Any]]:
        """Judge the ticket, then let its holder in.

        Raises:
            CouponCodesLocked, TicketUnknown: no ticket of this merchant's.
            TicketNotUsable: entered (with when), refunded, called-off, over.
        """
        self.scene.check()
        row = self.judged(draft)
        done = hindrance(row, book.called_off_at(draft, row), self.write.at)
        if done is not None:
            raise TicketNotUsable(done.reason, format_instant(done.since))
        act = self.act("ticket-entry")
        entered = book.note(draft, row, Kind.ENTERED, act, state=ENTERED, changed_at=act.at)
        return 201, ticket_answer(entered, act)


class PayBackCommand(TicketCommand):
    """The ticket's money goes back as it was paid, and its place may be sold again.

    Locks: as every ticket's, and the counters of bounded terms.
    """

    def __init__(
        self, write: Write, asked: Asked, scene: Scene, sold: tuple[Terms, budgets.Place] | None
    ) -> None:
        """Take the terms of the sale and where it was counted too; None where there is no such ticket."""
        super().__init__(write, asked, scene)
        self.sold = sold

    def locks(self, view: Workset) -> Iterable[Need]:
        """As the class says."""
        yield from super().locks(view)
        if self.sold is not None:
            yield from budgets.needs(*self.sold)

    def decide(self, draft: Draft) -> tuple[int, dict[str, Any]]:
        """Judge the ticket and its terms, then pay back.

        Raises:
            CouponCodesLocked, TicketUnknown: no ticket of this merchant's.
            TicketNotUsable: entered or refunded.
            TicketNotRefunded: too late by its terms, and the event takes place.
        """
        self.scene.check()
        row = self.judged(draft)
        if row["state"] != SOLD:
            raise TicketNotUsable(row["state"], format_instant(row["changed_at"]))
        if self.sold is None or not pays_back(row, book.called_off_at(draft, row), self.write.at):
            raise TicketNotRefunded(when(row["refund_until"]))
        budgets.give_back(draft, *self.sold, (1, row["price_minor"]))
        act = self.act("ticket-refund")
        paid = book.note(draft, row, Kind.REFUNDED, act, state=REFUNDED, changed_at=act.at)
        return 201, ticket_answer(paid, act) | {"tenders": tenders_view(paid)}


class SellTicketCommand(TicketCommand):
    """The ticket of a printed code is somebody's from now on; of the last place one till gets it.

    Locks: the code, the ticket, the count of wrong ones, the holder, and the counters of bounded terms.
    """

    def __init__(
        self, write: Write, asked: Asked, scene: Scene, offered: tuple[Offered | None, int | None]
    ) -> None:
        """Take what is sold under the code, and whose it becomes (None: whoever has the code), too."""
        super().__init__(write, asked, scene)
        self.offered, self.buyer = offered

    @property
    def place(self) -> budgets.Place:
        """Which counters it counts in."""
        return budgets.Place(self.buyer, self.write.caller.store_gln or 0, self.write.at)

    def locks(self, view: Workset) -> Iterable[Need]:
        """As the class says."""
        yield from super().locks(view)
        yield CODE.of(self.asked.shown.tag)
        if self.sale.number is not None:
            yield MEMBER_BY_NUMBER.of(self.sale.number)
        if self.offered is not None and self.offered.terms is not None:
            yield from budgets.needs(self.offered.terms, self.place)

    def reads(self, view: Workset) -> Iterable[Need]:
        """The list that the code is of."""
        row = view.one(CODE, self.asked.shown.tag)
        return () if row is None else [LIST.of(row["list_id"])]

    @property
    def sale(self) -> TicketSale:
        """What was asked."""
        request = self.asked.request
        if not isinstance(request, TicketSale):
            raise TypeError("a sale is asked by a sale")
        return request

    def decide(self, draft: Draft) -> tuple[int, dict[str, Any]]:
        """Judge the code, the terms, the law and what places are left, then sell.

        Raises:
            CouponCodesLocked, TicketUnknown: no code of a list of this merchant's.
            TicketNotSold: nothing is sold under it, or not now, or not for this.
            MemberUnknown, MemberFrozen, HouseholdAccount: the holder.
        """
        self.scene.check()
        self.scene.desk.check_currency(self.sale.currency)
        ticket_id = self._code(draft)
        terms, event = self._terms()
        self._count(draft, terms, event)
        holder = None if self.sale.number is None else the_member(draft, self.sale.number)
        act, times = self.act("ticket"), times_of(event)
        row = draft.add(ticket, {
            "ticket_id": ticket_id, "tag": self.asked.shown.tag, "merchant_id": terms.merchant,
            "definition_id": terms.definition, "version": terms.version, "currency": terms.currency,
            "price_minor": event.price_minor, "paid_with": canonical_json(dict(self.sale.paid_with)).decode(),
            "buyer": self.buyer, "holder": holder, "gift": terms.gift.value, "gifts": 0, **times._asdict(),
            "state": SOLD, "sold_at": act.at, "sold_in": self.place.store, "changed_at": act.at, "entries": 0,
        })  # fmt: skip
        guarantee = None if self.offered is None else self.offered.guarantee
        return 201, ticket_answer(book.note(draft, row, Kind.SOLD, act), act) | {"guarantee": guarantee}

    def _code(self, draft: Draft) -> bytes:
        check_unlocked(draft, *self.by)
        row = draft.one(CODE, self.asked.shown.tag)
        listed = None if row is None else draft.one(LIST, row["list_id"])
        mine = listed is not None and listed["merchant_id"] == self.write.caller.merchant_id
        if row is None or listed is None or not mine or listed["state"] != SEALED:
            raise book.unknown(*self.by)
        if draft.one(book.TICKET_BY_TAG, self.asked.shown.tag) is not None:
            raise TicketNotSold("sold", 0)
        return coupon_of(row)

    def _terms(self) -> tuple[Terms, Ticket]:
        offered, at = self.offered, self.write.at
        if offered is None or offered.terms is None:
            raise TicketNotSold("no-terms", 0)
        terms, event = offered.terms, offered.terms.benefit
        if not isinstance(event, Ticket):
            raise TicketNotSold("no-ticket", 0)
        profile = law.profile_on(offered.jurisdiction, at.date())
        if profile is None or (profile.guarantee and not offered.guarantee):
            raise TicketNotSold("no-profile" if profile is None else "guarantee", event.price_minor)
        begins, ends = terms.window.starts_at, terms.window.ends_at
        if (begins is not None and at < begins) or (ends is not None and at >= ends):
            raise TicketNotSold("not-on-sale", event.price_minor)
        if at >= times_of(event).over_at:
            raise TicketNotSold(OVER, event.price_minor)
        return terms, event

    def _count(self, draft: Draft, terms: Terms, event: Ticket) -> None:
        price = event.price_minor
        if self.sale.amount_minor != price:
            raise TicketNotSold("price", price)
        left = budgets.left(draft, terms, self.place)
        if left.coupons == 0:
            raise TicketNotSold(left.exhausted, price)
        if left.value_minor is not None and price > left.value_minor:
            raise TicketNotSold("budget-value", price)
        budgets.take(draft, terms, self.place, (1, price))
