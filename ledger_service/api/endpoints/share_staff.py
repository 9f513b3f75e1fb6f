"""Touch points over HTTP: rotas of live codes, whom each of the staff looks after, hand-overs."""

from __future__ import annotations

from dataclasses import dataclass

import orjson
from sqlalchemy import Connection, RowMapping

from ledger_service.api import shapes
from ledger_service.api.administration import Administration, Json
from ledger_service.api.endpoints.devices import WRITE_PROBLEMS, member_of_call
from ledger_service.api.endpoints.places import require_merchant
from ledger_service.api.errors import CursorRefused, NotYours
from ledger_service.api.paging import PAGE_QUERY, Cursors, paged
from ledger_service.api.routes import Call, Parameter, Reply, Route, Served, Success, scopes
from ledger_service.api.schema import Flag, Integer, Listing, Nullable, Record, Text
from ledger_service.kernel.clock import format_instant, parse_instant
from ledger_service.kernel.errors import MalformedField
from ledger_service.kernel.gs1 import gln_text, parse_gln, parse_gsrn
from ledger_service.kernel.text import clean_text
from ledger_service.members.errors import MemberUnknown
from ledger_service.referrals.links.errors import ShareLinkUnknown
from ledger_service.referrals.links.rules import typed
from ledger_service.referrals.staffing import queries, service
from ledger_service.referrals.staffing.errors import ShareNotAssigned, ShareRotaRefused
from ledger_service.referrals.staffing.rules import KINDS, MOST_MINUTES, MOST_STAFF, Rota, shifts
from ledger_service.referrals.staffing.service import HandOver, Told

_GROUP, _CODE = "Touch points", "/v1/share/live-codes/<link>"
_MOST_SHIFTS, _MOST_NAMED = 24, 200
_KNOWN = scopes("quote", "self:read", "store:write", "audit:read")
_STAFF = Listing(shapes.CASHIER, MOST_STAFF)
_MINUTES = Integer(5, MOST_MINUTES, "How long one turn lasts")
_ROTA = shapes.answer(
    "ShareRota", staff=_STAFF, every_minutes=_MINUTES, begins_at=shapes.INSTANT, told_by=Text(),
    told_at=shapes.INSTANT,
)  # fmt: skip
TELL = Route(
    "POST", f"{_CODE}/rotas", "tell-live-code-rota", scopes("store:write"),
    "Say beforehand who is behind a live code, in turns; without staff, whoever holds it", group=_GROUP,
    write=True,
    body=Record({"staff": _STAFF, "every_minutes": _MINUTES, "begins_at": shapes.INSTANT}),
    problems=(*WRITE_PROBLEMS, ShareLinkUnknown, ShareRotaRefused),
    success=Success(201, "It takes over at that instant.", shapes.answer("ShareRotaTold", rota=Integer())),
)  # fmt: skip
ROTAS = Route(
    "GET", f"{_CODE}/rotas", "list-live-code-rotas", _KNOWN, "All rotas of a live code, as they were told",
    group=_GROUP, query=PAGE_QUERY, problems=(ShareLinkUnknown, CursorRefused),
    success=Success(200, "A page, in the order of telling.", paged("rotas", _ROTA)),
)  # fmt: skip
SHIFTS = Route(
    "GET", f"{_CODE}/shifts", "list-live-code-shifts", _KNOWN, "Who is behind a live code, and who follows",
    group=_GROUP, query={"at": Parameter(shapes.INSTANT, "From when; now where absent")},
    problems=(ShareLinkUnknown,),
    success=Success(200, "The published schedule.", shapes.answer(
        "ShareShifts", on_duty=Nullable(shapes.CASHIER), shifts=Listing(Record(
            {"begins_at": shapes.INSTANT, "ends_at": shapes.INSTANT, "cashier": shapes.CASHIER},
            closed=False), _MOST_SHIFTS))),
)  # fmt: skip
HAND_OVER = Route(
    "POST", "/v1/share/hand-overs", "hand-over-members", scopes("store:write"),
    "Another of the staff looks after members from now on: those named, or all of who hands over",
    group=_GROUP, write=True,
    body=Record(
        {"merchant": shapes.GLN, "from": shapes.CASHIER, "to": shapes.CASHIER, "reason": Text(500)},
        {"members": Listing(shapes.NUMBER, _MOST_NAMED, 1)}),
    problems=(*WRITE_PROBLEMS, NotYours, ShareNotAssigned),
    success=Success(200, "Handed over, and on record; `more` where others are left: ask again.",
                    shapes.answer("ShareHandedOver", moved=Integer(), more=Flag())),
)  # fmt: skip
ASSIGNED = Route(
    "GET", "/v1/share/assignments", "list-share-assignments", scopes("store:write", "audit:read"),
    "Whom a merchant's staff look after", group=_GROUP,
    query={"merchant": Parameter(shapes.GLN, "Whose staff; the caller's own merchant where absent"),
           "cashier": Parameter(shapes.CASHIER, "Only this one's"), **PAGE_QUERY},
    problems=(NotYours, CursorRefused),
    success=Success(200, "A page, by member.", paged("assignments", shapes.answer(
        "ShareAssignment", member=Nullable(shapes.NUMBER), cashier=shapes.CASHIER,
        place=Nullable(Text(32, about="The touch point that the member came by"))))),
)  # fmt: skip
HISTORY = Route(
    "GET", "/v1/members/<number>/staff", "list-member-staff",
    scopes("self:read", "store:write", "audit:read"),
    "Who of which merchant's staff has looked after a member", group=_GROUP, query=PAGE_QUERY,
    problems=(MemberUnknown, NotYours, CursorRefused),
    success=Success(200, "A page, by merchant and in order; a merchant sees its own staff.", paged(
        "events", shapes.answer(
            "ShareCareEvent", merchant=shapes.GLN, kind=Text(one_of=KINDS), cashier=shapes.CASHIER,
            before=Nullable(shapes.CASHIER), link=Nullable(Text(12)), by=Text(), reason=Text(500, 0),
            at=shapes.INSTANT))),
)  # fmt: skip
ROUTES = (TELL, ROTAS, SHIFTS, HAND_OVER, ASSIGNED, HISTORY)


@dataclass(frozen=True, slots=True)
class ShareStaffDoor:
    """The endpoints of this module over touch points."""

    administration: Administration
    cursors: Cursors

    def tell(self, call: Call) -> Reply:
        """The rota is told."""
        given, code = call.body.fields, typed(call.path["link"])
        begins_at = parse_instant(given["begins_at"], "begins_at")
        rota = Rota(tuple(given["staff"]), given["every_minutes"], begins_at)
        return self.administration.write(
            call, lambda conn: {"rota": service.tell_rota(conn, code, rota, _told(call))}
        )

    def rotas(self, call: Call) -> Reply:
        """A page of rotas."""
        code = typed(call.path["link"])
        page = self.cursors.page(f"rotas:{code}", call.query)

        def find(conn: Connection) -> Json:
            _must_be_live(conn, code)
            found = queries.rotas_after(conn, code, int(page.after or -1), page.limit + 1)
            rows, cursor = self.cursors.cut(page, found, lambda row: str(row["position"]))
            return {"rotas": [_rota(row) for row in rows], "next_cursor": cursor}

        return self.administration.read(find)

    def shifts(self, call: Call) -> Reply:
        """Who is behind the code, and who follows."""
        code = typed(call.path["link"])
        at = parse_instant(call.query["at"], "at") if "at" in call.query else call.at

        def find(conn: Connection) -> Json:
            _must_be_live(conn, code)
            turns = shifts(queries.rotas_of(conn, code), at, _MOST_SHIFTS)
            shown = [
                {"begins_at": format_instant(one.begins_at), "ends_at": format_instant(one.ends_at),
                 "cashier": one.cashier}
                for one in turns
            ]  # fmt: skip
            return {"on_duty": queries.staff_at(conn, code, at), "shifts": shown}

        return self.administration.read(find)

    def hand_over(self, call: Call) -> Reply:
        """The members are the taker's."""
        given = call.body.fields
        merchant_id = parse_gln(given["merchant"], "merchant")
        require_merchant(call, merchant_id, "merchant")
        if given["from"] == given["to"]:
            raise MalformedField("to", "must be another than from")
        named = given.get("members")
        numbers = None if named is None else [parse_gsrn(number, "members") for number in named]
        reason = clean_text(given["reason"], "reason", 500)
        asked = HandOver(merchant_id, given["from"], given["to"], reason, numbers)

        def act(conn: Connection) -> Json:
            moved = service.hand_over(conn, asked, _told(call))
            return {"moved": moved, "more": moved == service.MOST_AT_ONCE}

        return self.administration.write(call, act, status=200)

    def assigned(self, call: Call) -> Reply:
        """A page of members that are looked after."""
        merchant_id, cashier = _merchant_of(call), call.query.get("cashier")
        page = self.cursors.page(f"assignments:{merchant_id}:{cashier}", call.query)

        def find(conn: Connection) -> Json:
            found = queries.assigned(conn, merchant_id, cashier, int(page.after or 0), page.limit + 1)
            rows, cursor = self.cursors.cut(page, found, lambda row: str(row["member_id"]))
            shown = [
                {"member": row["member_number"], "cashier": row["cashier"], "place": row["place"]}
                for row in rows
            ]
            return {"assignments": shown, "next_cursor": cursor}

        return self.administration.read(find)

    def history(self, call: Call) -> Reply:
        """A page of who looked after the member."""
        own = call.caller.merchant_id

        def find(conn: Connection) -> Json:
            member_id = member_of_call(conn, call).member_id
            page = self.cursors.page(f"member-staff:{member_id}:{own}", call.query)
            merchant, _, position = (page.after or "0 -1").partition(" ")
            found = queries.events_of(conn, member_id, own, (int(merchant), int(position)), page.limit + 1)
            rows, cursor = self.cursors.cut(page, found, _place)
            return {"events": [_event(row) for row in rows], "next_cursor": cursor}

        return self.administration.read(find)


def served(door: ShareStaffDoor) -> list[Served]:
    """The routes of this module bound to their endpoints."""
    endpoints = (door.tell, door.rotas, door.shifts, door.hand_over, door.assigned, door.history)
    return [Served(route, endpoint) for route, endpoint in zip(ROUTES, endpoints, strict=True)]


def _told(call: Call) -> Told:
    return Told(call.caller.subject, call.at, call.caller.merchant_id)


def _must_be_live(conn: Connection, code: str) -> None:
    if not queries.is_live_code(conn, code):
        raise ShareLinkUnknown


def _merchant_of(call: Call) -> int:
    named, own = call.query.get("merchant"), call.caller.merchant_id
    if named is not None:
        merchant_id = parse_gln(named, "query.merchant")
        require_merchant(call, merchant_id, "query.merchant")
        return merchant_id
    if own is None:
        raise MalformedField("query.merchant", "is needed: you act for every merchant")
    return own


def _place(row: RowMapping) -> str:
    return f"{row['merchant_id']} {row['position']}"


def _rota(row: RowMapping) -> Json:
    return {
        "staff": orjson.loads(row["staff"]), "every_minutes": row["every_minutes"],
        "begins_at": format_instant(row["begins_at"]), "told_by": row["told_by"],
        "told_at": format_instant(row["told_at"]),
    }  # fmt: skip


def _event(row: RowMapping) -> Json:
    return {
        "merchant": gln_text(row["merchant_id"]), "kind": row["kind"], "cashier": row["cashier"],
        "before": row["before"], "link": row["code"], "by": row["by_whom"], "reason": row["reason"],
        "at": format_instant(row["at"]),
    }  # fmt: skip
