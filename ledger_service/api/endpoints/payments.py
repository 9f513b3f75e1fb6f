"""Payments over HTTP: orders of tills, signed notices of providers, and what became of each payment."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection, RowMapping

from ledger_service.api import shapes
from ledger_service.api.administration import Administration, Json
from ledger_service.api.dialects import Dialect
from ledger_service.api.endpoints.checkout import reader_of
from ledger_service.api.endpoints.devices import WRITE_PROBLEMS
from ledger_service.api.endpoints.places import require_merchant
from ledger_service.api.errors import CursorRefused, NotYours
from ledger_service.api.paging import PAGE_QUERY, Cursors, paged
from ledger_service.api.routes import PUBLIC, Call, Parameter, Reply, Route, Served, Success, scopes
from ledger_service.api.schema import Flag, Free, Nullable, Record, Text
from ledger_service.db.errors import StorageUnavailable, WriterBusy
from ledger_service.db.writer import Writer
from ledger_service.kernel.clock import format_instant
from ledger_service.kernel.gs1 import parse_gln
from ledger_service.kernel.ids import id_text, parse_id
from ledger_service.payments import queries
from ledger_service.payments.accounts import Accounts
from ledger_service.payments.errors import PaymentConflict, PaymentNoticeMalformed, PaymentNoticeRefused
from ledger_service.payments.receiving import (
    LINE_HEADERS,
    WECHAT_HEADERS,
    Received,
    from_line,
    from_wechat,
)
from ledger_service.payments.rules import STATES, Notice, Provider
from ledger_service.payments.service import Order, PaymentDesk

_GROUP, _OPEN = "Payments", "Payments, for providers"
_BASE, _ORDERS = "/v1/payment-callbacks", "/v1/payment-orders"
_PROVIDER = Text(one_of=tuple(provider.value for provider in Provider))
_REFERENCE = Text(64, about="The order's number at the provider: out_trade_no, orderId")
_NOTICE = (PaymentNoticeRefused, PaymentNoticeMalformed, PaymentConflict, WriterBusy, StorageUnavailable)
_NOTED = Success(200, "Taken; the same again changes nothing.", Record({"noted": Flag()}, closed=False))
ORDER = Route(
    "POST", _ORDERS, "name-payment-order", scopes("sell"),
    "For which sale an order is paid, and whether the payer agreed to become a member", group=_GROUP,
    write=True,
    body=Record(
        {"provider": _PROVIDER, "order": _REFERENCE, "sale": shapes.HEX_ID, "cashier": shapes.CASHIER,
         "consent": Flag("Whether the payer agreed; without, a payer that is no member stays a stranger")},
        {"touch": shapes.HEX_ID}),
    problems=(*WRITE_PROBLEMS, NotYours, PaymentConflict),
    success=Success(201, "Named; the sale joins the payer once the provider has told of the payment.",
                    shapes.answer("PaymentOrdered", state=Text(one_of=STATES))),
)  # fmt: skip
LIST = Route(
    "GET", _ORDERS, "list-payment-orders", scopes("store:write", "audit:read"),
    "Payments by order, and what became of each", group=_GROUP,
    query={"merchant": Parameter(shapes.GLN, "Whose; the caller's own merchant when absent"),
           "state": Parameter(Text(one_of=STATES), "Only those of this state"), **PAGE_QUERY},
    problems=(NotYours, CursorRefused),
    success=Success(200, "A page, by provider and order; nobody's name at the provider is shown.", paged(
        "payments", shapes.answer(
            "Payment", provider=_PROVIDER, order=_REFERENCE, sale=Nullable(shapes.HEX_ID),
            state=Text(one_of=STATES), reason=Text(64, 0), member=Nullable(shapes.NUMBER),
            amount_minor=Nullable(shapes.MINOR), paid_at=Nullable(shapes.INSTANT)))),
)  # fmt: skip
WECHAT = Route(
    "POST", f"{_BASE}/wechat-pay/<gln>", "wechat-pay-notice", PUBLIC,
    "WeChat Pay tells of a payment, under its signature", group=_OPEN,
    body=Free("As WeChat Pay APIv3 sends it"), problems=_NOTICE, success=_NOTED,
    dialect=Dialect(asked=WECHAT_HEADERS, keeps_body=True),
)  # fmt: skip
LINE = Route(
    "POST", f"{_BASE}/line-pay/<gln>", "line-pay-notice", PUBLIC,
    "Who confirms a LINE Pay payment tells of it, signed as LINE Pay signs", group=_OPEN,
    body=Free("orderId, transactionId, payerId, amount in whole units, currency"), problems=_NOTICE,
    success=_NOTED,
    dialect=Dialect(asked=LINE_HEADERS, keeps_body=True),
)  # fmt: skip
ROUTES = (ORDER, LIST, WECHAT, LINE)


@dataclass(frozen=True, slots=True)
class PaymentsDoor:
    """The endpoints of this module over payments; ``accounts`` holds the merchants' keys at providers."""

    administration: Administration
    cursors: Cursors
    writer: Writer
    desk: PaymentDesk
    accounts: Accounts

    def order(self, call: Call) -> Reply:
        """The order is named."""
        given, till = call.body.fields, reader_of(call)
        touch = given.get("touch")
        order = Order(
            till.merchant_id, Provider(given["provider"]), given["order"], parse_id(given["sale"], "sale"),
            given["cashier"], till.terminal_id, given["consent"],
            None if touch is None else parse_id(touch, "touch"),
        )  # fmt: skip
        told = call.caller.subject, call.at
        return self.administration.write(call, lambda conn: {"state": self.desk.order(conn, order, told)})

    def list(self, call: Call) -> Reply:
        """A page of payments."""
        merchant_id, state = _merchant_of(call), call.query.get("state")
        page = self.cursors.page(f"payments:{merchant_id}:{state}", call.query)
        provider, _, reference = (page.after or " ").partition(" ")

        def find(conn: Connection) -> Json:
            after = provider, reference
            found = queries.payments_of(conn, merchant_id, state, after, page.limit + 1)
            rows, cursor = self.cursors.cut(page, found, lambda row: f"{row['provider']} {row['reference']}")
            return {"payments": [_view(row) for row in rows], "next_cursor": cursor}

        return self.administration.read(find)

    def wechat(self, call: Call) -> Reply:
        """WeChat Pay's word is noted."""
        return self._noted(call, "wechat-pay", from_wechat)

    def line(self, call: Call) -> Reply:
        """The confirmer's word is noted."""
        return self._noted(call, "line-pay", from_line)

    def _noted(self, call: Call, name: str, read: Callable[[Accounts, Received], Notice | None]) -> Reply:
        merchant_id, path = parse_gln(call.path["gln"], "gln"), f"{_BASE}/{name}/{call.path['gln']}"
        received = Received(merchant_id, path, call.headers or {}, call.body.raw, call.at)
        notice = read(self.accounts, received)
        if notice is not None:
            self.writer.run(lambda conn: self.desk.note(conn, notice, call.at))
        return Reply({"noted": notice is not None})


def served(door: PaymentsDoor) -> list[Served]:
    """The routes of this module bound to their endpoints."""
    endpoints = (door.order, door.list, door.wechat, door.line)
    return [Served(route, endpoint) for route, endpoint in zip(ROUTES, endpoints, strict=True)]


def _merchant_of(call: Call) -> int:
    named = call.query.get("merchant")
    if named is None:
        return reader_of(call).merchant_id
    merchant_id = parse_gln(named, "query.merchant")
    require_merchant(call, merchant_id, "query.merchant")
    return merchant_id


def _view(row: RowMapping) -> Json:
    return {
        "provider": row["provider"], "order": row["reference"],
        "sale": None if row["sale_id"] is None else id_text(row["sale_id"]), "state": row["state"],
        "reason": row["reason"], "member": row["member_number"], "amount_minor": row["amount_minor"],
        "paid_at": None if row["paid_at"] is None else format_instant(row["paid_at"]),
    }  # fmt: skip
