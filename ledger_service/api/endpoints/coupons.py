"""Coupons in wallets: claim, list, look at one, give; and granting them to members."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from ledger_service.api import shapes
from ledger_service.api.administration import Administration, Json
from ledger_service.api.endpoints.checkout import reply_of
from ledger_service.api.endpoints.devices import WRITE_PROBLEMS, member_of_call, number_of_call
from ledger_service.api.errors import CursorRefused, NotYours
from ledger_service.api.paging import PAGE_QUERY, Cursors, paged
from ledger_service.api.routes import Call, Reply, Route, Served, Success, scopes
from ledger_service.api.schema import Flag, Free, Integer, Listing, Named, Nullable, Record, Text
from ledger_service.coupons.definitions.errors import DefinitionUnknown
from ledger_service.coupons.wallet import errors as refusals
from ledger_service.coupons.wallet import queries
from ledger_service.coupons.wallet.queries import CouponView, EventView
from ledger_service.coupons.wallet.requests import Asked, Claim, Giving, Granting, Held
from ledger_service.coupons.wallet.rules import givable
from ledger_service.coupons.wallet.service import WalletService
from ledger_service.kernel.clock import format_instant
from ledger_service.kernel.errors import MalformedField
from ledger_service.kernel.gs1 import parse_gsrn
from ledger_service.kernel.ids import id_text, parse_id
from ledger_service.members.errors import MemberFrozen, MemberUnknown
from ledger_service.members.households.errors import HouseholdAccount

_GROUP = "Coupons"
MOST_GRANTS = 200
_OWN, _READ = scopes("self:write", "member:write"), scopes("self:read", "member:read")
_DEFINITION = Integer(1, 2**53 - 1, "Which coupon definition")
_SOURCE = Nullable(Text(64, about="Where it was got: poster, link, cashier"))
_VIEW = shapes.answer(
    "Coupon", coupon=shapes.HEX_ID, definition=_DEFINITION, version=Integer(1), state=Text(
        one_of=("available", "reserved", "consumed", "void", "expired")),
    source=Nullable(Text(64)), claimed_at=shapes.INSTANT, expires_at=Nullable(shapes.INSTANT),
    names=Free("What it is called, by language"),
    givable=Flag("Whether its holder may give it away now"),
)  # fmt: skip
_EVENT = Record(
    {"kind": Text(), "ref": Nullable(shapes.HEX_ID), "at": shapes.INSTANT}, closed=False,
)  # fmt: skip
_PROBLEMS = (*WRITE_PROBLEMS, NotYours, MemberUnknown, MemberFrozen, HouseholdAccount)
_PATH = "/v1/members/<number>/coupons"
CLAIM = Route(
    "POST", _PATH, "claim-coupon", _OWN, "Take a coupon by its code, or by a link to its definition",
    group=_GROUP, write=True,
    body=Named("ClaimCoupon", Record({}, {
        "code": Text(80, about="As it is printed; blanks, hyphens and case do not matter"),
        "definition": _DEFINITION, "source": _SOURCE,
    })),
    problems=(*_PROBLEMS, refusals.CouponUnknown, refusals.CouponNotUsable, refusals.CouponNotOffered,
              refusals.CouponLimitReached, refusals.CouponCodesLocked),
    success=Success(201, "In the wallet.", shapes.answer(
        "CouponClaimed", coupon=shapes.HEX_ID, definition=_DEFINITION, version=Integer(1),
        expires_at=Nullable(shapes.INSTANT))),
)  # fmt: skip
LIST = Route(
    "GET", _PATH, "list-coupons", _READ, "A member's coupons, used ones included", group=_GROUP,
    query=PAGE_QUERY, problems=(NotYours, MemberUnknown, CursorRefused),
    success=Success(200, "A page, in the order of their ids.", paged("coupons", _VIEW)),
)  # fmt: skip
SHOW = Route(
    "GET", f"{_PATH}/<coupon>", "show-coupon", _READ, "A coupon and what happened to it in this wallet",
    group=_GROUP, problems=(NotYours, MemberUnknown, refusals.CouponUnknown),
    success=Success(200, "Oldest first.", shapes.answer(
        "CouponWithHistory", coupon=_VIEW, events=Listing(_EVENT, queries.MOST_EVENTS))),
)  # fmt: skip
GIVE = Route(
    "POST", f"{_PATH}/<coupon>/gift", "give-coupon", _OWN, "Give a coupon to another member, at once",
    group=_GROUP, write=True, body=Record({"recipient": shapes.NUMBER}),
    problems=(*_PROBLEMS, refusals.CouponUnknown, refusals.CouponNotUsable, refusals.CouponGiftRefused),
    success=Success(200, "Given: it fails for its old holder from now on.", shapes.answer(
        "CouponGiven", coupon=shapes.HEX_ID)),
)  # fmt: skip
GRANT = Route(
    "POST", "/v1/coupon-grants", "grant-coupons", scopes("store:write"), "Give members a coupon each",
    group=_GROUP, write=True,
    body=Named("GrantCoupons", Record(
        {"definition": _DEFINITION, "members": Listing(shapes.NUMBER, MOST_GRANTS, 1),
         "reference": Text(64, about="Whoever got one under it gets no second")},
        {"source": _SOURCE})),
    problems=(*WRITE_PROBLEMS, DefinitionUnknown, MemberUnknown, MemberFrozen, HouseholdAccount,
              refusals.CouponNotOffered),
    success=Success(201, "In their wallets, all or none.", shapes.answer("CouponsGranted", new=Integer())),
)  # fmt: skip
ROUTES = (CLAIM, LIST, SHOW, GIVE, GRANT)


@dataclass(frozen=True, slots=True)
class CouponsDoor:
    """The endpoints of this module over wallets."""

    administration: Administration
    wallets: WalletService
    cursors: Cursors

    def claim(self, call: Call) -> Reply:
        """The coupon is in the wallet."""
        given, number = call.body.fields, self._number(call)
        code, definition = given.get("code"), given.get("definition")
        if (code is None) == (definition is None):
            raise MalformedField("code", "is needed, or else a definition")
        if definition is not None and given.get("source") is None:
            raise MalformedField("source", "is needed with a definition: it says where that is offered")
        tags = None if code is None else self.wallets.tagger.both(code)
        claim = Claim(number, tags, definition, given.get("source"))
        keyed = self.administration.keyed(call, 201, _claimed)
        return reply_of(self.wallets.claim(claim, _asked(call), keyed))

    def list(self, call: Call) -> Reply:
        """A page of the member's coupons."""

        def find(conn: Connection) -> Json:
            member_id = member_of_call(conn, call).member_id
            page = self.cursors.page(f"coupons:{member_id}", call.query)
            found = queries.wallet_of(conn, member_id, page.after, page.limit + 1, call.at)
            rows, cursor = self.cursors.cut(page, found, lambda view: view.position)
            return {"coupons": [self._view(view) for view in rows], "next_cursor": cursor}

        return self.administration.read(find)

    def show(self, call: Call) -> Reply:
        """The coupon and its history."""
        coupon_id = parse_id(call.path["coupon"], "coupon")

        def find(conn: Connection) -> Json:
            member_id = member_of_call(conn, call).member_id
            view, events = queries.coupon_of_member(conn, coupon_id, member_id, call.at)
            return {"coupon": self._view(view), "events": [_event(event) for event in events]}

        return self.administration.read(find)

    def give(self, call: Call) -> Reply:
        """The coupon is the recipient's."""
        coupon_id, number = parse_id(call.path["coupon"], "coupon"), self._number(call)
        giving = Giving(number, coupon_id, parse_gsrn(call.body.fields["recipient"], "recipient"))
        keyed = self.administration.keyed(call, 200, lambda given: {"coupon": id_text(given)})
        return reply_of(self.wallets.give(giving, _asked(call), keyed))

    def grant(self, call: Call) -> Reply:
        """The members have their coupons."""
        given, own = call.body.fields, call.caller.merchant_id
        found = self.wallets.offers.catalogue.current().definitions.get(given["definition"])
        if found is None or own not in (None, found.merchant_id):
            raise DefinitionUnknown(str(given["definition"]))
        numbers = [parse_gsrn(number, "members") for number in given["members"]]
        granting = Granting(given["definition"], numbers, given["reference"], given.get("source"))
        keyed = self.administration.keyed(call, 201, lambda new: {"new": new})
        return reply_of(self.wallets.grant(granting, _asked(call), keyed))

    def _view(self, view: CouponView) -> Json:
        rule = self.wallets.offers.gift_rule(view.definition_id, view.version)
        return {
            "coupon": id_text(view.coupon_id), "definition": view.definition_id, "version": view.version,
            "state": view.state, "source": view.source, "claimed_at": format_instant(view.claimed_at),
            "expires_at": None if view.expires_at is None else format_instant(view.expires_at),
            "names": dict(view.names), "givable": givable(view.state, view.gifts, rule),
        }  # fmt: skip

    def _number(self, call: Call) -> str:
        found: dict[str, str] = {}
        self.administration.read(lambda conn: found.update(number=number_of_call(conn, call)) or {})
        return found["number"]


def served(door: CouponsDoor) -> list[Served]:
    """The routes of this module bound to their endpoints."""
    endpoints = (door.claim, door.list, door.show, door.give, door.grant)
    return [Served(route, endpoint) for route, endpoint in zip(ROUTES, endpoints, strict=True)]


def _asked(call: Call) -> Asked:
    return Asked(call.caller.subject, call.at)


def _claimed(held: Held) -> Json:
    return {
        "coupon": id_text(held.coupon_id), "definition": held.definition_id, "version": held.version,
        "expires_at": None if held.expires_at is None else format_instant(held.expires_at),
    }  # fmt: skip


def _event(event: EventView) -> Json:
    ref = None if event.ref is None else id_text(event.ref)
    return {"kind": event.kind, "ref": ref, "at": format_instant(event.at)}
