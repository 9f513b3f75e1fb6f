"""Returns beside the plain refund: look-up of sales, exchanges, returns without a receipt, their rule."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from ledger_service.api import return_shapes, shapes
from ledger_service.api.administration import Administration, Json
from ledger_service.api.endpoints import checkout
from ledger_service.api.endpoints.devices import WRITE_PROBLEMS
from ledger_service.api.endpoints.places import require_merchant
from ledger_service.api.errors import CursorRefused, NotYours
from ledger_service.api.paging import PAGE_QUERY, Cursors, paged
from ledger_service.api.routes import Call, Parameter, Reply, Route, Served, Success, scopes
from ledger_service.api.schema import Text
from ledger_service.checkout import return_errors as refusals
from ledger_service.checkout import return_policies
from ledger_service.checkout.archive_errors import SaleArchived
from ledger_service.checkout.couponing.parsing import parse_wish
from ledger_service.checkout.couponing.service import CouponedCheckout
from ledger_service.checkout.day_errors import BusinessDateOutOfRange
from ledger_service.checkout.errors import WrongCurrency
from ledger_service.checkout.queries import SaleSearch
from ledger_service.checkout.return_requests import parse_exchange, parse_unreceipted
from ledger_service.checkout.return_rules import ReturnPolicy, policy_body, policy_of
from ledger_service.checkout.service import CheckoutService
from ledger_service.kernel.clock import parse_instant
from ledger_service.kernel.errors import MalformedField
from ledger_service.kernel.gs1 import gln_text, parse_gln, parse_gsrn
from ledger_service.members.errors import MemberFrozen, MemberUnknown
from ledger_service.merchants import queries
from ledger_service.merchants.errors import MerchantUnknown
from ledger_service.risk.errors import RefusedByRules

_GROUP = "Returns"
_WINDOW = timedelta(days=7)
_LONGEST_WINDOW = timedelta(days=31)
_KINDS = ("invoice", "member", "reference")

FIND_SALES = Route(
    "GET", "/v1/sales", "find-sales", scopes("sell", "sale:read"), "Sales of the merchant, newest first",
    group=_GROUP, problems=(NotYours, CursorRefused, SaleArchived),
    query={
        "invoice": Parameter(Text(20), "Number of the invoice or of an allowance"),
        "member": Parameter(shapes.NUMBER, "Number of the member"),
        "reference": Parameter(Text(64), "The till's own reference, within `since` and `until`"),
        "since": Parameter(shapes.INSTANT, "With `reference`: not earlier; `until` less a week when absent"),
        "store": Parameter(shapes.GLN, "With `reference`: sales of this store only, which is found faster"),
        "until": Parameter(shapes.INSTANT, "With `reference`: not later; now when absent, 31 days at most"),
        **PAGE_QUERY,
    },
    success=Success(200, "A page; exactly one of `invoice`, `member` and `reference` chooses.",
                    paged("sales", shapes.SALE)),
)  # fmt: skip
EXCHANGE = Route(
    "POST", "/v1/exchanges", "exchange", scopes("refund"), "Take back and sell in one, all or nothing",
    group=_GROUP, body=return_shapes.EXCHANGE_BODY, room_checks=True, write=True,
    problems=tuple(dict.fromkeys(
        (*checkout.SALE.problems, *checkout.REFUND.problems, refusals.ExchangePriceDiffers))),
    success=Success(201, "Both are done.", return_shapes.EXCHANGE),
)  # fmt: skip
TAKE_BACK = Route(
    "POST", "/v1/returns", "take-back", scopes("refund"), "Take goods back without a receipt",
    group=_GROUP, body=return_shapes.UNRECEIPTED_BODY, room_checks=True, write=True,
    problems=(*checkout.WRITE_OF_TERMINAL, BusinessDateOutOfRange, WrongCurrency, MemberUnknown, MemberFrozen,
              refusals.ReturnWithoutReceiptRefused, refusals.ReturnWithoutReceiptLimited, RefusedByRules),
    success=Success(201, "Taken back, for store credit.", return_shapes.UNRECEIPTED),
)  # fmt: skip
PUBLISH = Route(
    "POST", "/v1/merchants/<gln>/return-policy", "publish-return-policy", scopes("store:write"),
    "How the merchant takes goods back from now on", group=_GROUP, body=return_shapes.POLICY, write=True,
    problems=(*WRITE_PROBLEMS, NotYours, MerchantUnknown),
    success=Success(200, "Published.", return_shapes.POLICY_ANSWER),
)  # fmt: skip
READ = Route(
    "GET", "/v1/merchants/<gln>/return-policy", "return-policy", scopes("quote", "merchant:read"),
    "How a merchant takes goods back", group=_GROUP, problems=(MerchantUnknown,),
    success=Success(200, "The rule in force.", return_shapes.POLICY_ANSWER),
)  # fmt: skip
ROUTES = (FIND_SALES, EXCHANGE, TAKE_BACK, PUBLISH, READ)


@dataclass(frozen=True, slots=True)
class ReturnsDoor:
    """The endpoints of this module over the checkout."""

    administration: Administration
    checkout: CheckoutService
    couponed: CouponedCheckout
    cursors: Cursors

    def find_sales(self, call: Call) -> Reply:
        """A page of the merchant's sales."""
        caller = checkout.reader_of(call)
        named = [name for name in _KINDS if call.query.get(name) is not None]
        if len(named) != 1:
            raise MalformedField("query", f"must name exactly one of {', '.join(_KINDS)}")
        store = call.query.get("store", "")
        listing = f"sales:{caller.merchant_id}:{named[0]}:{call.query[named[0]]}:{store}"
        page = self.cursors.page(listing, call.query)
        since, until = _window(call)
        member = call.query.get("member")
        search = SaleSearch(
            call.query.get("invoice"),
            None if member is None else parse_gsrn(member, "query.member"),
            call.query.get("reference"),
            since,
            until,
            _store(call),
            page.after,
            page.limit + 1,
        )
        rows, cursor = self.cursors.cut(page, self.checkout.find_sales(caller, search), lambda row: row[0])
        return Reply({"sales": [document for _, document in rows], "next_cursor": cursor})

    def exchange(self, call: Call) -> Reply:
        """Goods came back and others were sold."""
        wish, body = parse_wish(call.body.fields)
        write, request = checkout.write_of(call), parse_exchange(body)
        used = self.couponed.used(request.back.sale_id)
        if wish is None and not used:
            return checkout.reply_of(self.checkout.exchange(write, request))
        return checkout.reply_of(self.couponed.exchange(write, request, wish, used))

    def take_back(self, call: Call) -> Reply:
        """Goods came back without a receipt."""
        request = parse_unreceipted(call.body.fields)
        return checkout.reply_of(self.checkout.take_back(checkout.write_of(call), request))

    def publish(self, call: Call) -> Reply:
        """The merchant has a rule of returns."""
        merchant_id = parse_gln(call.path["gln"], "gln")
        require_merchant(call, merchant_id, "gln")
        policy = _policy(call.body.fields)

        def act(conn: Connection) -> Json:
            _must_know(conn, merchant_id)
            return_policies.publish(conn, merchant_id, policy, call.at)
            return {"merchant": gln_text(merchant_id), **policy_body(policy)}

        return self.administration.write(call, act, status=200)

    def read(self, call: Call) -> Reply:
        """The rule of a merchant, for whoever serves its customers."""
        merchant_id = parse_gln(call.path["gln"], "gln")

        def find(conn: Connection) -> Json:
            _must_know(conn, merchant_id)
            return {"merchant": gln_text(merchant_id), **policy_body(return_policies.find(conn, merchant_id))}

        return self.administration.read(find)


def served(door: ReturnsDoor) -> list[Served]:
    """The routes of this module bound to their endpoints."""
    endpoints = (door.find_sales, door.exchange, door.take_back, door.publish, door.read)
    return [Served(route, endpoint) for route, endpoint in zip(ROUTES, endpoints, strict=True)]


def _policy(given: Json) -> ReturnPolicy:
    for field in ("partners", "takes_back_for"):
        for index, gln in enumerate(given.get(field, ())):
            parse_gln(gln, f"{field}[{index}]")
    return policy_of(given)


def _must_know(conn: Connection, merchant_id: int) -> None:
    if queries.find_merchant(conn, merchant_id) is None:
        raise MerchantUnknown


def _store(call: Call) -> int | None:
    given = call.query.get("store")
    return None if given is None else parse_gln(given, "query.store")


def _window(call: Call) -> tuple[datetime | None, datetime | None]:
    """Between which instants a reference is looked for."""
    given = {name: call.query.get(name) for name in ("since", "until")}
    if call.query.get("reference") is None:
        if any(value is not None for value in given.values()) or call.query.get("store") is not None:
            raise MalformedField("query", "must have since, until and store only with reference")
        return None, None
    until = call.at if given["until"] is None else parse_instant(given["until"], "query.until")
    since = until - _WINDOW if given["since"] is None else parse_instant(given["since"], "query.since")
    if not timedelta(0) <= until - since <= _LONGEST_WINDOW:
        raise MalformedField("query.since", f"must be at most {_LONGEST_WINDOW.days} days before until")
    return since, until
