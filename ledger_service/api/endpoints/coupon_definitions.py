"""Coupon definitions: made, written in versions, approved by another, agreed to by whoever they bind."""

from __future__ import annotations

from dataclasses import dataclass

import orjson
from sqlalchemy import Connection, RowMapping

from ledger_service.api import shapes
from ledger_service.api.administration import Administration, Json
from ledger_service.api.endpoints.coupon_terms import raw_of, shown_terms
from ledger_service.api.endpoints.devices import WRITE_PROBLEMS
from ledger_service.api.endpoints.places import require_merchant
from ledger_service.api.errors import CursorRefused, NotYours
from ledger_service.api.paging import PAGE_QUERY, Cursors, paged
from ledger_service.api.routes import Call, Reply, Route, Served, Success, scopes
from ledger_service.api.schema import Flag, Free, Integer, Listing, Named, Nullable, Record, Text
from ledger_service.coupons.definitions import errors as refusals
from ledger_service.coupons.definitions import queries, writing
from ledger_service.coupons.definitions.law import JURISDICTIONS, NOWHERE
from ledger_service.coupons.definitions.writing import NewDefinition, NewVersion, bound
from ledger_service.coupons.terms.text import terms_hash, terms_of
from ledger_service.coupons.terms.values import Terms
from ledger_service.kernel.clock import format_instant, parse_instant
from ledger_service.kernel.errors import MalformedField
from ledger_service.kernel.gs1 import gln_text, is_key, parse_gln
from ledger_service.kernel.text import clean_text
from ledger_service.merchants.errors import MerchantUnknown
from ledger_service.merchants.queries import find_merchant

_GROUP = "Coupons"
_READ = scopes("quote", "merchant:read")
CODE = Text(pattern="[A-Za-z0-9._-]{1,64}", about="The merchant's own code for it")
NAMES = Record(
    {"en": Text(200)}, {"zh-Hans": Text(200), "zh-Hant": Text(200)}, about="What members read, by language"
)
GCN = Text(13, pattern="[0-9]{13}", about="GCN (AI 255) with its check digit", format="gcn")
_WRITES = (*WRITE_PROBLEMS, NotYours, refusals.DefinitionUnknown)
_DEFINITION = Named("CouponDefinition", Record(
    {"definition": Integer(1), "code": CODE, "merchant": shapes.GLN, "gcn": Nullable(GCN),
     "names": Free("By language"), "jurisdiction": Text(8), "guarantee": Nullable(Text(200)),
     "created_at": shapes.INSTANT, "withdrawn_at": Nullable(shapes.INSTANT)}, closed=False))  # fmt: skip
_VERSION = Named("CouponVersion", Record(
    {"version": Integer(1), "terms": Free("docs/coupons.md"), "terms_hash": Text(66),
     "effective_from": shapes.INSTANT, "approved": Flag(),
     "waiting_for": Listing(shapes.GLN, 1_000, about="Merchants that have yet to agree"),
     "live_from": Nullable(shapes.INSTANT)}, closed=False))  # fmt: skip
_BASE = "/v1/merchants/<gln>/coupon-definitions"
_VERSIONS = f"{_BASE}/<code>/versions"
_ONE = f"{_VERSIONS}/<version>"
DEFINE = Route(
    "POST", _BASE, "define-coupon", scopes("store:write"), "Define a coupon; it gives nothing before a "
    "version of its terms is live", group=_GROUP, write=True,
    body=Named("NewCouponDefinition", Record(
        {"code": CODE, "names": NAMES},
        {"jurisdiction": Text(one_of=JURISDICTIONS), "guarantee": Nullable(Text(200)),
         "gcn": Nullable(GCN)})),
    problems=(*WRITE_PROBLEMS, NotYours, MerchantUnknown, refusals.CouponCodeTaken),
    success=Success(201, "Defined.", _DEFINITION),
)  # fmt: skip
LIST = Route(
    "GET", _BASE, "coupon-definitions", _READ, "A merchant's coupon definitions", group=_GROUP,
    query=PAGE_QUERY, problems=(NotYours, CursorRefused),
    success=Success(200, "A page, oldest first.", paged("definitions", _DEFINITION)),
)  # fmt: skip
WRITE = Route(
    "POST", _VERSIONS, "write-coupon-version", scopes("store:write"),
    "Write the next version of the terms, or try it", group=_GROUP, write=True,
    body=Named("NewCouponVersion", Record(
        {"terms": Free("docs/coupons.md")},
        {"effective_from": Nullable(shapes.INSTANT), "dry_run": Flag("Nothing is written")})),
    problems=(*_WRITES, refusals.TermsFaulty, refusals.LawRefused, refusals.StackingContradiction,
              refusals.VersionOutOfOrder, refusals.DefinitionWithdrawn),
    success=Success(200, "The version, and whose word it waits for.", _VERSION),
)  # fmt: skip
VERSIONS = Route(
    "GET", _VERSIONS, "coupon-versions", _READ, "The versions of a definition; of another "
    "merchant's those that bind the caller's", group=_GROUP, query=PAGE_QUERY,
    problems=(refusals.DefinitionUnknown, CursorRefused),
    success=Success(200, "A page, oldest first.", paged("versions", _VERSION)),
)  # fmt: skip
_ANSWER = Success(200, "The version as it stands now.", _VERSION)
_DECIDED = (*_WRITES, refusals.VersionUnknown, refusals.VersionDecided)
APPROVE = Route(
    "POST", f"{_ONE}/approval", "approve-coupon-version", scopes("store:write"),
    "Approve what another has written", group=_GROUP, write=True, body=Record(),
    problems=(*_DECIDED, refusals.ApproverIsAuthor, refusals.StackingContradiction), success=_ANSWER,
)  # fmt: skip
AGREE = Route(
    "POST", f"{_ONE}/consent", "agree-to-coupon-version", scopes("store:write"),
    "Agree to pay for another merchant's coupon, or to take it; only with a key of one's own",
    group=_GROUP, write=True, body=Record(), problems=(*_DECIDED, refusals.ConsentNotNeeded),
    success=_ANSWER,
)  # fmt: skip
WITHDRAW = Route(
    "POST", f"{_BASE}/<code>/withdrawal", "withdraw-coupon", scopes("store:write"),
    "Let nobody use the coupon from now on", group=_GROUP, write=True, body=Record(),
    problems=(*_WRITES, refusals.DefinitionWithdrawn),
    success=Success(200, "Withdrawn; what is held may still be captured.", _DEFINITION),
)  # fmt: skip
ROUTES = (DEFINE, LIST, WRITE, VERSIONS, APPROVE, AGREE, WITHDRAW)


@dataclass(frozen=True, slots=True)
class DefinitionsDoor:
    """The endpoints of this module over the definitions of the coupons room."""

    administration: Administration
    cursors: Cursors
    currency: str

    def define(self, call: Call) -> Reply:
        """The definition stands."""
        merchant_id, given = own_merchant(call), call.body.fields
        new = NewDefinition(
            merchant_id, clean_text(given["code"], "code", 64), given["names"],
            given.get("jurisdiction", NOWHERE), given.get("guarantee"), _gcn(given.get("gcn")),
        )  # fmt: skip

        def act(conn: Connection) -> Json:
            if find_merchant(conn, merchant_id) is None:
                raise MerchantUnknown
            return _definition(writing.define(conn, new, said(call)))

        return self.administration.write(call, act)

    def definitions(self, call: Call) -> Reply:
        """A page of the merchant's definitions."""
        merchant_id = own_merchant(call)
        page = self.cursors.page(f"coupon-definitions:{merchant_id}", call.query)

        def find(conn: Connection) -> Json:
            found = queries.definitions_after(conn, merchant_id, page.after_number or 0, page.limit + 1)
            rows, cursor = self.cursors.cut(page, found, lambda row: row["definition_id"])
            return {"definitions": [_definition(row) for row in rows], "next_cursor": cursor}

        return self.administration.read(find)

    def write(self, call: Call) -> Reply:
        """The definition has a further version, or is told what it would be."""
        merchant_id, given = own_merchant(call), call.body.fields
        begins = given.get("effective_from")
        since = None if begins is None else parse_instant(begins, "effective_from")
        new = NewVersion(raw_of(given["terms"]), self.currency, since)

        def judge(conn: Connection) -> Json:
            definition = queries.the_definition(conn, merchant_id, code_of(call))
            terms, start = writing.judge(conn, definition, new, call.at)
            return _shown(terms, {"effective_from": start, "approved_at": None, "live_from": None}, set())

        def act(conn: Connection) -> Json:
            definition = queries.the_definition(conn, merchant_id, code_of(call))
            return _version(conn, writing.write(conn, definition, new, said(call)))

        if given.get("dry_run", False):
            return self.administration.read(judge)
        return self.administration.write(call, act, status=200)

    def versions(self, call: Call) -> Reply:
        """A page of the definition's versions; another merchant sees those that it pays for or takes."""
        merchant_id, own = parse_gln(call.path["gln"], "gln"), call.caller.merchant_id

        def find(conn: Connection) -> Json:
            one = queries.the_definition(conn, merchant_id, code_of(call))["definition_id"]
            page = self.cursors.page(f"coupon-versions:{one}", call.query)
            found = queries.versions_after(conn, one, page.after_number or 0, page.limit + 1)
            rows, cursor = self.cursors.cut(page, found, lambda row: row["version"])
            shown = [row for row in rows if own in (None, merchant_id) or own in bound(_terms(row))]
            return {"versions": [_version(conn, row) for row in shown], "next_cursor": cursor}

        return self.administration.read(find)

    def approve(self, call: Call) -> Reply:
        """Another than its writer has approved the version."""
        merchant_id = own_merchant(call)

        def act(conn: Connection) -> Json:
            row = _named(conn, call, merchant_id)
            return _version(conn, writing.approve(conn, row, said(call)))

        return self.administration.write(call, act, status=200)

    def agree(self, call: Call) -> Reply:
        """The caller's own merchant has agreed to the version; nobody agrees in its name."""
        own, owner = call.caller.merchant_id, parse_gln(call.path["gln"], "gln")
        if own is None:
            raise NotYours("merchant")

        def act(conn: Connection) -> Json:
            row = _named(conn, call, owner)
            return _version(conn, writing.agree(conn, row, own, said(call)))

        return self.administration.write(call, act, status=200)

    def withdraw(self, call: Call) -> Reply:
        """Nobody uses the coupon any more."""
        merchant_id = own_merchant(call)

        def act(conn: Connection) -> Json:
            code = code_of(call)
            writing.withdraw(conn, queries.the_definition(conn, merchant_id, code), said(call))
            return _definition(queries.the_definition(conn, merchant_id, code))

        return self.administration.write(call, act, status=200)


def served(door: DefinitionsDoor) -> list[Served]:
    """The routes of this module bound to their endpoints."""
    endpoints = (door.define, door.definitions, door.write, door.versions, door.approve, door.agree,
                 door.withdraw)  # fmt: skip
    return [Served(route, endpoint) for route, endpoint in zip(ROUTES, endpoints, strict=True)]


def own_merchant(call: Call) -> int:
    """The merchant of the path, which the caller may act for.

    Raises:
        NotYours: it is another merchant's key.
    """
    merchant_id = parse_gln(call.path["gln"], "gln")
    require_merchant(call, merchant_id, "gln")
    return merchant_id


def code_of(call: Call) -> str:
    """The code in the path.

    Raises:
        MalformedField: no code at all.
    """
    CODE.check(call.path["code"], "code")
    return call.path["code"]


def said(call: Call) -> writing.Said:
    """Who says it, and when."""
    return call.caller.subject, call.at


def _named(conn: Connection, call: Call, merchant_id: int) -> RowMapping:
    number = call.path["version"]
    if not (number.isascii() and number.isdigit() and len(number) <= 9):
        raise MalformedField("version", "must be the number of a version")
    definition = queries.the_definition(conn, merchant_id, code_of(call))
    return queries.the_version(conn, definition["definition_id"], int(number))


def _gcn(text: str | None) -> int | None:
    if text is not None and not is_key(text, 13):
        raise MalformedField("gcn", "must end in its check digit")
    return None if text is None else int(text)


def _definition(row: RowMapping) -> Json:
    gone = row["withdrawn_at"]
    return {
        "definition": row["definition_id"],
        "code": row["code"],
        "merchant": gln_text(row["merchant_id"]),
        "gcn": None if row["gcn_type"] is None else f"{row['gcn_type']:013d}",
        "names": orjson.loads(row["names"]),
        "jurisdiction": row["jurisdiction"],
        "guarantee": row["guarantee"],
        "created_at": format_instant(row["created_at"]),
        "withdrawn_at": None if gone is None else format_instant(gone),
    }


def _terms(row: RowMapping) -> Terms:
    return terms_of(orjson.loads(row["body"]))


def _version(conn: Connection, row: RowMapping) -> Json:
    terms = _terms(row)
    return _shown(terms, dict(row), queries.agreed(conn, terms.definition, terms.version))


def _shown(terms: Terms, row: Json, agreed: set[int] | frozenset[int]) -> Json:
    live = row["live_from"]
    return {
        "version": terms.version,
        "terms": shown_terms(terms),
        "terms_hash": "0x" + terms_hash(terms).hex(),
        "effective_from": format_instant(row["effective_from"]),
        "approved": row["approved_at"] is not None,
        "waiting_for": [gln_text(one) for one in sorted(bound(terms) - agreed)],
        "live_from": None if live is None else format_instant(live),
    }
