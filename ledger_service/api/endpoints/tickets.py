"""Tickets to events: sold, entered with and paid back at tills and doors; listed, and given on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import Connection

from ledger_service.api import shapes
from ledger_service.api.administration import Administration, Json
from ledger_service.api.basket_shapes import CARD_CODE
from ledger_service.api.endpoints.checkout import WRITE_OF_TERMINAL, reader_of, reply_of, write_of
from ledger_service.api.endpoints.devices import WRITE_PROBLEMS, member_of_call, number_of_call
from ledger_service.api.endpoints.places import require_merchant
from ledger_service.api.errors import CursorRefused, NotYours
from ledger_service.api.paging import PAGE_QUERY, Cursors, Page, paged
from ledger_service.api.routes import Call, Parameter, Reply, Route, Served, Success, scopes
from ledger_service.api.schema import Free, Integer, Listing, Named, Nullable, Record, Schema, Text
from ledger_service.checkout.day_errors import BusinessDateOutOfRange
from ledger_service.checkout.errors import WrongCurrency
from ledger_service.checkout.line_parsing import GREATEST_MINOR, MOST_TENDERS
from ledger_service.checkout.stored.requests import PAYS_FOR_CARDS
from ledger_service.checkout.tickets.requests import parse_ticket, parse_ticket_sale
from ledger_service.checkout.tickets.service import TicketCheckout
from ledger_service.checkout.tickets.views import ticket_view
from ledger_service.coupons.codes.rules import Tagger
from ledger_service.coupons.tickets import errors as refusals
from ledger_service.coupons.tickets import queries
from ledger_service.coupons.tickets.book import TicketAct
from ledger_service.coupons.tickets.giving import GiveTicketCommand
from ledger_service.coupons.tickets.queries import TicketSeen
from ledger_service.coupons.tickets.rules import STATES, hindrance, pass_of, when
from ledger_service.coupons.wallet.errors import CouponCodesLocked, CouponGiftRefused
from ledger_service.coupons.wallet.requests import Giving
from ledger_service.db.writer import Writer
from ledger_service.kernel.gs1 import parse_gln, parse_gsrn
from ledger_service.kernel.ids import derive_id, parse_id
from ledger_service.members.errors import MemberFrozen, MemberUnknown
from ledger_service.members.households.errors import HouseholdAccount

GROUP = "Tickets"
_AMOUNT = Integer(1, GREATEST_MINOR, "Minor units")
_TENDERS = Listing(
    Record({"type": Text(one_of=PAYS_FOR_CARDS), "amount_minor": _AMOUNT}), MOST_TENDERS, 1,
    "How the till was paid; sums to the amount",
)  # fmt: skip
_SHOWN: dict[str, Schema] = {"ticket": CARD_CODE, "reference": shapes.REFERENCE}
_FIELDS: dict[str, Schema] = {
    "ticket": shapes.HEX_ID, "merchant": shapes.GLN, "definition": Integer(1), "version": Integer(1),
    "currency": shapes.CURRENCY, "price_minor": Integer(1), "state": Text(one_of=STATES),
    "begins_at": shapes.INSTANT, "over_at": shapes.INSTANT, "refund_until": Nullable(shapes.INSTANT),
    "gift": Text(one_of=("none", "once")), "gifts": Integer(0), "sold_at": shapes.INSTANT,
    "changed_at": shapes.INSTANT,
}  # fmt: skip
_MOVED = shapes.answer(
    "TicketMoved", operation=shapes.HEX_ID, reference=Text(64), **_FIELDS, occurred_at=shapes.INSTANT
)
_SEEN = shapes.answer(
    "Ticket", **_FIELDS, event=Text(), names=Free("What it is called, by language"),
    done=Nullable(Text(about="Why it opens no door any more")), called_off_at=Nullable(shapes.INSTANT),
)  # fmt: skip
_OF_TICKET = (
    *WRITE_OF_TERMINAL, refusals.TicketUnknown, CouponCodesLocked, BusinessDateOutOfRange,
)  # fmt: skip
SELL = Route(
    "POST", "/v1/tickets", "sell-ticket", scopes("sell"), "Sell a ticket by its printed code", group=GROUP,
    write=True, room_checks=True,
    body=Named("SellTicket", Record(
        {**_SHOWN, "amount_minor": _AMOUNT, "currency": shapes.CURRENCY, "tenders": _TENDERS},
        {"member": Nullable(shapes.NUMBER), **shapes.SHIFT})),
    problems=(*_OF_TICKET, WrongCurrency, refusals.TicketNotSold, MemberUnknown, MemberFrozen,
              HouseholdAccount),
    success=Success(201, "Sold: what was paid is owed until the event.", _MOVED),
)  # fmt: skip
ENTER = Route(
    "POST", "/v1/tickets/entries", "enter-with-ticket", scopes("sell"), "Let a ticket's holder in, once",
    group=GROUP, write=True, room_checks=True,
    body=Named("EnterWithTicket", Record(_SHOWN, shapes.SHIFT)),
    problems=(*_OF_TICKET, refusals.TicketNotUsable),
    success=Success(201, "Let in; a second time is refused with when the first was.", _MOVED),
)  # fmt: skip
PAY_BACK = Route(
    "POST", "/v1/tickets/refunds", "refund-ticket", scopes("refund"),
    "Give a ticket's money back, in time or once the event is called off", group=GROUP, write=True,
    room_checks=True, body=Named("RefundTicket", Record(_SHOWN, shapes.SHIFT)),
    problems=(*_OF_TICKET, refusals.TicketNotUsable, refusals.TicketNotRefunded),
    success=Success(201, "The till gives `tenders` back; the place may be sold again.", _MOVED),
)  # fmt: skip
LIST = Route(
    "GET", "/v1/tickets", "list-tickets", scopes("sale:read"), "A merchant's tickets, without their codes",
    group=GROUP, query={"merchant": Parameter(shapes.GLN, "The caller's own when absent"), **PAGE_QUERY},
    problems=(NotYours, CursorRefused),
    success=Success(200, "A page, in the order of their ids.", paged("tickets", _SEEN)),
)  # fmt: skip
OF_MEMBER = Route(
    "GET", "/v1/members/<number>/tickets", "list-member-tickets", scopes("self:read", "member:read"),
    "A member's tickets; `pass` is for the member alone", group=GROUP, query=PAGE_QUERY,
    problems=(NotYours, MemberUnknown, CursorRefused),
    success=Success(200, "A page, in the order of their ids.", paged("tickets", _SEEN)),
)  # fmt: skip
GIVE = Route(
    "POST", "/v1/members/<number>/tickets/<ticket>/gift", "give-ticket",
    scopes("self:write", "member:write"), "Give a ticket to another member, at once", group=GROUP,
    write=True, body=Record({"recipient": shapes.NUMBER}),
    problems=(*WRITE_PROBLEMS, NotYours, MemberUnknown, MemberFrozen, HouseholdAccount,
              refusals.TicketUnknown, refusals.TicketNotUsable, CouponGiftRefused),
    success=Success(
        200, "Given: its old code and pass work no more.", shapes.answer("TicketGiven", **_FIELDS)),
)  # fmt: skip
ROUTES = (SELL, ENTER, PAY_BACK, LIST, OF_MEMBER, GIVE)


@dataclass(frozen=True, slots=True)
class TicketsDoor:
    """The endpoints of this module."""

    administration: Administration
    cursors: Cursors
    tills: TicketCheckout
    writer: Writer
    tagger: Tagger

    def sell(self, call: Call) -> Reply:
        """The ticket is sold."""
        return reply_of(self.tills.sell(write_of(call), parse_ticket_sale(call.body.fields)))

    def enter(self, call: Call) -> Reply:
        """The holder has entered."""
        return reply_of(self.tills.enter(write_of(call), parse_ticket(call.body.fields)))

    def pay_back(self, call: Call) -> Reply:
        """The money goes back."""
        return reply_of(self.tills.pay_back(write_of(call), parse_ticket(call.body.fields)))

    def listed(self, call: Call) -> Reply:
        """A page of the merchant's tickets."""
        named = call.query.get("merchant")
        merchant_id = reader_of(call).merchant_id if named is None else parse_gln(named, "query.merchant")
        require_merchant(call, merchant_id, "query.merchant")
        page = self.cursors.page(f"tickets:{merchant_id}", call.query)
        find = partial(queries.tickets_of_merchant, merchant_id=merchant_id)
        return self.administration.read(lambda conn: self._page(conn, call, page, find))

    def of_member(self, call: Call) -> Reply:
        """A page of the member's own tickets; with its own key, each with what its screen shows."""

        def find(conn: Connection) -> Json:
            member_id = member_of_call(conn, call).member_id
            page = self.cursors.page(f"tickets-of:{member_id}", call.query)
            return self._page(conn, call, page, partial(queries.tickets_of_member, member_id=member_id))

        return self.administration.read(find)

    def give(self, call: Call) -> Reply:
        """The ticket is the recipient's."""
        numbers: dict[str, str] = {}
        self.administration.read(lambda conn: numbers.update(own=number_of_call(conn, call)) or {})
        ticket_id = parse_id(call.path["ticket"], "ticket")
        giving = Giving(numbers["own"], ticket_id, parse_gsrn(call.body.fields["recipient"], "recipient"))
        ref = derive_id("ticket-gift", call.caller.subject, call.key)
        keyed = self.administration.keyed(call, 200, ticket_view)
        return reply_of(self.writer.submit(keyed(GiveTicketCommand(giving, TicketAct(ref, "", call.at)))))

    def _page(
        self, conn: Connection, call: Call, page: Page, find: Callable[..., Sequence[TicketSeen]]
    ) -> Json:
        found = find(conn, after=page.after, most=page.limit + 1)
        rows, cursor = self.cursors.cut(page, found, lambda seen: seen.position)
        return {"tickets": [self._seen(seen, call) for seen in rows], "next_cursor": cursor}

    def _seen(self, seen: TicketSeen, call: Call) -> dict[str, Any]:
        done = hindrance(seen.row, seen.called_off_at, call.at)
        own = call.caller.member_id is not None and done is None
        return {
            **ticket_view(seen.row), "event": seen.event, "names": seen.names,
            "done": None if done is None else done.reason, "called_off_at": when(seen.called_off_at),
            **({"pass": pass_of(self.tagger, seen.row)} if own else {}),
        }  # fmt: skip


def served(door: TicketsDoor) -> list[Served]:
    """The routes of this module bound to their endpoints."""
    endpoints = (door.sell, door.enter, door.pay_back, door.listed, door.of_member, door.give)
    return [Served(route, endpoint) for route, endpoint in zip(ROUTES, endpoints, strict=True)]
