"""Adjustments as a list, and their limits: proposed by one person, in force by another's word (D18)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from ledger_service.api import shapes
from ledger_service.api.administration import Administration, Json
from ledger_service.api.endpoints.devices import WRITE_PROBLEMS
from ledger_service.api.errors import NotYours
from ledger_service.api.paging import MOST_ROWS, PAGE_QUERY, Cursors
from ledger_service.api.routes import Call, Parameter, Reply, Route, Served, Success, scopes
from ledger_service.api.schema import Flag, Integer, Listing, Named, Nullable, Record, Text
from ledger_service.kernel.clock import format_instant, instant_of_micros, micros_of
from ledger_service.kernel.gs1 import gln_text, parse_gln
from ledger_service.kernel.ids import id_text, parse_id
from ledger_service.members.models import member
from ledger_service.merchants.errors import MerchantUnknown
from ledger_service.points import errors as refusals
from ledger_service.points.catalogue import CatalogueCache
from ledger_service.points.limits import service
from ledger_service.points.limits.rules import EVERYBODY
from ledger_service.points.limits.service import Proposal
from ledger_service.points.models import adjustment

_GROUP = "Gifts and adjustments"
_LIMITS = {
    "per_case": shapes.POINTS, "per_agent_day": shapes.POINTS, "per_member_month": shapes.POINTS,
    "per_funder_day": shapes.POINTS,
}  # fmt: skip
_WRITERS = scopes("member:write", "store:write")
_LIMIT = Record({
    "limit": shapes.HEX_ID, "funder": Nullable(shapes.GLN), **_LIMITS, "state": Text(), "proposed_by": Text(),
    "proposed_at": shapes.INSTANT, "decided_by": Nullable(Text()), "decided_at": Nullable(shapes.INSTANT),
}, closed=False)  # fmt: skip
_ADJUSTMENT = Record({
    "adjustment": shapes.HEX_ID, "member": Nullable(shapes.NUMBER), "programme": shapes.PROGRAMME,
    "points": shapes.POINTS, "reason": Text(), "note": Text(500), "funder": shapes.GLN, "state": Text(),
    "requested_by": Text(), "requested_at": shapes.INSTANT, "decided_by": Nullable(Text()),
    "claim": Nullable(shapes.HEX_ID),
}, closed=False)  # fmt: skip
PROPOSE = Route(
    "POST", "/v1/adjustment-limits", "propose-adjustment-limits", _WRITERS,
    "Propose limits of a funder's adjustments, or of everybody's", group=_GROUP, write=True,
    body=Named("NewAdjustmentLimits", Record(
        {"funder": Nullable(shapes.GLN), **dict.fromkeys(_LIMITS, Integer(0, 10**12))},
        about="`funder` null for every funder, which only an operator may propose; the tighter limit counts",
    )),
    problems=(*WRITE_PROBLEMS, NotYours, MerchantUnknown),
    success=Success(201, "They wait for a second person.", shapes.answer(
        "AdjustmentLimits", limit=shapes.HEX_ID, state=Text())),
)  # fmt: skip
DECIDE = Route(
    "POST", "/v1/adjustment-limits/<limit>/decision", "decide-adjustment-limits", _WRITERS,
    "Put limits in force that another person proposed, or decline them", group=_GROUP, write=True,
    body=Record({"approve": Flag()}),
    problems=(*WRITE_PROBLEMS, NotYours, refusals.AdjustmentUnknown, refusals.AdjustmentDecided,
              refusals.SecondPersonNeeded),
    success=Success(200, "Decided.", Record({"state": Text()}, closed=False)),
)  # fmt: skip
LIMITS = Route(
    "GET", "/v1/adjustment-limits", "list-adjustment-limits", scopes("audit:read", "store:write"),
    "Limits of adjustments, proposed, in force and past", group=_GROUP, query=PAGE_QUERY,
    success=Success(200, "A page; a merchant sees its own and everybody's.", shapes.answer(
        "AdjustmentLimitsPage", limits=Listing(_LIMIT, MOST_ROWS), next_cursor=Nullable(Text(200)))),
)  # fmt: skip
LIST = Route(
    "GET", "/v1/adjustments", "list-adjustments", scopes("audit:read", "store:write"),
    "Adjustments, newest first", group=_GROUP,
    query={**PAGE_QUERY, "state": Parameter(Text(one_of=("asked", "approved", "declined")), "Only these")},
    success=Success(200, "A page; a merchant sees those that it funds.", shapes.answer(
        "AdjustmentsPage", adjustments=Listing(_ADJUSTMENT, MOST_ROWS), next_cursor=Nullable(Text(200)))),
)  # fmt: skip
ROUTES = (PROPOSE, DECIDE, LIMITS, LIST)


@dataclass(frozen=True, slots=True)
class AdjustmentsDoor:
    """The endpoints of this module over the points room."""

    administration: Administration
    cursors: Cursors
    catalogue: CatalogueCache

    def propose(self, call: Call) -> Reply:
        """The limits wait for a second person."""
        given = call.body.fields
        funder = EVERYBODY if given["funder"] is None else parse_gln(given["funder"], "funder")
        _require_funder(call, funder)
        limits = {name: given[name] for name in _LIMITS}
        proposal = Proposal(funder, **limits, by=call.caller.subject, key=call.key, at=call.at)

        def act(conn: Connection) -> Json:
            return {"limit": id_text(service.propose(conn, proposal)), "state": "proposed"}

        return self.administration.write(call, act)

    def decide(self, call: Call) -> Reply:
        """The limits are in force, or declined."""
        limit_id, approve = parse_id(call.path["limit"], "limit"), call.body.fields["approve"]

        def act(conn: Connection) -> Json:
            found = service.find(conn, limit_id)
            if found is not None:
                _require_funder(call, found["funder"])
            return {"state": service.decide(conn, limit_id, approve, (call.caller.subject, call.at))}

        return self.administration.write(call, act, status=200)

    def limits(self, call: Call) -> Reply:
        """A page of limits."""
        own = call.caller.merchant_id
        page = self.cursors.page(f"adjustment-limits:{own}", call.query)
        after = None if page.after is None else bytes.fromhex(page.after)

        def find(conn: Connection) -> Json:
            found = service.listed(conn, own, after, page.limit + 1)
            rows, cursor = self.cursors.cut(page, found, lambda row: row["limit_id"].hex())
            return {"limits": [_limit(row) for row in rows], "next_cursor": cursor}

        return self.administration.read(find)

    def list(self, call: Call) -> Reply:
        """A page of adjustments."""
        own, state = call.caller.merchant_id, call.query.get("state")
        page = self.cursors.page(f"adjustments:{own}:{state}", call.query)
        codes = {p: programme.code for p, programme in self.catalogue.refresh().programmes.items()}

        def find(conn: Connection) -> Json:
            found = _found(conn, (own, state), page.after, page.limit + 1)
            rows, cursor = self.cursors.cut(page, found, _position)
            return {"adjustments": [_document(row, codes) for row in rows], "next_cursor": cursor}

        return self.administration.read(find)


def served(door: AdjustmentsDoor) -> list[Served]:
    """The routes of this module bound to their endpoints."""
    endpoints = (door.propose, door.decide, door.limits, door.list)
    return [Served(route, endpoint) for route, endpoint in zip(ROUTES, endpoints, strict=True)]


def _require_funder(call: Call, funder: int) -> None:
    own = call.caller.merchant_id
    if own is not None and own != funder:
        raise NotYours("funder")


def _found(
    conn: Connection, wanted: tuple[int | None, str | None], after: str | None, most: int
) -> list[Mapping[str, Any]]:
    own, state = wanted
    a = adjustment.c
    joined = adjustment.join(member, member.c.member_id == a.member_id)
    chosen = select(adjustment, member.c.member_number).select_from(joined)
    if own is not None:
        chosen = chosen.where(a.funder_merchant_id == own)
    if state is not None:
        chosen = chosen.where(a.state == state)
    if after is not None:
        micros, _, last = after.partition(" ")
        at, last_id = instant_of_micros(int(micros)), bytes.fromhex(last)
        chosen = chosen.where((a.requested_at < at) | ((a.requested_at == at) & (a.adjustment_id < last_id)))
    ordered = chosen.order_by(a.requested_at.desc(), a.adjustment_id.desc())
    return [dict(row) for row in conn.execute(ordered.limit(most)).mappings()]


def _position(row: Mapping[str, Any]) -> str:
    return f"{micros_of(row['requested_at'])} {row['adjustment_id'].hex()}"


def _document(row: Mapping[str, Any], codes: Mapping[int, str]) -> Json:
    return {
        "adjustment": id_text(row["adjustment_id"]),
        "member": row["member_number"],
        "programme": codes[row["programme_id"]],
        "points": row["points"],
        "reason": row["reason"],
        "note": row["note"],
        "funder": gln_text(row["funder_merchant_id"]),
        "state": row["state"],
        "requested_by": row["requested_by"],
        "requested_at": format_instant(row["requested_at"]),
        "decided_by": row["decided_by"],
        "claim": None if row["claim_id"] is None else id_text(row["claim_id"]),
    }


def _limit(row: Mapping[str, Any]) -> Json:
    return {
        "limit": id_text(row["limit_id"]),
        "funder": None if row["funder"] == EVERYBODY else gln_text(row["funder"]),
        **{name: row[name] for name in _LIMITS},
        "state": row["state"],
        "proposed_by": row["proposed_by"],
        "proposed_at": format_instant(row["proposed_at"]),
        "decided_by": row["decided_by"],
        "decided_at": None if row["decided_at"] is None else format_instant(row["decided_at"]),
    }
