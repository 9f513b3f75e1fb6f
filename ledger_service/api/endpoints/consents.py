"""Consents over HTTP: given and revoked by the member, read on by merchants; and who has read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, RowMapping

from ledger_service.api import shapes
from ledger_service.api.administration import Administration, Json
from ledger_service.api.endpoints.devices import WRITE_PROBLEMS, member_of_call
from ledger_service.api.endpoints.webhooks import shown_instant
from ledger_service.api.errors import CursorRefused, NotYours
from ledger_service.api.paging import PAGE_QUERY, Cursors, paged, place_at, place_of
from ledger_service.api.routes import Call, Endpoint, Parameter, Reply, Route, Served, Success, scopes
from ledger_service.api.schema import Named, Nullable, Record, Text
from ledger_service.insight.reading import NOBODY, Question, purchases
from ledger_service.kernel.clock import format_instant
from ledger_service.kernel.gs1 import gln_text, parse_gln, parse_gsrn
from ledger_service.kernel.ids import id_text, parse_id
from ledger_service.members.consents import errors as refusals
from ledger_service.members.consents import queries, service
from ledger_service.members.consents.rules import PURPOSES
from ledger_service.members.consents.service import Said, Use
from ledger_service.members.errors import MemberUnknown
from ledger_service.members.queries import find_by_number
from ledger_service.merchants.errors import MerchantUnknown
from ledger_service.merchants.queries import find_merchant

_GROUP, _ONE = "Consents", "/v1/members/<number>"
_READ = scopes("self:read", "member:read")
_PURPOSE = Text(one_of=PURPOSES)
_USE = {
    "owner": Text(pattern="[0-9]{13}", about="GLN of the merchant whose facts they are", format="gln"),
    "reader": Text(pattern="[0-9]{13}", about="GLN of the merchant that may read them", format="gln"),
    "purpose": _PURPOSE,
}
_CONSENT = Named("Consent", Record({
    "consent": shapes.HEX_ID, **_USE, "given_at": shapes.INSTANT, "given_by": Text(),
    "revoked_at": Nullable(shapes.INSTANT), "revoked_by": Nullable(Text()),
}, closed=False))  # fmt: skip
_READING = Named("Reading", Record({
    "consent": Nullable(shapes.HEX_ID), **{name: Nullable(schema) for name, schema in _USE.items()},
    "what": Text(about="Name of the route that was asked"), "by_whom": Text(), "read_at": shapes.INSTANT,
}, closed=False, about="Without a consent reads only who runs the alliance or audits it"))  # fmt: skip
_PURCHASE = Named("Purchase", Record({
    "sale": shapes.HEX_ID, "store": shapes.GLN, "currency": shapes.CURRENCY, "total_minor": shapes.MINOR,
    "occurred_at": shapes.INSTANT,
}, closed=False))  # fmt: skip
GIVE = Route(
    "POST", f"{_ONE}/consents", "give-consent", scopes("self:write"),
    "Let one merchant read for a purpose what another one knows of me", group=_GROUP, write=True,
    body=Record(_USE),
    problems=(*WRITE_PROBLEMS, NotYours, MemberUnknown, MerchantUnknown, refusals.ConsentRefused),
    success=Success(201, "It stands; where it stood already, that one.", _CONSENT),
)  # fmt: skip
REVOKE = Route(
    "POST", f"{_ONE}/consents/<consent>/revoke", "revoke-consent", scopes("self:write", "member:write"),
    "Nobody reads on this consent any more", group=_GROUP, write=True, body=shapes.EMPTY_BODY,
    problems=(*WRITE_PROBLEMS, NotYours, MemberUnknown, refusals.ConsentUnknown),
    success=Success(200, "Revoked; what was read on it stays on record.", _CONSENT),
)  # fmt: skip
LIST = Route(
    "GET", f"{_ONE}/consents", "list-consents", _READ, "A member's consents, also those revoked",
    group=_GROUP, query=PAGE_QUERY, problems=(CursorRefused, NotYours, MemberUnknown),
    success=Success(200, "A page, newest first.", paged("consents", _CONSENT)),
)  # fmt: skip
READS = Route(
    "GET", f"{_ONE}/reads", "list-reads", _READ, "Who has read what of a member, and on which consent",
    group=_GROUP, query=PAGE_QUERY, problems=(CursorRefused, NotYours, MemberUnknown),
    success=Success(200, "A page, newest first.", paged("reads", _READING)),
)  # fmt: skip
PURCHASES = Route(
    "GET", f"{_ONE}/purchases", "list-purchases", scopes("sale:read"),
    "What a member bought at a merchant: the merchant's own, or on the member's consent", group=_GROUP,
    query={
        **PAGE_QUERY, "merchant": Parameter(shapes.GLN, "Where it was bought", required=True),
        "purpose": Parameter(_PURPOSE, "What it is read for", required=True),
    },
    problems=(CursorRefused, refusals.ConsentMissing, *WRITE_PROBLEMS[2:]),
    success=Success(200, "A page, newest first; the member sees who read.", paged("purchases", _PURCHASE)),
)  # fmt: skip
ROUTES = (GIVE, REVOKE, LIST, READS, PURCHASES)


@dataclass(frozen=True, slots=True)
class ConsentsDoor:
    """The endpoints of this module over consents."""

    administration: Administration
    cursors: Cursors

    def give(self, call: Call) -> Reply:
        """The consent stands."""
        given = call.body.fields
        owner, reader = parse_gln(given["owner"], "owner"), parse_gln(given["reader"], "reader")
        use = Use(owner, reader, given["purpose"])

        def act(conn: Connection) -> Json:
            member_id = member_of_call(conn, call).member_id
            for merchant_id in (owner, reader):
                if find_merchant(conn, merchant_id) is None:
                    raise MerchantUnknown
            return _consent(service.give(conn, member_id, use, _said(call)))

        return self.administration.write(call, act)

    def revoke(self, call: Call) -> Reply:
        """The consent stands no more."""
        consent_id = parse_id(call.path["consent"], "consent")

        def act(conn: Connection) -> Json:
            member_id = member_of_call(conn, call).member_id
            return _consent(service.revoke(conn, member_id, consent_id, _said(call)))

        return self.administration.write(call, act, status=200)

    def list(self, call: Call) -> Reply:
        """A page of consents."""
        page = self.cursors.page(f"consents:{call.path['number']}", call.query)

        def find(conn: Connection) -> Json:
            member_id = member_of_call(conn, call).member_id
            found = queries.consents_of(conn, member_id, place_of(page.after), page.limit + 1)
            rows, cursor = self.cursors.cut(page, found, lambda c: place_at(c["given_at"], c["consent_id"]))
            return {"consents": [_consent(row) for row in rows], "next_cursor": cursor}

        return self.administration.read(find)

    def reads(self, call: Call) -> Reply:
        """A page of what was read."""
        page = self.cursors.page(f"reads:{call.path['number']}", call.query)

        def find(conn: Connection) -> Json:
            member_id = member_of_call(conn, call).member_id
            found = queries.reads_of(conn, member_id, page.after_number, page.limit + 1)
            rows, cursor = self.cursors.cut(page, found, lambda row: row["read_id"])
            return {"reads": [_reading(row) for row in rows], "next_cursor": cursor}

        return self.administration.read(find)

    def purchases(self, call: Call) -> Reply:
        """A page of purchases, on record where another merchant reads them."""
        own, number = call.caller.merchant_id, parse_gsrn(call.path["number"], "number")
        owner = parse_gln(call.query["merchant"], "query.merchant")
        page = self.cursors.page(f"purchases:{number}:{owner}:{own}", call.query)
        before = place_of(page.after)
        asked = Question(owner, own, call.query["purpose"], PURCHASES.name, before, page.limit + 1)

        def find(conn: Connection) -> Json:
            member = find_by_number(conn, number)
            found = purchases(conn, NOBODY if member is None else member.member_id, asked, _said(call))
            rows, cursor = self.cursors.cut(page, found, lambda s: place_at(s["occurred_at"], s["sale_id"]))
            return {"purchases": [_purchase(row) for row in rows], "next_cursor": cursor}

        needs_note = own is not None and own != owner
        return self.administration.noted(find) if needs_note else self.administration.read(find)


def served(door: ConsentsDoor) -> list[Served]:
    """The routes of this module bound to their endpoints."""
    endpoints = (door.give, door.revoke, door.list, door.reads, door.purchases)
    return [Served(route, endpoint) for route, endpoint in zip(ROUTES, endpoints, strict=True)]


def with_reads_noted(served_routes: Sequence[Served], administration: Administration) -> list[Served]:
    """Whatever is read of one member by who runs the alliance or audits it is on record for the member."""
    return [_with_reads_noted(one, administration) for one in served_routes]


def _with_reads_noted(one: Served, administration: Administration) -> Served:
    if one.route.method != "GET" or not one.route.path.startswith(_ONE):
        return one
    return Served(one.route, _noting(one.route.name, one.endpoint, administration))


def _noting(what: str, endpoint: Endpoint, administration: Administration) -> Endpoint:
    def noted(call: Call) -> Reply:
        reply = endpoint(call)
        caller = call.caller
        if caller.member_id is None and caller.merchant_id is None:
            administration.apply(lambda conn: _note(conn, call, what))
        return reply

    return noted


def _note(conn: Connection, call: Call, what: str) -> Json:
    member = find_by_number(conn, parse_gsrn(call.path["number"], "number"))
    if member is not None:
        service.note_read(conn, member.member_id, None, what, _said(call))
    return {}


def _said(call: Call) -> Said:
    return Said(call.caller.subject, call.at)


def _consent(row: RowMapping) -> Json:
    return {
        "consent": id_text(row["consent_id"]), "owner": gln_text(row["owner_id"]),
        "reader": gln_text(row["reader_id"]), "purpose": row["purpose"],
        "given_at": format_instant(row["given_at"]), "given_by": row["given_by"],
        "revoked_at": shown_instant(row["revoked_at"]), "revoked_by": row["revoked_by"],
    }  # fmt: skip


def _reading(row: RowMapping) -> Json:
    on_consent = row["consent_id"] is not None
    return {
        "consent": id_text(row["consent_id"]) if on_consent else None,
        "owner": gln_text(row["owner_id"]) if on_consent else None,
        "reader": gln_text(row["reader_id"]) if on_consent else None, "purpose": row["purpose"],
        "what": row["what"], "by_whom": row["by_whom"], "read_at": format_instant(row["read_at"]),
    }  # fmt: skip


def _purchase(row: RowMapping) -> Json:
    return {
        "sale": id_text(row["sale_id"]), "store": gln_text(row["store_gln"]), "currency": row["currency"],
        "total_minor": row["total_minor"], "occurred_at": format_instant(row["occurred_at"]),
    }  # fmt: skip
