"""Claims of missing points: filed by the member, answered by the merchant's care or the operator."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection

from ledger_service.api import shapes
from ledger_service.api.administration import Administration, Json
from ledger_service.api.endpoints.devices import WRITE_PROBLEMS, member_of_call, number_of_call
from ledger_service.api.endpoints.places import require_merchant
from ledger_service.api.errors import NotYours
from ledger_service.api.paging import MOST_ROWS, PAGE_QUERY, Cursors
from ledger_service.api.routes import Call, Parameter, Reply, Route, Served, Success, scopes
from ledger_service.api.schema import Integer, Listing, Named, Nullable, Record, Schema, Text
from ledger_service.claims import errors as refusals
from ledger_service.claims import queries, service
from ledger_service.claims.queries import Search
from ledger_service.claims.requests import ClaimView, FileClaim, Grant, Said
from ledger_service.claims.rules import ClaimPolicy
from ledger_service.claims.service import ClaimsService
from ledger_service.kernel.clock import format_instant
from ledger_service.kernel.errors import MalformedField
from ledger_service.kernel.gs1 import gln_text, parse_gln
from ledger_service.kernel.ids import derive_id, id_text, parse_id
from ledger_service.kernel.text import clean_text
from ledger_service.members.errors import MemberFrozen, MemberUnknown
from ledger_service.members.households.errors import HouseholdAccount
from ledger_service.merchants.errors import MerchantUnknown, StoreUnknown
from ledger_service.merchants.queries import find_merchant
from ledger_service.points.catalogue import CatalogueCache
from ledger_service.points.errors import AdjustmentLimitReached, ProgrammeUnknown

_GROUP = "Claims"
_CARE = scopes("store:write", "member:write")
_CLAIM_FIELDS: dict[str, Schema] = {
    "claim": shapes.HEX_ID, "member": Nullable(shapes.NUMBER), "merchant": shapes.GLN, "store": shapes.GLN,
    "sold_on": Text(10), "reference": Text(64, 0), "amount_minor": shapes.MINOR, "state": Text(),
    "reason": Nullable(Text()), "sale_id": Nullable(shapes.HEX_ID), "programme": Nullable(shapes.PROGRAMME),
    "points": Nullable(shapes.POINTS), "adjustment": Nullable(shapes.HEX_ID), "filed_at": shapes.INSTANT,
    "answer_due_at": shapes.INSTANT,
}  # fmt: skip
_CLAIM = Record(_CLAIM_FIELDS, closed=False)
_PAGE: dict[str, Schema] = {"claims": Listing(_CLAIM, MOST_ROWS), "next_cursor": Nullable(Text(200))}
_EVENT = Record({
    "kind": Text(), "reason": Nullable(Text()), "by": Text(), "at": shapes.INSTANT,
}, closed=False)  # fmt: skip
_ANSWERS = ("not-found", "has-member", "not-eligible", "returned", "amount-differs", "already-claimed")
_POLICY: dict[str, Schema] = {
    "claim_days": Integer(1, 365), "answer_days": Integer(1, 60), "per_member_month": Integer(0, 10),
}  # fmt: skip
_POLICY_ANSWER = shapes.answer("ClaimPolicy", merchant=shapes.GLN, **_POLICY)
FILE = Route(
    "POST", "/v1/members/<number>/claims", "file-claim", scopes("self:write", "member:write"),
    "Claim the points of a receipt", group=_GROUP, write=True,
    body=Named("NewClaim", Record(
        {"store": shapes.GLN,
         "sold_on": Text(10, pattern="[0-9]{4}-[0-9]{2}-[0-9]{2}", about="The store's day"),
         "reference": shapes.REFERENCE, "amount_minor": Integer(0, 9_000_000_000)},
        {"code": Nullable(Text(64, about="The sale's id or the invoice's number, as the receipt has it"))},
    )),
    problems=(*WRITE_PROBLEMS, NotYours, MemberUnknown, MemberFrozen, HouseholdAccount, StoreUnknown,
              refusals.ReceiptClaimed, refusals.ClaimTooLate, refusals.ClaimLimitReached),
    success=Success(201, "Filed; matched or refused at once where its sale is known.", shapes.answer(
        "ClaimFiled", **_CLAIM_FIELDS)),
)  # fmt: skip
OWN = Route(
    "GET", "/v1/members/<number>/claims", "member-claims", scopes("self:read", "member:read"),
    "A member's claims, newest first", group=_GROUP, query=PAGE_QUERY, problems=(MemberUnknown, NotYours),
    success=Success(200, "A page.", shapes.answer("MemberClaims", **_PAGE)),
)  # fmt: skip
LIST = Route(
    "GET", "/v1/claims", "list-claims", scopes("store:write", "audit:read"), "Claims, newest first",
    group=_GROUP,
    query={**PAGE_QUERY, "only": Parameter(Text(one_of=("waiting", "escalated")), "Those without an answer")},
    success=Success(200, "A page; a merchant sees its own.", shapes.answer("Claims", **_PAGE)),
)  # fmt: skip
SHOW = Route(
    "GET", "/v1/claims/<claim>", "show-claim", scopes("self:read", "member:read", "store:write"),
    "A claim and what happened to it", group=_GROUP, problems=(refusals.ClaimUnknown,),
    success=Success(200, "The claim.", shapes.answer("Claim", **_CLAIM_FIELDS, events=Listing(_EVENT))),
)  # fmt: skip
GRANT = Route(
    "POST", "/v1/claims/<claim>/grant", "grant-claim", _CARE,
    "Ask for the points, which a second person approves as an adjustment", group=_GROUP, write=True,
    body=Record({"programme": shapes.PROGRAMME, "points": Integer(1)}, {"note": Text(500)}),
    problems=(*WRITE_PROBLEMS, refusals.ClaimUnknown, refusals.ClaimDecided, refusals.ReceiptClaimed,
              MemberUnknown, MerchantUnknown, ProgrammeUnknown, AdjustmentLimitReached),
    success=Success(200, "It waits for the decision about the adjustment.", shapes.answer(
        "ClaimAnswered", **_CLAIM_FIELDS)),
)  # fmt: skip
REFUSE = Route(
    "POST", "/v1/claims/<claim>/refusal", "refuse-claim", _CARE, "Refuse a claim for a reason", group=_GROUP,
    body=Record({"reason": Text(one_of=_ANSWERS)}), write=True,
    problems=(*WRITE_PROBLEMS, refusals.ClaimUnknown, refusals.ClaimDecided),
    success=Success(200, "Refused; the receipt may be claimed again.", shapes.answer(
        "ClaimRefused", **_CLAIM_FIELDS)),
)  # fmt: skip
SET_POLICY = Route(
    "POST", "/v1/merchants/<gln>/claim-policy", "set-claim-policy", scopes("store:write"),
    "How long the merchant takes claims, and answers them", group=_GROUP, body=Record(_POLICY), write=True,
    problems=(*WRITE_PROBLEMS, NotYours, MerchantUnknown), success=Success(200, "Set.", _POLICY_ANSWER),
)  # fmt: skip
POLICY = Route(
    "GET", "/v1/merchants/<gln>/claim-policy", "claim-policy", scopes("programme:read"),
    "A merchant's terms of claims", group=_GROUP, problems=(MerchantUnknown,), personal=False,
    success=Success(200, "The terms in force.", _POLICY_ANSWER),
)  # fmt: skip
ROUTES = (FILE, OWN, LIST, SHOW, GRANT, REFUSE, SET_POLICY, POLICY)


@dataclass(frozen=True, slots=True)
class ClaimsDoor:
    """The endpoints of this module over the claims room."""

    administration: Administration
    cursors: Cursors
    catalogue: CatalogueCache
    claims: ClaimsService

    def file(self, call: Call) -> Reply:
        """The claim stands, once for the idempotency key."""
        given = call.body.fields
        code = given.get("code")
        receipt = (
            parse_gln(given["store"], "store"), _day(given["sold_on"]),
            clean_text(given["reference"], "reference", 64), given["amount_minor"],
            None if code is None else clean_text(code, "code", 64),
        )  # fmt: skip
        claim_id = derive_id("claim", call.caller.subject, call.key)

        def act(conn: Connection) -> Json:
            self.claims.file(conn, claim_id, FileClaim(number_of_call(conn, call), *receipt), _said(call))
            return self._shown(conn, claim_id)

        return self.administration.write(call, act)

    def own(self, call: Call) -> Reply:
        """A page of the member's claims."""

        def find(conn: Connection) -> Json:
            member_id = member_of_call(conn, call).member_id
            return self._page(conn, call, f"claims-of:{member_id}", Search(member_id=member_id))

        return self.administration.read(find)

    def list(self, call: Call) -> Reply:
        """A page of claims."""
        own, only = call.caller.merchant_id, call.query.get("only")
        search = Search(merchant_id=own, only=only)
        return self.administration.read(lambda conn: self._page(conn, call, f"claims:{own}:{only}", search))

    def show(self, call: Call) -> Reply:
        """The claim with its events, for its member, its merchant and operators."""
        claim_id = parse_id(call.path["claim"], "claim")

        def find(conn: Connection) -> Json:
            found, caller = queries.find_claim(conn, claim_id), call.caller
            theirs = found is not None and caller.member_id in (None, found.member_id)
            if found is None or not theirs or caller.merchant_id not in (None, found.merchant_id):
                raise refusals.ClaimUnknown
            events = [
                {"kind": kind, "reason": reason, "by": by, "at": format_instant(at)}
                for kind, reason, by, at in queries.events_of(conn, claim_id)
            ]
            return {**self._document(found), "events": events}

        return self.administration.read(find)

    def grant(self, call: Call) -> Reply:
        """The adjustment that answers the claim waits for a second person."""
        given = call.body.fields
        note = given.get("note") or "claim"
        grant = Grant(given["programme"], given["points"], note, call.caller.merchant_id)
        return self._answer(call, lambda conn, claim: self.claims.grant(conn, claim, grant, _said(call)))

    def refuse(self, call: Call) -> Reply:
        """The claim is refused."""
        reason, own = call.body.fields["reason"], call.caller.merchant_id
        return self._answer(
            call, lambda conn, claim: self.claims.refuse(conn, claim, reason, _said(call), own)
        )

    def set_policy(self, call: Call) -> Reply:
        """The merchant's terms are these from now on."""
        merchant_id = parse_gln(call.path["gln"], "gln")
        require_merchant(call, merchant_id, "gln")
        policy = ClaimPolicy(**{name: call.body.fields[name] for name in _POLICY})

        def act(conn: Connection) -> Json:
            _must_know(conn, merchant_id)
            service.set_policy(conn, merchant_id, policy)
            return _policy(merchant_id, policy)

        return self.administration.write(call, act, status=200)

    def policy(self, call: Call) -> Reply:
        """The merchant's terms, for whoever shops there."""
        merchant_id = parse_gln(call.path["gln"], "gln")

        def find(conn: Connection) -> Json:
            _must_know(conn, merchant_id)
            return _policy(merchant_id, service.policy_of(conn, merchant_id))

        return self.administration.read(find)

    def _answer(self, call: Call, act: Callable[[Connection, bytes], object]) -> Reply:
        claim_id = parse_id(call.path["claim"], "claim")

        def run(conn: Connection) -> Json:
            act(conn, claim_id)
            return self._shown(conn, claim_id)

        return self.administration.write(call, run, status=200)

    def _page(self, conn: Connection, call: Call, listing: str, search: Search) -> Json:
        page = self.cursors.page(listing, call.query)
        wanted = Search(search.member_id, search.merchant_id, search.only, page.after, page.limit + 1)
        rows, cursor = self.cursors.cut(page, queries.claims(conn, wanted), queries.position_of)
        return {"claims": [self._document(row) for row in rows], "next_cursor": cursor}

    def _shown(self, conn: Connection, claim_id: bytes) -> Json:
        found = queries.find_claim(conn, claim_id)
        if found is None:
            raise refusals.ClaimUnknown
        return self._document(found)

    def _code(self, programme_id: int | None) -> str | None:
        if programme_id is None:
            return None
        return self.catalogue.newest(lambda catalogue: catalogue.programme(programme_id).code)

    def _document(self, view: ClaimView) -> Json:
        return {
            "claim": id_text(view.claim_id),
            "member": view.member_number,
            "merchant": gln_text(view.merchant_id),
            "store": gln_text(view.store_gln),
            "sold_on": view.sold_on,
            "reference": view.reference,
            "amount_minor": view.amount_minor,
            "state": view.state,
            "reason": view.reason,
            "sale_id": None if view.sale_id is None else id_text(view.sale_id),
            "programme": self._code(view.programme_id),
            "points": view.points,
            "adjustment": None if view.adjustment_id is None else id_text(view.adjustment_id),
            "filed_at": format_instant(view.filed_at),
            "answer_due_at": format_instant(view.answer_due_at),
        }


def served(door: ClaimsDoor) -> list[Served]:
    """The routes of this module bound to their endpoints."""
    endpoints = (
        door.file, door.own, door.list, door.show, door.grant, door.refuse, door.set_policy, door.policy,
    )  # fmt: skip
    return [Served(route, endpoint) for route, endpoint in zip(ROUTES, endpoints, strict=True)]


def _said(call: Call) -> Said:
    return Said(call.caller.subject, call.key, call.at)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise MalformedField("sold_on", "must be a day") from None


def _must_know(conn: Connection, merchant_id: int) -> None:
    if find_merchant(conn, merchant_id) is None:
        raise MerchantUnknown


def _policy(merchant_id: int, policy: ClaimPolicy) -> Json:
    return {"merchant": gln_text(merchant_id), **{name: getattr(policy, name) for name in _POLICY}}
