"""What a rule refused a member, its appeal, and the answer of a person."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import Connection, Row

from ledger_service.api import shapes
from ledger_service.api.administration import Administration, Json
from ledger_service.api.endpoints import risk_shapes as risks
from ledger_service.api.endpoints.devices import WRITE_PROBLEMS, member_of_call, number_of_call
from ledger_service.api.endpoints.risk import decision_document, position_before, position_of
from ledger_service.api.errors import CursorRefused, NotYours
from ledger_service.api.paging import PAGE_QUERY, Cursors, paged
from ledger_service.api.routes import Call, Reply, Route, Served, Success, scopes
from ledger_service.api.schema import Integer, Nullable, Record, Text
from ledger_service.kernel.clock import format_instant, micros_of
from ledger_service.kernel.gs1 import gln_text
from ledger_service.kernel.ids import id_text, parse_id
from ledger_service.kernel.text import clean_text
from ledger_service.members.devices import lock_member
from ledger_service.members.errors import MemberUnknown
from ledger_service.members.households.errors import HouseholdAccount
from ledger_service.risk import appeals, queries
from ledger_service.risk import errors as refusals
from ledger_service.risk.reasons import reason_of_stored

_GROUP = "Risk"
_STATES = ("open", *appeals.ANSWERS)
_SPENDS = {"spend", "gift"}
_APPEAL = Record(
    {"state": Text(one_of=_STATES), "said": Text(500), "until": shapes.INSTANT, "words": Nullable(Text(500))},
    closed=False,
)  # fmt: skip
_REFUSAL = Record(
    {"decision": shapes.HEX_ID, "at": shapes.INSTANT, "merchant": Nullable(shapes.GLN),
     "outcome": Text(one_of=("hold", "refuse")), "reason": risks.REASON,
     "amount_minor": Nullable(Integer(about="What points were to pay, in minor units")),
     "appeal": Nullable(_APPEAL)},
    closed=False,
)  # fmt: skip
_WAITING = Record(
    {"decision": shapes.HEX_ID, "member": shapes.NUMBER, "said": Text(500), "until": shapes.INSTANT},
    closed=False,
)  # fmt: skip
_DONE = Record({"state": Text(one_of=_STATES)}, closed=False)
OF_MEMBER = Route(
    "GET", "/v1/members/<number>/refusals", "list-refusals", scopes("member:read", "self:read"),
    "What rules refused the member, where nothing was booked, newest first", group=_GROUP, query=PAGE_QUERY,
    problems=(MemberUnknown, NotYours, CursorRefused),
    success=Success(200, "A page; each with its appeal.", paged("refusals", _REFUSAL)),
)  # fmt: skip
APPEAL = Route(
    "POST", "/v1/members/<number>/refusals/<decision>/appeal", "appeal-refusal",
    scopes("self:write", "member:write"), "Say why a refusal was wrong; a person answers within 14 days",
    group=_GROUP, write=True, body=risks.APPEAL,
    problems=(*WRITE_PROBLEMS, MemberUnknown, HouseholdAccount, NotYours, refusals.RefusalUnknown,
              refusals.AppealDecided),
    success=Success(200, "It waits for a person.", _DONE),
)  # fmt: skip
LIST = Route(
    "GET", "/v1/risk/appeals", "list-appeals", scopes("member:write"), "Appeals that wait for an answer",
    group=_GROUP, query=PAGE_QUERY, problems=(CursorRefused,),
    success=Success(200, "A page, the soonest deadline first.", paged("appeals", _WAITING)),
)  # fmt: skip
SHOW = Route(
    "GET", "/v1/risk/appeals/<decision>", "show-appeal", scopes("member:write"),
    "An appeal and the decision with its full reasons", group=_GROUP, problems=(refusals.AppealUnknown,),
    success=Success(200, "The appeal.", Record(
        {"member": shapes.NUMBER, "appeal": _APPEAL, "decision": Nullable(risks.DECISION)},
        closed=False)),
)  # fmt: skip
ANSWER = Route(
    "POST", "/v1/risk/appeals/<decision>/answer", "answer-appeal", scopes("member:write"),
    "Tell the member that the refusal stands, or that it was wrong", group=_GROUP, write=True,
    body=Record({"answer": Text(one_of=appeals.ANSWERS), "words": Text(500, about="What the member reads")}),
    problems=(*WRITE_PROBLEMS, refusals.AppealUnknown, refusals.AppealDecided),
    success=Success(200, "The member reads it.", _DONE),
)  # fmt: skip
ROUTES = (OF_MEMBER, APPEAL, LIST, SHOW, ANSWER)


@dataclass(frozen=True, slots=True)
class AppealsDoor:
    """The endpoints of this module over the risk room."""

    administration: Administration
    cursors: Cursors

    def of_member(self, call: Call) -> Reply:
        """A page of what was refused."""

        def find(conn: Connection) -> Json:
            member_id = member_of_call(conn, call).member_id
            page = self.cursors.page(f"refusals-of:{member_id}", call.query)
            found = appeals.refusals_of(conn, member_id, position_before(page.after), page.limit + 1)
            rows, cursor = self.cursors.cut(page, found, position_of)
            return {"refusals": [_refusal(row) for row in rows], "next_cursor": cursor}

        return self.administration.read(find)

    def appeal(self, call: Call) -> Reply:
        """The member's word stands."""
        decision_id, said = _decision(call), _words(call, "reason")

        def act(conn: Connection) -> Json:
            row = lock_member(conn, number_of_call(conn, call), frozen_too=True)
            appeals.appeal(conn, decision_id, row["member_id"], said)
            return {"state": "open"}

        return self.administration.write(call, act, status=200)

    def list(self, call: Call) -> Reply:
        """A page of what waits."""
        page = self.cursors.page("risk-appeals", call.query)

        def find(conn: Connection) -> Json:
            found = appeals.waiting(conn, position_before(page.after), page.limit + 1)
            rows, cursor = self.cursors.cut(page, found, _place)
            return {"appeals": [_waiting(row) for row in rows], "next_cursor": cursor}

        return self.administration.read(find)

    def show(self, call: Call) -> Reply:
        """One appeal."""
        decision_id = _decision(call)

        def find(conn: Connection) -> Json:
            row = appeals.find(conn, decision_id)
            if row is None:
                raise refusals.AppealUnknown
            decided = queries.decision(conn, decision_id)
            why = None if decided is None else decision_document(decided, None)
            return {"member": row.member_number, "appeal": _appeal(row), "decision": why}

        return self.administration.read(find)

    def answer(self, call: Call) -> Reply:
        """The desk's word stands beside it."""
        decision_id, verdict, words = _decision(call), call.body.fields["answer"], _words(call, "words")

        def act(conn: Connection) -> Json:
            appeals.answer(conn, decision_id, verdict, words)
            return {"state": verdict}

        return self.administration.write(call, act, status=200)


def served(door: AppealsDoor) -> list[Served]:
    """The routes of this module bound to their endpoints."""
    endpoints = (door.of_member, door.appeal, door.list, door.show, door.answer)
    return [Served(route, endpoint) for route, endpoint in zip(ROUTES, endpoints, strict=True)]


def _decision(call: Call) -> bytes:
    return parse_id(call.path["decision"], "decision")


def _words(call: Call, field: str) -> appeals.Words:
    return appeals.Words(call.caller.subject, clean_text(call.body.fields[field], field, 500), call.at)


def _place(row: Row[Any]) -> str:
    return f"{micros_of(row.until)}:{row.decision_id.hex()}"


def _waiting(row: Row[Any]) -> Json:
    return {"decision": id_text(row.decision_id), "member": row.member_number, "said": row.said,
            "until": format_instant(row.until)}  # fmt: skip


def _appeal(row: Row[Any]) -> Json:
    return {"state": row.answer or "open", "said": row.said, "until": format_instant(row.until),
            "words": row.words}  # fmt: skip


def _refusal(row: Row[Any]) -> Json:
    facts = orjson.loads(row.facts)
    return {
        "decision": id_text(row.decision_id),
        "at": format_instant(row.decided_at),
        "merchant": gln_text(row.merchant_id) if row.merchant_id else None,
        "outcome": row.outcome,
        "reason": reason_of_stored(orjson.loads(row.hits), spends=bool(_SPENDS & set(facts["acts"]))),
        "amount_minor": facts.get("spend"),
        "appeal": None if row.said is None else _appeal(row),
    }
