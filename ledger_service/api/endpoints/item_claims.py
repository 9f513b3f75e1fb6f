"""Scan-to-earn over HTTP: claims and returns of items, a brand's terms, a recalled batch's claims."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, RowMapping

from ledger_service.api import shapes
from ledger_service.api.administration import Administration, Json
from ledger_service.api.dialects import Dialect
from ledger_service.api.endpoints.checkout import reply_of
from ledger_service.api.endpoints.devices import WRITE_PROBLEMS, member_of_call
from ledger_service.api.endpoints.scans import CODE, DEVICE, NAMES, PLACE, names_of, visit_of
from ledger_service.api.errors import NotYours
from ledger_service.api.paging import PAGE_QUERY, Cursors, paged
from ledger_service.api.routes import Call, Reply, Route, Served, Success, scopes
from ledger_service.api.schema import Flag, Free, Integer, Named, Nullable, Record, Text
from ledger_service.checkout.items import errors as refusals
from ledger_service.checkout.items.requests import ClaimRequest, ReturnRequest
from ledger_service.checkout.items.service import ItemsService
from ledger_service.checkout.items.terms import NewTerms, find_terms, set_terms
from ledger_service.kernel.clock import format_instant
from ledger_service.kernel.errors import MalformedField
from ledger_service.kernel.gs1 import parse_gtin
from ledger_service.kernel.ids import id_text, parse_id
from ledger_service.members.errors import MemberFrozen, MemberUnknown
from ledger_service.points.catalogue import CatalogueCache
from ledger_service.points.errors import IssuerSuspended, NotIssuable, OperationAdopted, ProgrammeUnknown
from ledger_service.traceability.claiming.queries import claims_of_member
from ledger_service.traceability.claiming.rules import CAPS, CHANNELS
from ledger_service.traceability.goods.codes import parse_item_pin
from ledger_service.traceability.goods.errors import ProductUnknown
from ledger_service.traceability.goods.queries import find_product
from ledger_service.traceability.prizes.models import STATES
from ledger_service.traceability.prizes.rules import prize_op_id
from ledger_service.traceability.scanning.reading import read_code

_GROUP = "Scan-to-earn"
_CAP = Integer(0, 1_000_000, "Claims in a day; 0 for no cap")
_MOST = {f"per_{cap}_day": _CAP for cap in CAPS}
_TERMS = Record({"programme": shapes.PROGRAMME, "points": Integer(0, 1_000_000)}, _MOST)
_CLAIM = Record({
    "operation": shapes.HEX_ID, "gtin": Text(14), "serial": Text(12), "brand": Text(100), "names": NAMES,
    "programme": shapes.PROGRAMME, "points": shapes.POINTS, "claimed_at": shapes.INSTANT,
    "voided_at": Nullable(shapes.INSTANT),
    "prize": Nullable(Record({
        "state": Text(one_of=STATES), "points": Nullable(shapes.POINTS), "coupon": Nullable(shapes.HEX_ID),
    })),
}, closed=False)  # fmt: skip
CLAIM = Route(
    "POST", "/v1/members/<number>/item-claims", "claim-item", scopes("self:write", "member:write"),
    "Claim an item with the PIN under its cover; an item earns once, for one member", group=_GROUP,
    body=Named("NewItemClaim", Record(
        {"code": CODE, "pin": Text(8, 8, about="Under the cover of the item"),
         "channel": Text(one_of=CHANNELS)},
        {**PLACE, "device": Nullable(DEVICE)})),
    write=True, dialect=Dialect(asked=("User-Agent", ":address")),
    problems=(*WRITE_PROBLEMS, NotYours, MemberUnknown, MemberFrozen, IssuerSuspended, NotIssuable,
              refusals.ItemPinRefused, refusals.ItemClaimed, refusals.ItemNotClaimable,
              refusals.ClaimNotOffered, refusals.ClaimCapReached),
    success=Success(201, "The points stand, or wait.", shapes.answer(
        "ItemClaimed", operation=shapes.HEX_ID, programme=shapes.PROGRAMME, points=shapes.POINTS,
        collected=shapes.POINTS, state=Text(), expires_at=Nullable(shapes.INSTANT), in_draw=Flag())),
)  # fmt: skip
OWN = Route(
    "GET", "/v1/members/<number>/item-claims", "member-item-claims", scopes("self:read", "member:read"),
    "The items that a member has claimed", group=_GROUP, query=PAGE_QUERY, problems=(MemberUnknown, NotYours),
    success=Success(200, "A page, by item.", paged("claims", _CLAIM)),
)  # fmt: skip
RETURN = Route(
    "POST", "/v1/item-returns", "return-item", scopes("refund"),
    "Take an item back: it is void for ever, and what its claim gave goes back", group=_GROUP,
    body=Named("NewItemReturn", Record(
        {"code": CODE}, {"sale": Nullable(Text(pattern="[0-9a-f]{32}", about="Needed but of the brand"))})),
    write=True,
    problems=(*WRITE_PROBLEMS, NotYours, refusals.ItemNotReturnable, refusals.ItemNotOfSale,
              OperationAdopted),
    success=Success(201, "Void.", shapes.answer(
        "ItemReturned", programme=Nullable(shapes.PROGRAMME), pending=shapes.POINTS,
        available=shapes.POINTS, debt=shapes.POINTS, state=Text(),
        prize=Nullable(Free("The same of what the item had won; `coupon`: void or left.")))),
)  # fmt: skip
SET = Route(
    "PUT", "/v1/products/<gtin>/claim-terms", "set-claim-terms", scopes("store:write"),
    "What an item of the product gives whoever claims it; points of 0 end the offer", group=_GROUP,
    body=Named("ItemClaimTerms", _TERMS), write=True,
    problems=(*WRITE_PROBLEMS, ProductUnknown, ProgrammeUnknown),
    success=Success(200, "In force.", shapes.answer("ItemClaimTermsSet", version=Integer(1))),
)  # fmt: skip
TERMS = Route(
    "GET", "/v1/products/<gtin>/claim-terms", "claim-terms", scopes("programme:read"),
    "What an item of the product gives", group=_GROUP, problems=(ProductUnknown,), personal=False,
    success=Success(200, "In force; version 0 before there were any.", shapes.answer(
        "ItemClaimTermsInForce", version=Integer(0), programme=Nullable(shapes.PROGRAMME),
        points=shapes.POINTS, **_MOST)),
)  # fmt: skip
ROUTES = (CLAIM, OWN, RETURN, SET, TERMS)


@dataclass(frozen=True, slots=True)
class ItemClaimsDoor:
    """The endpoints of this module over the rooms of items and points."""

    administration: Administration
    cursors: Cursors
    items: ItemsService
    catalogue: CatalogueCache

    def claim(self, call: Call) -> Reply:
        """The item is claimed."""
        given, visit = call.body.fields, visit_of(call)
        gtin, serial = _item(given["code"])
        pin = parse_item_pin(given["pin"], "pin")
        member_id = self._member_id(call)
        request = ClaimRequest(
            member_id, gtin, serial, pin, visit.device, visit.place, given["channel"], call.at
        )
        keyed = self.administration.keyed(call, 201, lambda claimed: claimed.view())
        return reply_of(self.items.claim(request, keyed))

    def own(self, call: Call) -> Reply:
        """A page of the member's items."""
        codes = {p: programme.code for p, programme in self.catalogue.refresh().programmes.items()}

        def find(conn: Connection) -> Json:
            member_id = member_of_call(conn, call).member_id
            page = self.cursors.page(f"item-claims:{member_id}", call.query)
            found = claims_of_member(conn, member_id, page.after_number, page.limit + 1)
            rows, cursor = self.cursors.cut(page, found, lambda row: row["item_id"])
            return {"claims": [_document(row, codes) for row in rows], "next_cursor": cursor}

        return self.administration.read(find)

    def take_back(self, call: Call) -> Reply:
        """The item is void."""
        given, merchant_id = call.body.fields, call.caller.merchant_id
        if merchant_id is None:
            raise NotYours("merchant")
        gtin, serial = _item(given["code"])
        sale = None if given.get("sale") is None else parse_id(given["sale"], "sale")
        request = ReturnRequest(merchant_id, call.caller.subject, gtin, serial, sale, call.at)
        keyed = self.administration.keyed(call, 201, lambda taken: taken.view())
        return reply_of(self.items.take_back(request, keyed))

    def set_terms(self, call: Call) -> Reply:
        """The terms are in force."""
        given, gtin = call.body.fields, parse_gtin(call.path["gtin"], "gtin")
        most = {cap: given.get(f"per_{cap}_day", 0) for cap in CAPS}
        new, caller = NewTerms(gtin, given["programme"], given["points"], most), call.caller

        def act(conn: Connection) -> Json:
            return {"version": set_terms(conn, caller.merchant_id, new, caller.subject, call.at)}

        return self.administration.write(call, act, status=200)

    def terms(self, call: Call) -> Reply:
        """The terms in force."""
        gtin = parse_gtin(call.path["gtin"], "gtin")
        programmes = self.catalogue.refresh().programmes

        def find(conn: Connection) -> Json:
            find_product(conn, gtin, None)
            terms = find_terms(conn, gtin)
            if terms is None:
                return {"version": 0, "programme": None, "points": 0, **dict.fromkeys(_MOST, 0)}
            most = {f"per_{cap}_day": terms.most[cap] for cap in CAPS}
            code = programmes[terms.programme_id].code
            return {"version": terms.version, "programme": code, "points": terms.points, **most}

        return self.administration.read(find)

    def _member_id(self, call: Call) -> int:
        found: list[int] = []

        def find(conn: Connection) -> Json:
            found.append(member_of_call(conn, call).member_id)
            return {}

        self.administration.read(find)
        return found[0]


def served(door: ItemClaimsDoor) -> list[Served]:
    """The routes of this module bound to their endpoints."""
    endpoints = (door.claim, door.own, door.take_back, door.set_terms, door.terms)
    return [Served(route, endpoint) for route, endpoint in zip(ROUTES, endpoints, strict=True)]


def _item(code: str) -> tuple[str, str]:
    told = read_code(code)
    if isinstance(told, str):
        raise MalformedField("code", told)
    if told.serial is None:
        raise MalformedField("code", "names a product and no item of it")
    return told.gtin, told.serial


def _document(row: RowMapping, codes: Mapping[int, str]) -> Json:
    voided = row["voided_at"]
    return {
        "operation": id_text(row["op_id"]), "gtin": row["gtin"], "serial": row["serial"],
        "brand": row["brand"], "names": names_of(row), "programme": codes[row["programme_id"]],
        "points": row["points"], "claimed_at": format_instant(row["claimed_at"]),
        "voided_at": None if voided is None else format_instant(voided),
        "prize": None if row["drawn"] is None else _prize(row),
    }  # fmt: skip


def _prize(row: RowMapping) -> Json:
    """What the item drew; a prize without points is a coupon."""
    is_coupon = row["won"] == 0
    return {"state": row["drawn"], "points": row["won"],
            "coupon": id_text(prize_op_id(row["item_id"])) if is_coupon else None}  # fmt: skip
