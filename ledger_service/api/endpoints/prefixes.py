"""GS1 company prefixes: the operator allots them to merchants; what lies under another's is listed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, RowMapping

from ledger_service.api import shapes
from ledger_service.api.administration import Administration, Json
from ledger_service.api.endpoints.devices import WRITE_PROBLEMS
from ledger_service.api.errors import CursorRefused
from ledger_service.api.paging import PAGE_QUERY, Cursors, paged
from ledger_service.api.routes import Call, Reply, Route, Served, Success, scopes
from ledger_service.api.schema import Named, Record, Text
from ledger_service.kernel.clock import format_instant
from ledger_service.kernel.gs1 import gln_text, parse_gln
from ledger_service.merchants.errors import MerchantUnknown
from ledger_service.merchants.queries import find_merchant
from ledger_service.traceability.prefixes import queries, service
from ledger_service.traceability.prefixes.errors import PrefixOverlaps, PrefixUnknown
from ledger_service.traceability.prefixes.rules import PATTERN

_GROUP, _BASE = "Goods", "/v1/prefixes"
_DIGITS = Text(12, pattern=PATTERN, about="GS1 company prefix, 4 to 12 digits")
PREFIX = Named("CompanyPrefix", Record(
    {"prefix": _DIGITS, "merchant": shapes.GLN, "allotted_at": shapes.INSTANT}, closed=False,
))  # fmt: skip
_ACT = Named("PrefixAct", Record({
    "prefix": _DIGITS, "merchant": shapes.GLN, "act": Text(one_of=("allotted", "withdrawn")),
    "by": Text(), "at": shapes.INSTANT,
}, closed=False))  # fmt: skip
_CONFLICT = Named("PrefixConflict", Record({
    "gtin": Text(14, 14), "merchant": shapes.GLN, "brand": Text(100), "prefix": _DIGITS,
    "prefix_of": shapes.GLN,
}, closed=False))  # fmt: skip
ALLOT = Route(
    "POST", _BASE, "allot-prefix", scopes("operate"), "Allot a GS1 company prefix to a merchant",
    group=_GROUP, write=True, body=Record({"prefix": _DIGITS, "merchant": shapes.GLN}),
    problems=(*WRITE_PROBLEMS, MerchantUnknown, PrefixOverlaps),
    success=Success(201, "It is the merchant's; conflicts are listed.", PREFIX),
)  # fmt: skip
WITHDRAW = Route(
    "POST", f"{_BASE}/<prefix>/withdraw", "withdraw-prefix", scopes("operate"),
    "Take an allotment back; products stay", group=_GROUP, write=True, body=shapes.EMPTY_BODY,
    problems=(*WRITE_PROBLEMS, PrefixUnknown),
    success=Success(200, "It is nobody's.", shapes.answer("PrefixWithdrawn", prefix=_DIGITS)),
)  # fmt: skip
LIST = Route(
    "GET", _BASE, "list-prefixes", scopes("trace:read"), "Company prefixes that are allotted", group=_GROUP,
    query=PAGE_QUERY, problems=(CursorRefused,),
    success=Success(200, "A page by prefix; a merchant sees its own.", paged("prefixes", PREFIX)),
)  # fmt: skip
ACTS = Route(
    "GET", f"{_BASE}/acts", "list-prefix-acts", scopes("audit:read"), "Who allotted and withdrew what, when",
    group=_GROUP, query=PAGE_QUERY, problems=(CursorRefused,),
    success=Success(200, "A page, oldest first.", paged("acts", _ACT)),
)  # fmt: skip
CONFLICTS = Route(
    "GET", f"{_BASE}/conflicts", "list-prefix-conflicts", scopes("audit:read"),
    "Products that were registered under what is another merchant's prefix now", group=_GROUP,
    query=PAGE_QUERY, problems=(CursorRefused,),
    success=Success(200, "A page by GTIN.", paged("conflicts", _CONFLICT)),
)  # fmt: skip
ROUTES = (ALLOT, WITHDRAW, LIST, ACTS, CONFLICTS)


@dataclass(frozen=True, slots=True)
class PrefixesDoor:
    """The endpoints of this module."""

    administration: Administration
    cursors: Cursors

    def allot(self, call: Call) -> Reply:
        """The prefix is the merchant's."""
        given = call.body.fields
        owner = parse_gln(given["merchant"], "merchant")

        def act(conn: Connection) -> Json:
            if find_merchant(conn, owner) is None:
                raise MerchantUnknown
            return _prefix(service.allot(conn, given["prefix"], owner, call.caller.subject, call.at))

        return self.administration.write(call, act)

    def withdraw(self, call: Call) -> Reply:
        """The prefix is nobody's."""
        prefix = call.path["prefix"]

        def act(conn: Connection) -> Json:
            service.withdraw(conn, prefix, call.caller.subject, call.at)
            return {"prefix": prefix}

        return self.administration.write(call, act, status=200)

    def list(self, call: Call) -> Reply:
        """A page of prefixes."""
        own = call.caller.merchant_id
        page = self.cursors.page(f"prefixes:{own}", call.query)

        def find(conn: Connection) -> Json:
            found = queries.prefixes_after(conn, own, page.after, page.limit + 1)
            rows, cursor = self.cursors.cut(page, found, lambda row: row["prefix"])
            return {"prefixes": [_prefix(row) for row in rows], "next_cursor": cursor}

        return self.administration.read(find)

    def acts(self, call: Call) -> Reply:
        """A page of acts."""
        page = self.cursors.page("prefix-acts", call.query)

        def find(conn: Connection) -> Json:
            found = queries.acts_after(conn, page.after_number, page.limit + 1)
            rows, cursor = self.cursors.cut(page, found, lambda row: row["act_no"])
            return {"acts": [_act(row) for row in rows], "next_cursor": cursor}

        return self.administration.read(find)

    def conflicts(self, call: Call) -> Reply:
        """A page of conflicts."""
        page = self.cursors.page("prefix-conflicts", call.query)

        def find(conn: Connection) -> Json:
            found: Sequence[RowMapping] = queries.conflicts_after(conn, page.after, page.limit + 1)
            rows, cursor = self.cursors.cut(page, found, lambda row: row["gtin"])
            return {"conflicts": [_conflict(row) for row in rows], "next_cursor": cursor}

        return self.administration.read(find)


def served(door: PrefixesDoor) -> list[Served]:
    """The routes of this module bound to their endpoints."""
    endpoints = (door.allot, door.withdraw, door.list, door.acts, door.conflicts)
    return [Served(route, endpoint) for route, endpoint in zip(ROUTES, endpoints, strict=True)]


def _prefix(row: RowMapping) -> Json:
    return {"prefix": row["prefix"], "merchant": gln_text(row["merchant_id"]),
            "allotted_at": format_instant(row["allotted_at"])}  # fmt: skip


def _act(row: RowMapping) -> Json:
    return {"prefix": row["prefix"], "merchant": gln_text(row["merchant_id"]), "act": row["act"],
            "by": row["done_by"], "at": format_instant(row["done_at"])}  # fmt: skip


def _conflict(row: RowMapping) -> Json:
    return {"gtin": row["gtin"], "merchant": gln_text(row["merchant_id"]), "brand": row["brand"],
            "prefix": row["prefix"], "prefix_of": gln_text(row["prefix_of"])}  # fmt: skip
