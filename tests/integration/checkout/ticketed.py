"""A shop that sells tickets to one event."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from sqlalchemy import insert

from ledger_service.checkout.service import Store
from ledger_service.checkout.tickets import reconcile
from ledger_service.checkout.tickets.requests import parse_ticket, parse_ticket_sale
from ledger_service.checkout.tickets.service import TicketCheckout
from ledger_service.coupons.definitions.changes import next_number
from ledger_service.coupons.definitions.models import coupon_version
from ledger_service.coupons.terms.text import terms_hash, terms_json
from ledger_service.coupons.terms.values import InstrumentKind, Limits, Ticket
from ledger_service.coupons.tickets.book import TicketAct
from ledger_service.coupons.tickets.giving import GiveTicketCommand
from ledger_service.coupons.tickets.queries import tickets_of_member
from ledger_service.coupons.tickets.rules import pass_of
from ledger_service.coupons.wallet.requests import Giving

from .shop import GROCER, START, Phone, Shop, loads
from .valued import ValueShop

PRICE = 2_500


class TicketShop(ValueShop):
    """Tickets over a shop: sold, entered with, given, paid back."""

    def __init__(self, shop: Shop) -> None:
        super().__init__(shop)
        store = Store(shop.writer, shop.database)
        self.tickets = TicketCheckout(store, shop.admission, self.cache, self.tagger)

    def event(self, places: int | None, size: int = 1, **more: Any) -> list[str]:
        """Codes of tickets to a ball ten days on; money comes back until a day before it."""
        ball = Ticket("舞會 Ball", START + timedelta(days=10), PRICE, 300, 1_440)
        limits = Limits(budget_count=places, per_member=more.pop("per_member", None))
        self.publish(1, ball, kind=InstrumentKind.PAID, limits=limits, **more)
        self.law(jurisdiction="HK")
        return self.list_of(1, size)

    def limited(self, places: int | None) -> None:
        """A second version of the event's terms, with so many places in all."""
        terms = replace(self.cache.current().terms(1, 1), version=2, limits=Limits(budget_count=places))
        at, by = self.shop.clock.at, {"written_by": "a", "approved_by": "b"}
        times = dict.fromkeys(("effective_from", "written_at", "approved_at", "live_from"), at)
        row = {"definition_id": 1, "version": 2, "body": terms_json(terms), "terms_hash": terms_hash(terms)}
        with self.shop.database.begin() as conn:
            conn.execute(insert(coupon_version).values(**row, **by, **times))
            next_number(conn)
        self.cache.refresh()

    def ticket(self, code: str, minor: int = PRICE, **more: Any) -> dict[str, Any]:
        tenders = [{"type": "cash", "amount_minor": 1_000}, {"type": "card", "amount_minor": minor - 1_000}]
        money = {"amount_minor": minor, "currency": "USD", "tenders": tenders}
        suspended = more.pop("suspended", False)
        body = {"ticket": code, "reference": "t"} | money | more
        write = self.shop.write("ticket", body)
        write = replace(write, caller=replace(write.caller, suspended=suspended))
        return loads(self.tickets.sell(write, parse_ticket_sale(body)))

    def called_off(self) -> None:
        self.law(withdrawn_by="a", withdrawn_at=self.shop.clock.at)
        with self.shop.database.begin() as conn:
            next_number(conn)
        self.cache.refresh()

    def entered(self, code: str, merchant: int = GROCER) -> dict[str, Any]:
        body = {"ticket": code, "reference": "d"}
        return loads(self.tickets.enter(self.shop.write("enter", body, None, merchant), parse_ticket(body)))

    def paid_back(self, code: str) -> dict[str, Any]:
        body = {"ticket": code, "reference": "b"}
        return loads(self.tickets.pay_back(self.shop.write("back", body), parse_ticket(body)))

    def given(self, ticket: str, giver: Phone, recipient: Phone) -> None:
        giving = Giving(giver.number, bytes.fromhex(ticket), recipient.number)
        act = TicketAct(bytes(16), "", self.shop.clock.at)
        self.shop.writer.submit(GiveTicketCommand(giving, act))

    def screen(self, phone: Phone) -> list[str]:
        """What the member's screen shows of its tickets."""
        with self.shop.database.snapshot() as conn:
            return [pass_of(self.tagger, t.row) for t in tickets_of_member(conn, phone.member_id, None, 9)]

    def apart(self) -> list[str]:
        with self.shop.database.snapshot() as conn:
            return [one.check for one in reconcile.differences(conn)]
