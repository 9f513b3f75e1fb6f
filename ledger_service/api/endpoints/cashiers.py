"""Cashiers: their PINs, who stands at a till, and which business date it is there."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from ledger_service.api import shapes
from ledger_service.api.administration import Administration, Json
from ledger_service.api.endpoints.checkout import reader_of
from ledger_service.api.endpoints.days import clock_of
from ledger_service.api.endpoints.devices import WRITE_PROBLEMS
from ledger_service.api.endpoints.places import own_store, require_merchant
from ledger_service.api.errors import CursorRefused, NotYours
from ledger_service.api.paging import PAGE_QUERY, Cursors, paged
from ledger_service.api.routes import Call, Reply, Route, Served, Success, scopes
from ledger_service.api.schema import Integer, Named, Nullable, Record, Text
from ledger_service.checkout.cashiers import service
from ledger_service.checkout.cashiers.errors import CashierLocked, CashierRefused, CashierUnknown
from ledger_service.checkout.cashiers.service import Cashiers
from ledger_service.kernel.clock import format_instant, seconds_floor
from ledger_service.kernel.gs1 import gln_text, parse_gln
from ledger_service.members.cards.errors import PinTooEasy
from ledger_service.members.cards.rules import TRIES_TO_BLOCK, parse_pin
from ledger_service.merchants.business_day import day_text
from ledger_service.merchants.errors import MerchantUnknown, StoreUnknown
from ledger_service.merchants.queries import find_merchant

_GROUP = "Cashiers"
_WHO = shapes.answer("ServingCashier", cashier=shapes.CASHIER, member=Nullable(shapes.NUMBER))
SET = Route(
    "PUT", "/v1/cashiers/<cashier>/pin", "set-cashier-pin", scopes("store:write"), "Set a cashier's PIN",
    group=_GROUP, write=True,
    body=Named("NewCashierPin", Record({"merchant": shapes.GLN, "pin": shapes.PIN})),
    problems=(*WRITE_PROBLEMS, NotYours, MerchantUnknown, PinTooEasy),
    success=Success(200, "Set; tries against the former one are forgotten.", Record(closed=False)),
)  # fmt: skip
END = Route(
    "POST", "/v1/cashiers/<cashier>/end", "end-cashier-pin", scopes("store:write"),
    "A cashier stands at no till any more", group=_GROUP, write=True, body=Record({"merchant": shapes.GLN}),
    problems=(*WRITE_PROBLEMS, NotYours, CashierUnknown),
    success=Success(200, "Ended.", Record(closed=False)),
)  # fmt: skip
LIST = Route(
    "GET", "/v1/cashiers", "list-cashiers", scopes("sell", "store:write"),
    "The cashiers of the caller's merchant who have a PIN", group=_GROUP, query=PAGE_QUERY,
    problems=(NotYours, CursorRefused),
    success=Success(200, "A page, by name.", paged("cashiers", shapes.answer(
        "CashierRow", cashier=shapes.CASHIER, set_at=shapes.INSTANT, tries_left=Integer(0, TRIES_TO_BLOCK)))),
)  # fmt: skip
CHECK = Route(
    "POST", "/v1/cashier-checks", "check-cashier", scopes("sell"), "Who stands at the till, by PIN",
    group=_GROUP, body=Named("CashierCheck", Record({"cashier": shapes.CASHIER, "pin": shapes.PIN})),
    problems=(NotYours, CashierRefused, CashierLocked),
    success=Success(200, "It is this cashier; name it in what the till sells.", _WHO),
)  # fmt: skip
SHOW = Route(
    "GET", "/v1/cashiers/<cashier>", "show-cashier", scopes("sell", "store:write"),
    "Which member a cashier is, where the merchant has said so", group=_GROUP,
    problems=(NotYours, CashierUnknown), success=Success(200, "The cashier.", _WHO),
)  # fmt: skip
TODAY = Route(
    "GET", "/v1/stores/<gln>/today", "show-store-today", scopes("sell", "sale:read"),
    "What a store is called, whose it is, and which business date it is there", group=_GROUP,
    problems=(NotYours, StoreUnknown),
    success=Success(200, "By the store's own clock.", shapes.answer(
        "StoreToday", store=shapes.GLN, store_name=Text(), merchant=shapes.GLN, merchant_name=Text(),
        timezone=Text(), business_date=shapes.DATE)),
)  # fmt: skip
ROUTES = (SET, END, LIST, CHECK, SHOW, TODAY)


@dataclass(frozen=True, slots=True)
class CashiersDoor:
    """The endpoints of this module over the cashiers' PINs."""

    administration: Administration
    service: Cashiers
    cursors: Cursors

    def set_pin(self, call: Call) -> Reply:
        """The cashier has a PIN."""
        merchant_id, cashier = _named(call)
        hashed = self.service.pins.prepare(parse_pin(call.body.fields["pin"], "pin"))

        def act(conn: Connection) -> Json:
            if find_merchant(conn, merchant_id) is None:
                raise MerchantUnknown
            service.set_pin(conn, (merchant_id, cashier), hashed, (call.caller.subject, call.at))
            return {"cashier": cashier, "set_at": format_instant(call.at)}

        return self.administration.write(call, act, status=200)

    def end(self, call: Call) -> Reply:
        """The cashier has none any more."""
        who = _named(call)

        def act(conn: Connection) -> Json:
            service.end_pin(conn, who)
            return {"cashier": who[1]}

        return self.administration.write(call, act, status=200)

    def list_all(self, call: Call) -> Reply:
        """A page of the merchant's cashiers."""
        merchant_id = reader_of(call).merchant_id
        page = self.cursors.page(f"cashiers:{merchant_id}", call.query)

        def find(conn: Connection) -> Json:
            found = service.cashiers_after(conn, merchant_id, page.after, page.limit + 1)
            rows, cursor = self.cursors.cut(page, found, lambda row: row["cashier"])
            shown = [
                {"cashier": row["cashier"], "set_at": format_instant(row["set_at"]),
                 "tries_left": max(0, TRIES_TO_BLOCK - row["tries"])}
                for row in rows
            ]  # fmt: skip
            return {"cashiers": shown, "next_cursor": cursor}

        return self.administration.read(find)

    def check(self, call: Call) -> Reply:
        """The cashier stands there."""
        given = call.body.fields
        who = reader_of(call).merchant_id, given["cashier"]
        self.service.check(who, given["pin"], call.at)
        return self._who(who)

    def show(self, call: Call) -> Reply:
        """The cashier."""
        return self._who((reader_of(call).merchant_id, _cashier(call)))

    def today(self, call: Call) -> Reply:
        """The store's names and its business date."""
        gln = parse_gln(call.path["gln"], "gln")

        def find(conn: Connection) -> Json:
            store = own_store(conn, call, gln)
            merchant = find_merchant(conn, store.merchant_id)
            return {
                "store": gln_text(gln), "store_name": store.name, "merchant": gln_text(store.merchant_id),
                "merchant_name": "" if merchant is None else merchant.name, "timezone": store.timezone,
                "business_date": day_text(clock_of(store).day_of(seconds_floor(call.at))),
            }  # fmt: skip

        return self.administration.read(find)

    def _who(self, who: tuple[int, str]) -> Reply:
        return self.administration.look(
            lambda conn: {"cashier": who[1], "member": service.number_of(conn, who)}
        )


def served(door: CashiersDoor) -> list[Served]:
    """The routes of this module bound to their endpoints."""
    endpoints = (door.set_pin, door.end, door.list_all, door.check, door.show, door.today)
    return [Served(route, endpoint) for route, endpoint in zip(ROUTES, endpoints, strict=True)]


def _named(call: Call) -> tuple[int, str]:
    merchant_id = parse_gln(call.body.fields["merchant"], "merchant")
    require_merchant(call, merchant_id, "merchant")
    return merchant_id, _cashier(call)


def _cashier(call: Call) -> str:
    """The cashier of the path, in the form that a check and a sale name it."""
    shapes.CASHIER.check(call.path["cashier"], "cashier")
    return call.path["cashier"]
