"""Offline tills: upload what was sold, allowances, and the report of losses and blame."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection

from ledger_service.api import shapes
from ledger_service.api.administration import Administration, Json
from ledger_service.api.endpoints.checkout import caller_of
from ledger_service.api.endpoints.devices import WRITE_PROBLEMS
from ledger_service.api.errors import NotYours
from ledger_service.api.paging import PAGE_QUERY, Cursors, paged
from ledger_service.api.problems import problem_document
from ledger_service.api.routes import Call, Parameter, Reply, Route, Served, Success, scopes
from ledger_service.api.schema import Either, Flag, Free, Integer, Listing, Named, Nullable, Record, Text
from ledger_service.checkout.archive_errors import AnswerArchived
from ledger_service.checkout.day_errors import NotInTraining
from ledger_service.checkout.errors import ClockSkew, IdempotencyKeyReused
from ledger_service.checkout.offline import queries
from ledger_service.checkout.offline.allowances import Statements, find_allowance, set_allowance
from ledger_service.checkout.offline.debts import DecideLossCommand, Decision
from ledger_service.checkout.offline.errors import (
    OfflineDebtRefused,
    OfflineSaleTooLate,
    OfflineSaleUnknown,
)
from ledger_service.checkout.offline.parsing import GREATEST_VERSION, MOST_SALES, parse_batch
from ledger_service.checkout.offline.queries import Wanted
from ledger_service.checkout.offline.requests import SetAllowance
from ledger_service.checkout.offline.rules import GREATEST_WINDOW_SECONDS, LEAST_WINDOW_SECONDS
from ledger_service.checkout.offline.service import Merged, OfflineService
from ledger_service.checkout.requests import Caller
from ledger_service.coupons.wallet.errors import CouponCodesLocked
from ledger_service.db.commands import BookCommand
from ledger_service.db.errors import StorageUnavailable, WriterBusy
from ledger_service.db.writer import Writer
from ledger_service.kernel.clock import format_instant
from ledger_service.kernel.errors import DomainError, type_registry
from ledger_service.kernel.ids import parse_id
from ledger_service.kernel.money import exponent_of
from ledger_service.members.errors import MemberFrozen, MemberUnknown
from ledger_service.merchants import queries as merchants
from ledger_service.merchants.errors import MerchantSuspended, StoreUnknown, TerminalUnknown
from ledger_service.points.catalogue import CatalogueCache
from ledger_service.points.errors import OperationAdopted

_GROUP = "Offline tills"
_STATES = Text(one_of=("certain", "waiting", "refused"))
_KEY = Text(64, pattern="[A-Za-z0-9._~-]{1,64}", about="The till's own key of the sale")
_ITEM = Named("OfflineSale", Record(
    {"key": _KEY, "sold_at": shapes.INSTANT, "sale": shapes.OFFLINE_SALE_BODY},
    {"allowance_version": Nullable(Integer(0, GREATEST_VERSION, "Of the statement that the till went by"))},
))  # fmt: skip
# A till that sends one bad sale must not lose the others: an item is never a reason to refuse the batch.
_OTHER = Free("Any other object is refused by itself, in its own result")
_RESULT = Named("OfflineResult", Record(
    {"key": Nullable(Text(64)), "state": _STATES, "replayed": Flag(),
     "result": Nullable(Free("What is stored: the sale, its loss, or the code of its refusal")),
     "problem": Nullable(Free("The problem document (RFC 9457) of what is refused or waits"))},
    closed=False,
))  # fmt: skip
_ROW = Named("OfflineSaleRow", Record(
    {"sale_id": shapes.HEX_ID, "key": Text(64), "state": _STATES}, closed=False))  # fmt: skip
_LOSS = Named("OfflineLoss", Record(
    {"sale_id": shapes.HEX_ID, "cause": Text(64), "borne_by": shapes.GLN, "member_flagged": Flag()},
    closed=False,
))  # fmt: skip
_ALLOWANCE = shapes.answer(
    "OfflineAllowance", terminal=Text(64), version=Integer(), allowance_micros=Integer(),
    window_seconds=Integer(),
)  # fmt: skip
_MICROS = Integer(0, about="Micros of the settlement currency in a window; 0 for none")
_WINDOW = Integer(LEAST_WINDOW_SECONDS, GREATEST_WINDOW_SECONDS, "Seconds of a window, counted from 1970")
_NEW = Named("NewOfflineAllowance", Record({"allowance_micros": _MICROS, "window_seconds": _WINDOW}))

UPLOAD = Route(
    "POST", "/v1/offline-sales", "upload-offline-sales", scopes("sell"), "Merge what a till sold alone",
    group=_GROUP, room_checks=True,
    body=Named("OfflineBatch", Record({"sales": Listing(Either((_ITEM, _OTHER)), MOST_SALES, 1)})),
    problems=(NotYours, TerminalUnknown, WriterBusy, StorageUnavailable, OfflineSaleTooLate, ClockSkew,
              MemberFrozen, MemberUnknown, MerchantSuspended, StoreUnknown, IdempotencyKeyReused,
              OperationAdopted, AnswerArchived, NotInTraining, CouponCodesLocked),
    success=Success(200, "What became of each sale, in the order of the batch.", Record(
        {"results": Listing(_RESULT, MOST_SALES), "service_time": shapes.INSTANT}, closed=False)),
)  # fmt: skip
LIST = Route(
    "GET", "/v1/offline-sales", "list-offline-sales", scopes("sell", "sale:read"),
    "Offline sales that were decided, a till's or merchant's own only", group=_GROUP,
    query=PAGE_QUERY | {"state": Parameter(Text(one_of=("certain", "refused")), "Only these")},
    success=Success(200, "A page, in the order of arrival.", paged("sales", _ROW)),
)  # fmt: skip
FIND = Route(
    "GET", "/v1/offline-sales/<sale>", "find-offline-sale", scopes("sell", "sale:read"),
    "What became of an offline sale", group=_GROUP, problems=(OfflineSaleUnknown, AnswerArchived),
    success=Success(200, "As it was answered.", Record({"state": _STATES}, closed=False)),
)  # fmt: skip
STATEMENT = Route(
    "GET", "/v1/offline-allowance", "offline-statement", scopes("sell"),
    "The calling till's allowance and the service's time, signed", group=_GROUP, problems=(NotYours,),
    success=Success(200, "In force for a day.", _ALLOWANCE),
)  # fmt: skip
SET = Route(
    "POST", "/v1/terminals/<terminal>/offline-allowance", "set-offline-allowance", scopes("terminal:write"),
    "Set what a till may take in points while offline", group=_GROUP, body=_NEW, write=True,
    problems=(*WRITE_PROBLEMS, NotYours, TerminalUnknown),
    success=Success(200, "In force once the till has its next statement, a day later at most.", _ALLOWANCE),
)  # fmt: skip
READ = Route(
    "GET", "/v1/terminals/<terminal>/offline-allowance", "read-offline-allowance",
    scopes("terminal:write", "merchant:read"), "A till's allowance and its earlier versions", group=_GROUP,
    problems=(TerminalUnknown,), success=Success(200, "The newest first.", _ALLOWANCE),
)  # fmt: skip
LOSSES = Route(
    "GET", "/v1/offline-losses", "list-offline-losses", scopes("sale:read"),
    "What merchants bear of offline sales, and who is to blame", group=_GROUP, query=PAGE_QUERY,
    success=Success(200, "A page, in the order of arrival.", paged("losses", _LOSS)),
)  # fmt: skip
DECIDE = Route(
    "POST", "/v1/offline-losses/<sale>/decision", "decide-offline-loss", scopes("operate"),
    "Make a flagged member owe a loss, or not", group=_GROUP, write=True, body=Record({"collect": Flag()}),
    problems=(*WRITE_PROBLEMS, OfflineSaleUnknown, OfflineDebtRefused),
    success=Success(200, "Decided, once.", Record({"debt_points": shapes.POINTS}, closed=False)),
)  # fmt: skip
ROUTES = (UPLOAD, LIST, FIND, STATEMENT, SET, READ, LOSSES, DECIDE)


@dataclass(frozen=True, slots=True)
class OfflineDoor:
    """The endpoints of this module over the offline sales."""

    administration: Administration
    service: OfflineService
    statements: Statements
    catalogue: CatalogueCache
    writer: Writer
    cursors: Cursors

    def upload(self, call: Call) -> Reply:
        """Each sale of the batch is decided or waits."""
        merged = self.service.merge(caller_of(call), parse_batch(call.body.fields), call.at)
        results = [_result(one, call.request_id) for one in merged]
        return Reply({"results": results, "service_time": format_instant(call.at)})

    def list_all(self, call: Call) -> Reply:
        """Decided offline sales that the caller may see."""
        wanted = replace(_wanted(call), state=call.query.get("state"))
        page = self.cursors.page(f"offline:{call.caller.subject}:{wanted.state}", call.query)

        def find(conn: Connection) -> Json:
            found = queries.offline_sales_after(conn, wanted, page.after, page.limit + 1)
            rows, cursor = self.cursors.cut(page, found, queries.position_of)
            return {"sales": [queries.sale_view(row) for row in rows], "next_cursor": cursor}

        return self.administration.read(find)

    def find(self, call: Call) -> Reply:
        """One of them, as it was answered."""
        principal = call.caller
        reader = Caller(principal.subject, principal.merchant_id or 0, principal.terminal_id or "")
        return Reply(self.service.find(reader, parse_id(call.path["sale"], "sale")))

    def statement(self, call: Call) -> Reply:
        """The till's own statement."""
        caller = caller_of(call)
        return self.administration.read(lambda conn: self.statements.of(conn, caller, call.at))

    def set_allowance(self, call: Call) -> Reply:
        """The terminal has a further version of its allowance."""
        given = call.body.fields
        wish = SetAllowance(call.path["terminal"], given["allowance_micros"], given["window_seconds"])

        def act(conn: Connection) -> Json:
            _own_terminal(conn, call)
            return set_allowance(conn, wish, call.caller.subject, call.at)

        return self.administration.write(call, act, status=200)

    def read_allowance(self, call: Call) -> Reply:
        """The allowance with its history."""

        def find(conn: Connection) -> Json:
            _own_terminal(conn, call)
            return find_allowance(conn, call.path["terminal"])

        return self.administration.read(find)

    def losses(self, call: Call) -> Reply:
        """Losses that the caller may see; members by number for those who may read members."""
        wanted = replace(_wanted(call), losses=True, members="member:read" in call.caller.scopes)
        page = self.cursors.page(f"offline-losses:{call.caller.subject}", call.query)

        def find(conn: Connection) -> Json:
            found = queries.offline_sales_after(conn, wanted, page.after, page.limit + 1)
            rows, cursor = self.cursors.cut(page, found, queries.position_of)
            shown = [queries.loss_row_view(row, members=wanted.members) for row in rows]
            return {"losses": shown, "next_cursor": cursor}

        return self.administration.read(find)

    def decide(self, call: Call) -> Reply:
        """The loss becomes the member's debt, or stays the merchant's for good."""
        sale_id = parse_id(call.path["sale"], "sale")
        decision = Decision(sale_id, call.body.fields["collect"], call.caller.subject, call.at)
        exponent = exponent_of(self.statements.desk.currency)
        command = DecideLossCommand(decision, self.catalogue.current(), exponent)
        keyed = self.administration.keyed(call, 200, lambda content: content)
        return _reply(self.writer, keyed(command))


def served(door: OfflineDoor) -> list[Served]:
    """The routes of this module bound to their endpoints."""
    endpoints = (
        door.upload, door.list_all, door.find, door.statement, door.set_allowance, door.read_allowance,
        door.losses, door.decide,
    )  # fmt: skip
    return [Served(route, endpoint) for route, endpoint in zip(ROUTES, endpoints, strict=True)]


def _reply(writer: Writer, command: BookCommand[Any]) -> Reply:
    answer = writer.submit(command)
    return Reply(answer.body, answer.status, answer.replayed)


def _wanted(call: Call) -> Wanted:
    return Wanted(call.caller.merchant_id, call.caller.terminal_id)


def _own_terminal(conn: Connection, call: Call) -> None:
    found = merchants.find_terminal(conn, call.path["terminal"])
    if found is None or call.caller.merchant_id not in (None, found.merchant_id):
        raise TerminalUnknown


def _result(one: Merged, request_id: str) -> Json:
    error = one.error
    if error is None and one.content is not None and one.state == "refused":
        error = _stored_refusal(one.content)
    problem = None if error is None else problem_document(error, request_id)
    facts = {"key": one.key, "state": one.state, "replayed": one.replayed}
    return {**facts, "result": one.content, "problem": problem}


def _stored_refusal(content: Json) -> DomainError:
    return type_registry[content["code"]](**content["params"])
