"""What the chain refused, and putting it to the chain again: one operator asks, another decides."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, RowMapping

from ledger_service.api import shapes
from ledger_service.api.administration import Administration, Json
from ledger_service.api.endpoints.checkout import reply_of
from ledger_service.api.endpoints.devices import WRITE_PROBLEMS
from ledger_service.api.paging import PAGE_QUERY, Cursors, paged
from ledger_service.api.routes import Call, Reply, Route, Served, Success, scopes
from ledger_service.api.schema import Flag, Integer, Listing, Named, Nullable, Record, Schema, Text
from ledger_service.kernel.clock import format_instant
from ledger_service.kernel.ids import id_text, parse_id
from ledger_service.kernel.operations import Kind
from ledger_service.kernel.text import clean_text
from ledger_service.outbox import queries as outbox
from ledger_service.points.errors import SecondPersonNeeded
from ledger_service.points.retries import errors as refusals
from ledger_service.points.retries.command import AskRetry, RetryDecision
from ledger_service.points.retries.queries import Hope, history, hopes
from ledger_service.points.retries.rules import Hopeless
from ledger_service.points.retries.service import RetryDesk

_GROUP = "Chain"
_ASKED_FIELDS: dict[str, Schema] = {"retry": shapes.HEX_ID, "note": Text(500), "requested_by": Text(),
                 "requested_at": shapes.INSTANT}  # fmt: skip
_ASKED = Record(_ASKED_FIELDS, closed=False)
_ASIDE_FIELDS: dict[str, Schema] = {
    "operation": shapes.HEX_ID, "kind": Text(), "reason": Nullable(Text(1000)),
    "hopeless": Nullable(Text(one_of=tuple(why.value for why in Hopeless),
                              about="Why it cannot be tried again; null where it may pass")),
    "tries": Integer(0, about="How often it was tried again"), "asked": Nullable(_ASKED),
}  # fmt: skip
_ASIDE = Record(_ASIDE_FIELDS, closed=False)
LIST = Route(
    "GET", "/v1/chain/set-aside", "list-set-aside", scopes("audit:read", "operate"),
    "Operations that the chain refuses, and whether they may be tried again", group=_GROUP, query=PAGE_QUERY,
    success=Success(200, "A page, oldest first.", paged("set_aside", _ASIDE)),
)  # fmt: skip
ONE = Route(
    "GET", "/v1/chain/set-aside/<operation>", "show-set-aside", scopes("audit:read", "operate"),
    "One of them, with every request to try it again", group=_GROUP, problems=(refusals.NotSetAside,),
    success=Success(200, "As in the list; `retries` newest first.", Record(
        {**_ASIDE_FIELDS, "retries": Listing(Record({
            **_ASKED_FIELDS, "state": Text(one_of=("asked", "approved", "declined")),
            "decided_by": Nullable(Text()), "decided_at": Nullable(shapes.INSTANT)}, closed=False))},
        closed=False)),
)  # fmt: skip
ASK = Route(
    "POST", "/v1/chain/set-aside/<operation>/retries", "ask-retry", scopes("operate"),
    "Ask that a refused operation be put to the chain again", group=_GROUP, write=True,
    body=Named("NewRetry", Record({"note": Text(500, 1, about="What was mended since it was refused")})),
    problems=(*WRITE_PROBLEMS, refusals.NotSetAside, refusals.RetryHopeless, refusals.RetryAsked),
    success=Success(201, "It waits for a second operator.", shapes.answer("Retry", retry=shapes.HEX_ID)),
)  # fmt: skip
DECIDE = Route(
    "POST", "/v1/chain/set-aside/<operation>/retries/<retry>/decision", "decide-retry", scopes("operate"),
    "Put the operation to the chain again, or leave it set aside", group=_GROUP, write=True,
    body=Record({"approve": Flag()}),
    problems=(*WRITE_PROBLEMS, refusals.RetryUnknown, refusals.RetryDecided, SecondPersonNeeded,
              refusals.NotSetAside, refusals.RetryHopeless),
    success=Success(200, "Decided. An approved one is in the queue with the same id; what becomes of it there"
                    " tells its proof, or this list if it is refused again.",
                    Record({"state": Text(one_of=("approved", "declined"))}, closed=False)),
)  # fmt: skip
ROUTES = (LIST, ONE, ASK, DECIDE)


@dataclass(frozen=True, slots=True)
class RetriesDoor:
    """The endpoints of this module over outbox and points."""

    administration: Administration
    cursors: Cursors
    desk: RetryDesk

    def list(self, call: Call) -> Reply:
        """What was set aside, with the reasons (D7) and what may be done."""
        page = self.cursors.page("set-aside", call.query)

        def find(conn: Connection) -> Json:
            found = outbox.set_aside(conn, page.after_number or 0, page.limit + 1)
            rows, cursor = self.cursors.cut(page, found, lambda one: one.intent_id)
            known = hopes(conn, [one.op_id for one in rows], call.at)
            told = [_aside(one, known.get(one.op_id)) for one in rows]
            return {"set_aside": told, "next_cursor": cursor}

        return self.administration.read(find)

    def one(self, call: Call) -> Reply:
        """One of them with the history of its retries."""
        operation = parse_id(call.path["operation"], "operation")

        def find(conn: Connection) -> Json:
            found = outbox.set_aside_one(conn, operation)
            if found is None:
                raise refusals.NotSetAside(id_text(operation))
            hope = hopes(conn, [operation], call.at).get(operation)
            return {**_aside(found, hope), "retries": [_request(row) for row in history(conn, operation)]}

        return self.administration.read(find)

    def ask(self, call: Call) -> Reply:
        """The retry waits for a second person."""
        operation = parse_id(call.path["operation"], "operation")
        note = clean_text(call.body.fields["note"], "note", 500)
        asked = AskRetry(operation, note, call.caller.subject, call.key, call.at)
        keyed = self.administration.keyed(call, 201, lambda retry_id: {"retry": id_text(retry_id)})
        return reply_of(self.desk.ask(asked, keyed))

    def decide(self, call: Call) -> Reply:
        """The operation is in the queue again, or stays where it is."""
        operation, retry = (parse_id(call.path[name], name) for name in ("operation", "retry"))
        approve = call.body.fields["approve"]
        decision = RetryDecision(operation, retry, call.caller.subject, approve, call.at)
        keyed = self.administration.keyed(call, 200, lambda state: {"state": state})
        return reply_of(self.desk.decide(decision, keyed))


def _aside(one: outbox.SetAside, hope: Hope | None) -> Json:
    why, asked, tries = (None, None, 0) if hope is None else hope
    return {
        "operation": one.op_id.hex(), "kind": Kind(one.kind).name.lower(), "reason": one.reason,
        "hopeless": None if why is None else why.value, "tries": tries,
        "asked": None if asked is None else _asked(asked),
    }  # fmt: skip


def _asked(row: RowMapping) -> Json:
    return {
        "retry": id_text(row["retry_id"]), "note": row["note"], "requested_by": row["requested_by"],
        "requested_at": format_instant(row["requested_at"]),
    }  # fmt: skip


def _request(row: RowMapping) -> Json:
    at = row["decided_at"]
    decided = {"decided_by": row["decided_by"], "decided_at": None if at is None else format_instant(at)}
    return {**_asked(row), "state": row["state"], **decided}


def served(door: RetriesDoor) -> list[Served]:
    """The routes of this module bound to their endpoints."""
    endpoints = (door.list, door.one, door.ask, door.decide)
    return [Served(route, endpoint) for route, endpoint in zip(ROUTES, endpoints, strict=True)]
