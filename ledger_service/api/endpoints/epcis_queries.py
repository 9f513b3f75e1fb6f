"""The REST binding of EPCIS 2.0, queries: events by search, id and thing, and an item's whole history."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256

from ledger_service.api.endpoints import epcis_shapes as shapes
from ledger_service.api.errors import CursorRefused, NotYours, RouteUnknown
from ledger_service.api.paging import Cursors
from ledger_service.api.routes import Call, Parameter, Reply, Route, Served, Success, scopes
from ledger_service.api.schema import Flag, Free, Listing, Record, Text
from ledger_service.db.engine import Database
from ledger_service.traceability.epcis import errors as refusals
from ledger_service.traceability.epcis import looking, queries, searching, walk
from ledger_service.traceability.epcis.documents import query_document
from ledger_service.traceability.epcis.naming import check_name
from ledger_service.traceability.epcis.searching import Search, matching, parse_search
from ledger_service.traceability.moving.seeing import may_see_thing, seen_by
from ledger_service.traceability.moving.service import wrong_of

_READ = scopes("trace:read")
_VALUES = Text(8_000)
# Beside these, numbers in a unit of measure: `GE_value_CEL`, `EQ_quantity_KGM`.
_QUERY = {
    **{name: Parameter(_VALUES, "As EPCIS 2.0 has it; several values with | between them")
       for name in searching.NAMES},
    **shapes.PAGES,
}  # fmt: skip
_SEARCHING = replace(shapes.PLAIN, forms=((re.compile(searching.IN_UNITS), _VALUES),))
_PAGE = Success(200, "A page; the next is in `Link`.", shapes.DOCUMENT)
SEARCH = Route(
    "GET", "/epcis/events", "query-events", _READ,
    "Events by search: a merchant's own, and everybody's of things named to the serial",
    group=shapes.GROUP, query=_QUERY, problems=(refusals.QueryTooLarge, CursorRefused), success=_PAGE,
    dialect=_SEARCHING,
)  # fmt: skip
SHOW = Route(
    "GET", "/epcis/events/<path:event>", "show-event", _READ, "An event, as declared wrong where it was",
    group=shapes.GROUP, problems=(refusals.EventUnknown,), dialect=shapes.PLAIN,
    success=Success(200, "A document with this one event.", shapes.DOCUMENT),
)  # fmt: skip
OF_EPC = Route(
    "GET", "/epcis/epcs/<path:epc>/events", "events-of-epc", _READ, "The events of a thing or class",
    group=shapes.GROUP, query=_QUERY, problems=(refusals.QueryTooLarge, CursorRefused), success=_PAGE,
    dialect=_SEARCHING,
)  # fmt: skip
HISTORY = Route(
    "GET", "/epcis/epcs/<path:epc>/history", "history-of-epc", _READ,
    "Where a thing came from and went to, with what it was inside, made of and became", group=shapes.GROUP,
    problems=(NotYours,), dialect=shapes.PLAIN,
    success=Success(200, "The steps by time, and what contradicts itself.", Record({
        "steps": Listing(Free("relation, subject, depth and the event."), walk.MOST_EVENTS), "cut": Flag(),
        "contradictions": Listing(Free("code, event, other.")),
    }, closed=False)),
)  # fmt: skip
# Resources whose events are a search by one parameter.
_RESOURCES = {
    "eventTypes": "eventType", "bizSteps": "EQ_bizStep", "dispositions": "EQ_disposition",
    "readPoints": "EQ_readPoint", "bizLocations": "EQ_bizLocation",
}  # fmt: skip
OF_RESOURCES = tuple(
    Route(
        "GET", f"/epcis/{resource}/<path:resource>/events", f"events-of-{resource.lower()}", _READ,
        f"The events of one of the {resource}: as `{parameter}` finds them", group=shapes.GROUP,
        query={name: told for name, told in _QUERY.items() if name != parameter},
        problems=(refusals.QueryTooLarge, CursorRefused, RouteUnknown), success=_PAGE, dialect=_SEARCHING,
    )
    for resource, parameter in _RESOURCES.items()
)  # fmt: skip
ROUTES = (SEARCH, SHOW, OF_EPC, HISTORY, *OF_RESOURCES)


@dataclass(frozen=True, slots=True)
class EpcisQueriesDoor:
    """The endpoints of queries."""

    database: Database
    cursors: Cursors

    def search(self, call: Call) -> Reply:
        """A page of events that a search finds."""
        return self.page(call, _search(call.query), "")

    def of_epc(self, call: Call) -> Reply:
        """A page of a thing's events."""
        name = check_name(call.path["epc"], "epc")
        found = _search(call.query)
        mine = matching(name, searching.MATCHES["MATCH_anyEPC"] | searching.MATCHES["MATCH_anyEPCClass"])
        return self.page(call, replace(found, matches=(mine, *found.matches)), name)

    def of_resource(self, parameter: str) -> Callable[[Call], Reply]:
        """The endpoint of pages of events that have the path's value in this parameter."""

        def page(call: Call) -> Reply:
            value = call.path["resource"]
            return self.page(call, _search({**call.query, parameter: value}), f"{parameter}={value}")

        return page

    def show(self, call: Call) -> Reply:
        """One event."""
        with self.database.read() as conn:
            body = queries.find_event(conn, call.path["event"], call.caller.merchant_id)
        return Reply(query_document([body], call.at))

    def history(self, call: Call) -> Reply:
        """Everything about an item; of a whole class only for those who see every merchant's events."""
        name = check_name(call.path["epc"], "epc")
        own = call.caller.merchant_id
        with self.database.snapshot() as conn:
            if own is not None and not may_see_thing(conn, name, own):
                raise NotYours("epc")
            found = walk.history_of(conn, [name])
            wrong = wrong_of(conn, name)
            pairs = [(w.event_seq, w.event_seq if w.other_seq is None else w.other_seq) for w in wrong]
            ids = queries.ids_of(conn, [number for pair in pairs for number in pair])
        steps = [
            {"relation": step.relation, "subject": step.subject, "depth": step.depth, "event": step.event}
            for step in found.steps
        ]
        marks = [
            {"code": w.code, "event": ids[event], "other": ids[other]}
            for w, (event, other) in zip(wrong, pairs, strict=True)
        ]
        return Reply({"steps": steps, "cut": found.cut, "contradictions": marks})

    def page(self, call: Call, search: Search, of: str, name: str = "SimpleEventQuery") -> Reply:
        """A page of what a search finds that the caller may see.

        Args:
            call: the request, whose query tells the page.
            search: what is asked.
            of: what beside the query's parameters makes this list another one.
            name: of the query, for the document.
        """
        size = shapes.page_size(call.query)
        pages = shapes.Pages(self.cursors, _listing(call.query, of), call)
        told, _, after = (pages.after() or "0").partition(" ")
        left = size if search.most is None else min(size, search.most - int(told))
        with self.database.read() as conn:
            asked = seen_by(conn, search, call.caller.merchant_id)
            found = looking.page_of(conn, asked, after or None, left)
        count = int(told) + len(found.bodies)
        # Of a query that wants so many in all no page leads beyond them.
        over = found.behind is None or (search.most is not None and count >= search.most)
        headers = () if over else pages.behind(f"{count} {found.behind}")
        return Reply(query_document(found.bodies, call.at, name), headers=headers)


def served(door: EpcisQueriesDoor) -> list[Served]:
    """The routes of this module bound to their endpoints."""
    of_resources = (door.of_resource(parameter) for parameter in _RESOURCES.values())
    endpoints = (door.search, door.show, door.of_epc, door.history, *of_resources)
    return [Served(route, endpoint) for route, endpoint in zip(ROUTES, endpoints, strict=True)]


def _search(query: Mapping[str, str]) -> Search:
    searching.check_limit(query)
    return parse_search(query)


def _listing(query: Mapping[str, str], of: str) -> str:
    """The name of a list: another search's pages go on somewhere else."""
    asked = sorted(item for item in query.items() if item[0] not in (shapes.TOKEN, "perPage"))
    return f"epcis:{sha256(repr((of, asked)).encode()).hexdigest()}"
