"""Segments over HTTP: a merchant's rules over its own books, tried before they count, and who was in when."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import Connection, RowMapping

from ledger_service.api import shapes
from ledger_service.api.administration import Administration, Json
from ledger_service.api.endpoints.devices import WRITE_PROBLEMS
from ledger_service.api.endpoints.places import require_merchant
from ledger_service.api.endpoints.webhooks import shown_instant
from ledger_service.api.errors import CursorRefused, NotYours
from ledger_service.api.paging import PAGE_QUERY, Cursors, paged
from ledger_service.api.routes import Call, Parameter, Reply, Route, Served, Success, scopes
from ledger_service.api.schema import Flag, Free, Integer, Named, Nullable, Record, Text
from ledger_service.insight import valuing
from ledger_service.insight.segmenting import count_of
from ledger_service.kernel.clock import format_instant, parse_instant
from ledger_service.kernel.gs1 import gln_text, parse_gln, parse_gsrn
from ledger_service.kernel.ids import id_text, parse_id
from ledger_service.members.errors import MemberUnknown
from ledger_service.members.queries import find_by_number
from ledger_service.members.segments import errors as refusals
from ledger_service.members.segments import queries, service
from ledger_service.members.segments.rules import CODE, STAGES, TAG, rule_of
from ledger_service.members.segments.service import Written
from ledger_service.merchants.errors import MerchantUnknown
from ledger_service.merchants.queries import find_merchant

_GROUP, _BASE = "Segments", "/v1/segments"
_READ, _WRITE = scopes("store:write", "audit:read"), scopes("store:write")
_RULE = {"rule": Free("Conditions, as docs/segments.md lists them")}
_WINDOW = {
    "window_days": Integer(1, 3_650, about="Frequency and money of so many days; 365 where absent"),
    "horizon_days": Integer(1, 3_650, about="Values expected over so many days to come; 365 where absent"),
}
_SEGMENT = Named("Segment", Record({
    "segment": shapes.HEX_ID, "merchant": shapes.GLN, "code": Text(32), "name": Text(200),
    "version": Integer(1), "created_at": shapes.INSTANT, "counted_at": Nullable(shapes.INSTANT),
    "size": Nullable(Integer()),
}, closed=False))  # fmt: skip
WRITE = Route(
    "POST", _BASE, "write-segment", _WRITE, "A segment has this rule from now on", group=_GROUP, write=True,
    body=Record(
        {"merchant": shapes.GLN, "code": Text(pattern=CODE.pattern), "name": Text(200), **_RULE}, _WINDOW
    ),
    problems=(*WRITE_PROBLEMS, NotYours, MerchantUnknown, refusals.SegmentRuleRefused,
              refusals.SegmentLimitReached, refusals.CustomerValueUnknown),
    success=Success(201, "Written; counted by the job's next turn.", _SEGMENT),
)  # fmt: skip
TRY = Route(
    "POST", f"{_BASE}/dry-run", "try-segment", _READ, "How many a rule would take in now", group=_GROUP,
    body=Record({"merchant": shapes.GLN, **_RULE}, _WINDOW),
    problems=(NotYours, refusals.SegmentRuleRefused, refusals.CustomerValueUnknown),
    success=Success(200, "How many, by stage of life; nothing is kept.", Record(
        {"size": Integer(), "stages": Record({stage: Integer() for stage in STAGES})}, closed=False)),
)  # fmt: skip
LIST = Route(
    "GET", _BASE, "list-segments", _READ, "Segments, a merchant's own only", group=_GROUP, query=PAGE_QUERY,
    problems=(CursorRefused,),
    success=Success(200, "A page, by merchant and code.", paged("segments", _SEGMENT)),
)  # fmt: skip
MEMBERS = Route(
    "GET", f"{_BASE}/<segment>/members", "list-segment-members", _READ, "Who was in a segment at an instant",
    group=_GROUP, query={**PAGE_QUERY, "at": Parameter(shapes.INSTANT, "Now where absent")},
    problems=(CursorRefused, refusals.SegmentUnknown),
    success=Success(200, "A page, by number.", paged("members", Record({"number": shapes.NUMBER}))),
)  # fmt: skip
MARK = Route(
    "POST", "/v1/members/<number>/tags", "tag-member", _WRITE, "A merchant's own tag is on a member, or not",
    group=_GROUP, write=True,
    body=Record({"merchant": shapes.GLN, "tag": Text(pattern=TAG.pattern), "on": Flag()}),
    problems=(*WRITE_PROBLEMS, NotYours, MerchantUnknown, MemberUnknown),
    success=Success(200, "So it is.", Record({"tag": Text(), "on": Flag()}, closed=False)),
)  # fmt: skip
_TESTED = ("days", "customers", "purchases_expected", "purchases", "spent_expected_minor", "spent_minor",
           "missed_minor", "missed_by_same_again_minor")  # fmt: skip
VALUE = Route(
    "GET", "/v1/merchants/<gln>/value-model", "show-value-model", _READ,
    "What a merchant's purchases say of purchases to come, and how well it would have said so", group=_GROUP,
    query={"at": Parameter(shapes.INSTANT, "As of when; now where absent")},
    problems=(NotYours, refusals.CustomerValueUnknown),
    success=Success(200, "BG/NBD (often) and gamma-gamma (spend); parameters in millionths.", Record(
        {"fitted_at": shapes.INSTANT, "customers": Integer(), "came_back": Integer(),
         "often": Record({name: Integer() for name in ("r", "alpha", "a", "b")}),
         "spend": Record({name: Integer() for name in ("p", "q", "gamma")}),
         "tested": Nullable(Record({name: Integer() for name in _TESTED}))}, closed=False)),
)  # fmt: skip
ROUTES = (WRITE, TRY, LIST, MEMBERS, MARK, VALUE)


@dataclass(frozen=True, slots=True)
class SegmentsDoor:
    """The endpoints of this module over segments."""

    administration: Administration
    cursors: Cursors

    def write(self, call: Call) -> Reply:
        """The rule is written."""
        given, merchant_id = call.body.fields, _merchant(call)
        new = Written(merchant_id, given["code"], given["name"], _body(given))

        def act(conn: Connection) -> Json:
            _must_be_there(conn, merchant_id)
            if rule_of(new.body).foretells:
                valuing.newest(conn, merchant_id, call.at)
            return _segment(service.write(conn, new, call.caller.subject, call.at))

        return self.administration.write(call, act)

    def try_out(self, call: Call) -> Reply:
        """The rule is counted."""
        merchant_id, rule = _merchant(call), rule_of(_body(call.body.fields))

        def find(conn: Connection) -> Json:
            count = count_of(conn, merchant_id, rule, call.at)
            return {"size": count.size, "stages": dict(count.stages)}

        return self.administration.read(find)

    def list(self, call: Call) -> Reply:
        """A page of segments."""
        own = call.caller.merchant_id
        page = self.cursors.page(f"segments:{own}", call.query)

        def find(conn: Connection) -> Json:
            found = queries.segments(conn, own, _after(page.after), page.limit + 1)
            rows, cursor = self.cursors.cut(page, found, lambda s: f"{s['merchant_id']} {s['code']}")
            return {"segments": [_segment(row) for row in rows], "next_cursor": cursor}

        return self.administration.read(find)

    def members(self, call: Call) -> Reply:
        """A page of member numbers."""
        segment_id, asked = parse_id(call.path["segment"], "segment"), call.query.get("at")
        at = call.at if asked is None else parse_instant(asked, "query.at")
        page = self.cursors.page(f"segment-members:{segment_id.hex()}:{asked}", call.query)

        def find(conn: Connection) -> Json:
            queries.segment_of(conn, segment_id, call.caller.merchant_id)
            found = queries.members_at(conn, segment_id, at, page.after, page.limit + 1)
            rows, cursor = self.cursors.cut(page, found, str)
            return {"members": [{"number": number} for number in rows], "next_cursor": cursor}

        return self.administration.read(find)

    def mark(self, call: Call) -> Reply:
        """The tag stands, or no more."""
        given, merchant_id = call.body.fields, _merchant(call)
        number = parse_gsrn(call.path["number"], "number")

        def act(conn: Connection) -> Json:
            _must_be_there(conn, merchant_id)
            member = find_by_number(conn, number)
            if member is None:
                raise MemberUnknown
            service.set_tag(conn, (merchant_id, member.member_id), given["tag"], given["on"], call.at)
            return {"tag": given["tag"], "on": given["on"]}

        return self.administration.write(call, act, status=200)

    def value(self, call: Call) -> Reply:
        """The newest model."""
        merchant_id = parse_gln(call.path["gln"], "gln")
        require_merchant(call, merchant_id, "gln")
        at = parse_instant(call.query["at"], "query.at") if "at" in call.query else call.at

        def find(conn: Connection) -> Json:
            return _value_model(valuing.newest(conn, merchant_id, at))

        return self.administration.read(find)


def served(door: SegmentsDoor) -> list[Served]:
    """The routes of this module bound to their endpoints."""
    endpoints = (door.write, door.try_out, door.list, door.members, door.mark, door.value)
    return [Served(route, endpoint) for route, endpoint in zip(ROUTES, endpoints, strict=True)]


def _merchant(call: Call) -> int:
    merchant_id = parse_gln(call.body.fields["merchant"], "merchant")
    require_merchant(call, merchant_id, "merchant")
    return merchant_id


def _must_be_there(conn: Connection, merchant_id: int) -> None:
    if find_merchant(conn, merchant_id) is None:
        raise MerchantUnknown


def _body(given: dict[str, Any]) -> dict[str, Any]:
    return {name: given[name] for name in ("rule", *_WINDOW) if name in given}


def _segment(row: RowMapping) -> Json:
    return {
        "segment": id_text(row["segment_id"]), "merchant": gln_text(row["merchant_id"]), "code": row["code"],
        "name": row["name"], "version": row["version"], "created_at": format_instant(row["created_at"]),
        "counted_at": shown_instant(row["counted_at"]), "size": row["size"],
    }  # fmt: skip


def _value_model(row: RowMapping) -> Json:
    tested: Json | None = row["tested"] and orjson.loads(row["tested"])
    found: Json = orjson.loads(row["parameters"])
    return found | {
        "fitted_at": format_instant(row["fitted_at"]), "customers": row["customers"],
        "came_back": row["came_back"], "tested": tested,
    }  # fmt: skip


def _after(position: str | None) -> tuple[int, str] | None:
    if position is None:
        return None
    merchant_id, _, code = position.partition(" ")
    return int(merchant_id), code
