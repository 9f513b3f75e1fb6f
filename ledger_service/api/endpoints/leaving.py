"""How far the end of a programme, or of all programmes of a merchant that leaves, has come."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from sqlalchemy import Connection

from ledger_service.api import shapes
from ledger_service.api.administration import Json
from ledger_service.api.endpoints.devices import member_of_call
from ledger_service.api.endpoints.places import require_merchant
from ledger_service.api.endpoints.programmes import ProgrammesDoor
from ledger_service.api.errors import CursorRefused, NotYours
from ledger_service.api.paging import PAGE_QUERY, paged, place_at, place_of
from ledger_service.api.paper_ports import LeavingReport
from ledger_service.api.routes import Call, Reply, Route, Served, Success, scopes
from ledger_service.api.schema import Flag, Integer, Listing, Named, Nullable, Record, Text
from ledger_service.kernel.clock import format_instant
from ledger_service.kernel.gs1 import gln_text, parse_gln
from ledger_service.kernel.ids import id_text
from ledger_service.members.errors import MemberUnknown
from ledger_service.merchants.errors import MerchantUnknown
from ledger_service.points.catalogue import Catalogue, Programme
from ledger_service.points.conversion.progress import RestView, Stage, document_of, progress_of, rests_of
from ledger_service.points.errors import ProgrammeUnknown

_GROUP = "Conversions"
_COUNT = Integer(0)
_REST = Record({"members": _COUNT, "available": _COUNT, "held": _COUNT, "pending": _COUNT}, closed=False)
_PROGRESS = Named("EndProgress", Record(
    {"programme": shapes.PROGRAMME, "stage": Text(one_of=tuple(stage.value for stage in Stage)),
     "end": Nullable(Record(
         {"target": shapes.PROGRAMME, "issues_until": shapes.INSTANT, "ends_at": shapes.INSTANT,
          "spread_bps": Integer(0, 9_999), "announced_at": shapes.INSTANT}, closed=False)),
     "rest": _REST, "due": _REST, "frozen_members": _COUNT,
     "converted": Record({"members": _COUNT, "points": _COUNT, "received": _COUNT, "under_way": _COUNT,
                          "refused": _COUNT}, closed=False)}, closed=False))  # fmt: skip
SHOW = Route(
    "GET", "/v1/programmes/<code>/end", "show-programme-end", scopes("sale:read"),
    "How far the end of a programme has come: what members still have, and what has converted", group=_GROUP,
    problems=(ProgrammeUnknown, NotYours),
    success=Success(200, "For its issuer, the one that takes over, operators and auditors. `due` can convert "
                    "now; `under_way` operations are not final on chain, `refused` wait for somebody.",
                    _PROGRESS),
)  # fmt: skip
_UNSETTLED = Record({"period": Integer(1), "net_micros": Text(), "waits_for": Text()}, closed=False)
LEAVING = Route(
    "GET", "/v1/merchants/<gln>/leaving", "show-merchant-leaving", scopes("sale:read"),
    "What is left before a merchant has left: each programme's end, and periods that are not settled",
    group=_GROUP, problems=(NotYours, MerchantUnknown),
    success=Success(200, "Nothing is open once all has ended, converted and been paid. `waits_for` is "
                    "publication, netting, payment or dispute.", shapes.answer(
                        "MerchantLeaving", merchant=shapes.GLN, open=Flag("Something is left to be done"),
                        programmes=Listing(_PROGRESS),
                        unsettled=Listing(_UNSETTLED))),
)  # fmt: skip
RESTS = Route(
    "GET", "/v1/members/<number>/converted-rests", "converted-rests", scopes("member:read", "self:read"),
    "What became of a member's points of programmes that ended, newest first", group=_GROUP, query=PAGE_QUERY,
    problems=(MemberUnknown, NotYours, CursorRefused),
    success=Success(200, "A page.", paged("converted", Named("ConvertedRest", Record(
        {"programme": shapes.PROGRAMME, "converts_into": shapes.PROGRAMME, "points": Integer(1),
         "received": Integer(1), "operation": shapes.HEX_ID, "converted_at": shapes.INSTANT},
        closed=False)))),
)  # fmt: skip
ROUTES = (SHOW, LEAVING, RESTS)


@dataclass(frozen=True, slots=True)
class LeavingDoor:
    """The endpoints of this module, beside those of programmes."""

    programmes: ProgrammesDoor
    report: LeavingReport

    def show(self, call: Call) -> Reply:
        """One programme's end."""
        known, own = self.programmes.known(call), call.caller.merchant_id
        every = self.programmes.catalogue.current()
        if own is not None and own not in _parties(known, every):
            raise NotYours("code")

        read = self.programmes.administration.read
        return read(lambda conn: document_of(known, progress_of(conn, known, every, call.at), every))

    def leaving(self, call: Call) -> Reply:
        """All programmes of a merchant, and what it has yet to settle."""
        merchant = parse_gln(call.path["gln"], "gln")
        require_merchant(call, merchant, "gln")
        every = self.programmes.catalogue.refresh()
        who = {"merchant": gln_text(merchant)}
        read = self.programmes.administration.read
        return read(lambda conn: {**who, **self.report(conn, every, merchant, call.at)})

    def rests(self, call: Call) -> Reply:
        """A page of what became of a member's rests."""
        cursors = self.programmes.cursors

        def find(catalogue: Catalogue, conn: Connection) -> Json:
            member = member_of_call(conn, call)
            page = cursors.page(f"rests:{member.member_id}", call.query)
            found = rests_of(conn, member.member_id, place_of(page.after), page.limit + 1)
            rows, cursor = cursors.cut(page, found, lambda one: place_at(one.converted_at, one.op_id))
            return {"converted": [_rest(one, catalogue) for one in rows], "next_cursor": cursor}

        read = self.programmes.administration.read
        return self.programmes.catalogue.newest(lambda catalogue: read(partial(find, catalogue)))


def served(door: LeavingDoor) -> list[Served]:
    """The routes of this module bound to their endpoints."""
    endpoints = (door.show, door.leaving, door.rests)
    return [Served(route, endpoint) for route, endpoint in zip(ROUTES, endpoints, strict=True)]


def _parties(known: Programme, every: Catalogue) -> Sequence[int]:
    """Whose business the programme's end is: its issuer's, and that of whoever takes over the rest."""
    if known.end is None:
        return (known.merchant_id,)
    return (known.merchant_id, every.programme(known.end.target_id).merchant_id)


def _rest(one: RestView, catalogue: Catalogue) -> Json:
    return {
        "programme": catalogue.programme(one.programme_id).code,
        "converts_into": catalogue.programme(one.target_id).code,
        "points": one.points,
        "received": one.received,
        "operation": id_text(one.op_id),
        "converted_at": format_instant(one.converted_at),
    }
