"""The REST binding of EPCIS 2.0, named queries: defined, listed, asked for their events, deleted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from ledger_service.api.administration import Administration, Json
from ledger_service.api.dialects import Dialect
from ledger_service.api.endpoints import epcis_shapes as shapes
from ledger_service.api.endpoints.epcis_queries import EpcisQueriesDoor
from ledger_service.api.endpoints.epcis_wants import unmet
from ledger_service.api.errors import CursorRefused
from ledger_service.api.paging import Cursors
from ledger_service.api.routes import Call, Reply, Route, Served, Success, scopes
from ledger_service.api.schema import Free, Listing, Named, Record, Text
from ledger_service.traceability.epcis.errors import QueryTooLarge
from ledger_service.traceability.standing import errors as refusals
from ledger_service.traceability.standing import queries, service
from ledger_service.traceability.standing.rules import MOST_QUERIES, NAME

SCOPES = scopes("trace:read")
BASE = "/epcis/queries"
ONE = f"{BASE}/<query_name>"
QUERY = Named("EpcisQuery", Record({
    "name": Text(pattern=NAME), "query": Free("Parameters of `GET /epcis/events`, several values as a list."),
}, closed=False))  # fmt: skip
DEFINE = Route(
    "POST", BASE, "define-query", SCOPES, "Define a named query; it is never changed", group=shapes.GROUP,
    body=Free("`name` and `query`, the parameters of `GET /epcis/events`."), room_checks=True,
    problems=(refusals.QueryNameTaken, refusals.QueryLimitReached),
    success=Success(201, "It stands at `Location`.", QUERY), dialect=Dialect(
        media_types=shapes.LINKED_JSON, told=shapes.TOLD, problem_types=shapes.OF_DEFINITION, unmet=unmet),
)  # fmt: skip
LIST = Route(
    "GET", BASE, "list-queries", SCOPES, "The caller's named queries", group=shapes.GROUP,
    query=shapes.PAGES, problems=(CursorRefused,), dialect=shapes.OF_NAMES,
    success=Success(200, "A page by name; the next is in `Link`.", Listing(QUERY, MOST_QUERIES)),
)  # fmt: skip
SHOW = Route(
    "GET", ONE, "show-query", SCOPES, "A named query as it was defined", group=shapes.GROUP,
    problems=(refusals.QueryUnknown,), success=Success(200, "The query.", QUERY), dialect=shapes.OF_NAMES,
)  # fmt: skip
REMOVE = Route(
    "DELETE", ONE, "delete-query", SCOPES, "Delete a named query and its subscriptions", group=shapes.GROUP,
    problems=(refusals.QueryUnknown,), success=Success(204, "It is gone.", media_types=()),
    dialect=shapes.OF_NAMES,
)  # fmt: skip
EVENTS = Route(
    "GET", f"{ONE}/events", "events-of-query", SCOPES, "What a named query finds now", group=shapes.GROUP,
    query=shapes.PAGES, problems=(refusals.QueryUnknown, QueryTooLarge, CursorRefused),
    success=Success(200, "A page; the next is in `Link`.", shapes.DOCUMENT), dialect=shapes.OF_NAMES,
)  # fmt: skip
ROUTES = (DEFINE, LIST, SHOW, REMOVE, EVENTS)


@dataclass(frozen=True, slots=True)
class StandingQueriesDoor:
    """The endpoints of this module; ``asking`` answers the pages of events."""

    administration: Administration
    cursors: Cursors
    asking: EpcisQueriesDoor

    def define(self, call: Call) -> Reply:
        """The query stands."""
        fields, caller = call.body.fields, call.caller
        holder = service.Holder(caller.subject, caller.merchant_id)
        made: list[dict[str, Any]] = []

        def act(conn: Connection) -> Json:
            name = service.define(conn, holder, fields.get("name"), fields.get("query"), call.at)
            made[:] = [queries.find_query(conn, holder.subject, name).view()]
            return {}

        self.administration.apply(act)
        return Reply(made[0], 201, headers=(("Location", f"{BASE}/{made[0]['name']}"),))

    def list(self, call: Call) -> Reply:
        """A page of the caller's queries."""
        subject, size = call.caller.subject, shapes.page_size(call.query)
        pages = shapes.Pages(self.cursors, f"epcis-queries:{subject}", call)
        with self.asking.database.read() as conn:
            found = queries.queries_after(conn, subject, pages.after(), size + 1)
        headers = pages.following(found, size, lambda one: one.name)
        return Reply(shapes.dumped([one.view() for one in found[:size]]), headers=headers)

    def show(self, call: Call) -> Reply:
        """One query."""
        return Reply(self._find(call).view())

    def remove(self, call: Call) -> Reply:
        """The query is gone."""
        caller, name = call.caller, call.path["query_name"]

        def act(conn: Connection) -> Json:
            service.remove(conn, service.Holder(caller.subject, caller.merchant_id), name)
            return {}

        self.administration.apply(act)
        return Reply(b"", 204)

    def events(self, call: Call) -> Reply:
        """A page of what the query finds."""
        found = self._find(call)
        return self.asking.page(call, found.search, f"query:{call.caller.subject}:{found.name}", found.name)

    def _find(self, call: Call) -> queries.NamedQuery:
        with self.asking.database.read() as conn:
            return queries.find_query(conn, call.caller.subject, call.path["query_name"])


def served(door: StandingQueriesDoor) -> list[Served]:
    """The routes of this module bound to their endpoints."""
    endpoints = (door.define, door.list, door.show, door.remove, door.events)
    return [Served(route, endpoint) for route, endpoint in zip(ROUTES, endpoints, strict=True)]
