"""Conversions between programmes: their terms, a quote, and converting under the member's signed permit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from ledger_service.api import shapes
from ledger_service.api.administration import Json
from ledger_service.api.endpoints.checkout import reply_of
from ledger_service.api.endpoints.devices import WRITE_PROBLEMS
from ledger_service.api.endpoints.gestures import parse_nonce
from ledger_service.api.endpoints.merchants import CHAIN_PROBLEMS
from ledger_service.api.endpoints.programme_shapes import instant_or_never
from ledger_service.api.endpoints.programmes import ProgrammesDoor
from ledger_service.api.errors import NotYours
from ledger_service.api.hexadecimal import parse_address, parse_signature
from ledger_service.api.paging import PAGE_QUERY, paged
from ledger_service.api.ports import ConversionOfProgrammes
from ledger_service.api.routes import Call, Parameter, Reply, Route, Served, Success, scopes
from ledger_service.api.schema import Flag, Integer, Named, Nullable, Record, Text
from ledger_service.kernel.clock import format_instant, instant_of_seconds, parse_instant, seconds_floor
from ledger_service.kernel.errors import MalformedField
from ledger_service.kernel.ids import id_text
from ledger_service.ledger.errors import InsufficientPoints
from ledger_service.members import queries as members
from ledger_service.members.errors import MemberFrozen, MemberUnknown
from ledger_service.points import errors as refusals
from ledger_service.points.catalogue import Programme
from ledger_service.points.conversion import errors as conversion
from ledger_service.points.conversion.command import ConversionRequest, Converted
from ledger_service.points.conversion.deals import Deal, Wish
from ledger_service.points.conversion.desk import ConversionDesk
from ledger_service.points.conversion.rules import WHOLE_BPS, ConversionTerms
from ledger_service.points.conversion.service import require_conversions
from ledger_service.points.programmes import NOTICE_SECONDS

_GROUP = "Conversions"
_MOST_POINTS = 2**53 - 1
_COUNT = Text(pattern="[1-9][0-9]{0,14}", about="A positive number")
_SPREAD = Integer(0, WHOLE_BPS - 1, "What the source's issuer keeps of the value, in hundredths of a percent")
TERMS = Named("ConversionTerms", Record(
    {"programme": shapes.PROGRAMME, "target": shapes.PROGRAMME, "number": Integer(1),
     "effective_from": shapes.INSTANT, "ends": Flag("Nothing converts from then on"),
     "spread_bps": Nullable(_SPREAD)}, closed=False))  # fmt: skip
LIST = Route(
    "GET", "/v1/programmes/<code>/conversions", "list-conversions", scopes("programme:read"),
    "What points of the programme convert into", group=_GROUP, query=PAGE_QUERY,
    problems=(refusals.ProgrammeUnknown,),
    success=Success(200, "A page, by target and number.", paged("conversions", TERMS)),
)  # fmt: skip
PUBLISH = Route(
    "POST", "/v1/programmes/<code>/conversions", "publish-conversion", scopes("programme:write"),
    "Publish the next conversion terms of two programmes, or their end", group=_GROUP, write=True,
    body=Named("NewConversionTerms", Record(
        {"target": shapes.PROGRAMME, "effective_from": shapes.INSTANT},
        {"spread_bps": _SPREAD, "ends": Flag("Nothing converts from then on")})),
    problems=(*WRITE_PROBLEMS, *CHAIN_PROBLEMS, refusals.ProgrammeUnknown, refusals.RegistryTooOld,
              refusals.NoticeTooShort, conversion.ConversionTermsInvalid),
    success=Success(201, "They stand on chain; the list has them once the index does.", TERMS),
)  # fmt: skip
CONVERSION_QUOTE = Named("ConversionQuote", Record(
    {"programme": shapes.PROGRAMME, "programme_id": Integer(1), "target": shapes.PROGRAMME,
     "target_id": Integer(1), "points": Integer(1), "receives": Integer(1), "terms": Integer(1),
     "spread_bps": _SPREAD, "point_value_micros": Integer(1), "target_point_value_micros": Integer(1),
     "epoch": Integer(1), "expires_at": Nullable(shapes.INSTANT), "quoted_at": shapes.INSTANT},
    closed=False))  # fmt: skip
QUOTE = Route(
    "GET", "/v1/programmes/<code>/conversion-quote", "quote-conversion", scopes("programme:read"),
    "What points of the programme come to in another now", group=_GROUP,
    query={"target": Parameter(shapes.PROGRAMME, "Into which programme", required=True),
           "points": Parameter(_COUNT, "How many points of this one", required=True)},
    problems=(refusals.ProgrammeUnknown, conversion.ConversionNotOffered, conversion.ConversionRefused),
    success=Success(200, "It holds until a point value or the spread changes, each with 8 days of notice.",
                    CONVERSION_QUOTE),
)  # fmt: skip
CONVERT = Route(
    "POST", "/v1/conversions", "convert", scopes("self:write", "member:write"),
    "Convert points under a signed permit that names what was quoted", group=_GROUP, write=True,
    body=Named("Conversion", Record(
        {"account": shapes.ADDRESS, "programme": shapes.PROGRAMME, "target": shapes.PROGRAMME,
         "points": Integer(1, _MOST_POINTS),
         "least_points": Integer(1, _MOST_POINTS, "What must come of them at least: what was quoted"),
         "nonce": Text(pattern="[0-9]{1,20}", about="Lane and counter as one decimal number"),
         "valid_until": Integer(1, 2**40 - 1), "signature": shapes.SIGNATURE})),
    problems=(*WRITE_PROBLEMS, NotYours, MemberUnknown, MemberFrozen, InsufficientPoints,
              refusals.ProgrammeUnknown, refusals.IssuerSuspended, refusals.NotIssuable,
              refusals.CustodialLimitExceeded, conversion.ConversionNotOffered, conversion.ConversionRefused,
              conversion.ConversionBelowLeast, conversion.ConversionPermitInvalid),
    success=Success(201, "Converted.", shapes.answer(
        "Converted", operation=shapes.HEX_ID, points=Integer(1), received=Integer(1), spread_bps=_SPREAD,
        epoch=Integer(1), expires_at=Nullable(shapes.INSTANT))),
)  # fmt: skip
ROUTES = (LIST, PUBLISH, QUOTE, CONVERT)


@dataclass(frozen=True, slots=True)
class ConversionsDoor:
    """The endpoints of this module, beside those of programmes."""

    programmes: ProgrammesDoor
    desk: ConversionDesk

    def list_all(self, call: Call) -> Reply:
        """All versions of the programme's conversion terms."""
        known, cursors = self.programmes.known(call), self.programmes.cursors
        page = cursors.page(f"conversions:{known.code}", call.query)
        after = page.after_number or 0
        found = sorted(
            ((_place(target, t), target, t) for target, some in known.conversions.items() for t in some
             if _place(target, t) > after), key=lambda one: one[0],
        )  # fmt: skip
        rows, cursor = cursors.cut(page, found, lambda one: one[0])
        codes = self.programmes.catalogue.current().programmes
        views = [_view(known, codes[target], t) for _, target, t in rows]
        return Reply({"conversions": views, "next_cursor": cursor})

    def publish(self, call: Call) -> Reply:
        """The next terms stand on chain; what the index tells of them is in force here."""
        administration = self.programmes.administration
        replay = administration.replay(call)
        if replay is not None:
            return replay
        known, target = self.programmes.known(call), self._target(call.body.fields["target"])
        chain = known.conversions.get(target.programme_id, ())
        wanted = _wanted(len(chain) + 1, call.body.fields)
        if chain and chain[-1].effective_from == wanted.effective_from:
            # Asked again after a lost answer: they stand.
            return administration.write(call, lambda conn: _view(known, target, chain[-1]))
        administration.read(_check_offered)
        _check(known, target, wanted, seconds_floor(call.at))
        who = (known.merchant_id, target.merchant_id, known.programme_id, target.programme_id)
        what = (wanted.number, wanted.effective_from, wanted.spread_bps)
        self.programmes.governance.publish_conversion(ConversionOfProgrammes(*who, *what))
        return administration.write(call, lambda conn: _view(known, target, wanted))

    def quote(self, call: Call) -> Reply:
        """What the points come to."""
        points = int(call.query["points"])
        deal = self.desk.quote(Wish(call.path["code"], call.query["target"], points), call.at)
        return Reply({
            "programme": deal.source.code, "programme_id": deal.source.programme_id,
            "target": deal.target.code, "target_id": deal.target.programme_id,
            "points": points, "receives": deal.received(points), "terms": deal.number,
            "point_value_micros": deal.source_terms.point_value_micros,
            "target_point_value_micros": deal.target_terms.point_value_micros,
            "quoted_at": format_instant(call.at), **_of_deal(deal),
        })  # fmt: skip

    def convert(self, call: Call) -> Reply:
        """The points are points of the other programme."""
        request = _request(call.body.fields)
        self.programmes.administration.read(lambda conn: _check_own(conn, call, request.account))
        keyed = self.programmes.administration.keyed(call, 201, _converted)
        return reply_of(self.desk.convert(request, call.at, keyed))

    def _target(self, code: str) -> Programme:
        found = self.programmes.catalogue.current().by_code.get(code)
        if found is None:
            raise refusals.ProgrammeUnknown(code)
        return found


def served(door: ConversionsDoor) -> list[Served]:
    """The routes of this module bound to their endpoints."""
    endpoints = (door.list_all, door.publish, door.quote, door.convert)
    return [Served(route, endpoint) for route, endpoint in zip(ROUTES, endpoints, strict=True)]


def _place(target: int, terms: ConversionTerms) -> int:
    return target << 20 | terms.number


def _wanted(number: int, given: dict[str, Any]) -> ConversionTerms:
    effective = seconds_floor(parse_instant(given["effective_from"], "effective_from"))
    ends = given.get("ends", False)
    if ends == ("spread_bps" in given):
        raise MalformedField("spread_bps", "is needed unless the conversion ends, else has no meaning")
    return ConversionTerms(number, effective, WHOLE_BPS if ends else given["spread_bps"])


def _check_offered(conn: Connection) -> Json:
    require_conversions(conn)
    return {}


def _check(known: Programme, target: Programme, wanted: ConversionTerms, now: int) -> None:
    """What the registry would refuse is refused here, in plain words."""
    chain = known.conversions.get(target.programme_id, ())
    if known.programme_id == target.programme_id:
        raise conversion.ConversionTermsInvalid("same-programme")
    if wanted.spread_bps == WHOLE_BPS and not (chain and chain[-1].spread_bps < WHOLE_BPS):
        raise conversion.ConversionTermsInvalid("nothing-to-end")
    if wanted.effective_from < now + NOTICE_SECONDS:
        raise refusals.NoticeTooShort(now + NOTICE_SECONDS)
    if chain and wanted.effective_from < chain[-1].effective_from:
        raise conversion.ConversionTermsInvalid("not-later")


def _view(known: Programme, target: Programme, terms: ConversionTerms) -> Json:
    ends = terms.spread_bps == WHOLE_BPS
    return {
        "programme": known.code, "target": target.code, "number": terms.number,
        "effective_from": format_instant(instant_of_seconds(terms.effective_from)), "ends": ends,
        "spread_bps": None if ends else terms.spread_bps,
    }  # fmt: skip


def _of_deal(deal: Deal) -> Json:
    return {
        "spread_bps": deal.spread_bps, "epoch": deal.epoch, "expires_at": instant_or_never(deal.expires_at),
    }  # fmt: skip


def _converted(done: Converted) -> Json:
    moved = {"operation": id_text(done.op_id), "points": done.points, "received": done.received}
    return {**moved, **_of_deal(done.deal)}


def _request(given: dict[str, Any]) -> ConversionRequest:
    return ConversionRequest(
        account=parse_address(given["account"], "account"),
        wish=Wish(given["programme"], given["target"], given["points"]),
        least_points=given["least_points"],
        nonce=parse_nonce(given["nonce"]),
        valid_until=given["valid_until"],
        signature=parse_signature(given["signature"], "signature"),
    )


def _check_own(conn: Connection, call: Call, account: bytes) -> Json:
    own = call.caller.member_id
    found = members.find_by_account(conn, account)
    if own is not None and (found is None or found.member_id != own):
        raise NotYours("account")
    return {}
