"""Cases of items: what scans found, who looks into it, how it ended."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection, RowMapping

from ledger_service.api import shapes
from ledger_service.api.administration import Administration, Json
from ledger_service.api.endpoints.devices import WRITE_PROBLEMS
from ledger_service.api.paging import MOST_ROWS, PAGE_QUERY, Cursors
from ledger_service.api.routes import Call, Parameter, Reply, Route, Served, Success, scopes
from ledger_service.api.schema import Integer, Listing, Nullable, Record, Schema, Text
from ledger_service.kernel.clock import format_instant
from ledger_service.kernel.ids import id_text, parse_id
from ledger_service.kernel.text import clean_text
from ledger_service.traceability.cases import service
from ledger_service.traceability.cases.errors import ItemCaseClosed, ItemCaseUnknown
from ledger_service.traceability.cases.rules import CLOSURES, KINDS, MOST_EVENTS, STATES
from ledger_service.traceability.cases.service import Said

_GROUP = "Item cases"
_FIELDS: dict[str, Schema] = {
    "case": shapes.HEX_ID, "kind": Text(one_of=KINDS), "subject": Text(20), "gtin": Nullable(Text(14)),
    "state": Text(one_of=STATES), "assigned_to": Nullable(Text(100)), "closure": Nullable(Text(12)),
    "seen": Integer(1), "opened_at": shapes.INSTANT, "last_at": shapes.INSTANT,
}  # fmt: skip
_EVENT = Record({"kind": Text(), "by": Text(), "said": Text(500, 0), "at": shapes.INSTANT}, closed=False)
_PROBLEMS = (*WRITE_PROBLEMS, ItemCaseUnknown, ItemCaseClosed)
_SAID = Text(500, about="Evidence, or why")
_STATE = Success(200, "Done.", Record({"state": Text(one_of=STATES)}, closed=False))
LIST = Route(
    "GET", "/v1/item-cases", "list-item-cases", scopes("trace:read"), "Cases of items", group=_GROUP,
    query={**PAGE_QUERY, "state": Parameter(Text(one_of=STATES), "Only these")},
    success=Success(200, "A page, by id; a merchant sees its own products'.", shapes.answer(
        "ItemCases", cases=Listing(Record(_FIELDS, closed=False), MOST_ROWS),
        next_cursor=Nullable(Text(200)))),
)  # fmt: skip
SHOW = Route(
    "GET", "/v1/item-cases/<case>", "show-item-case", scopes("trace:read"), "A case with its evidence",
    group=_GROUP, problems=(ItemCaseUnknown,),
    success=Success(200, "The case.", shapes.answer(
        "ItemCase", **_FIELDS, events=Listing(_EVENT, MOST_EVENTS))),
)  # fmt: skip
ASSIGN = Route(
    "POST", "/v1/item-cases/<case>/assignment", "assign-item-case", scopes("trace:write"),
    "Say who looks into a case", group=_GROUP, write=True, problems=_PROBLEMS, success=_STATE,
    body=Record({"to": Text(100), "said": _SAID}),
)  # fmt: skip
NOTE = Route(
    "POST", "/v1/item-cases/<case>/notes", "note-item-case", scopes("trace:write"),
    "Put evidence into a case", group=_GROUP, write=True, problems=_PROBLEMS, success=_STATE,
    body=Record({"said": _SAID}),
)  # fmt: skip
CLOSE = Route(
    "POST", "/v1/item-cases/<case>/closure", "close-item-case", scopes("trace:write"),
    "Say how a case ended", group=_GROUP, write=True, problems=_PROBLEMS, success=_STATE,
    body=Record({"closure": Text(one_of=CLOSURES), "said": _SAID}),
)  # fmt: skip
ROUTES = (LIST, SHOW, ASSIGN, NOTE, CLOSE)


@dataclass(frozen=True, slots=True)
class ItemCasesDoor:
    """The endpoints of this module over the cases of items."""

    administration: Administration
    cursors: Cursors

    def list(self, call: Call) -> Reply:
        """A page of cases."""
        own, state = call.caller.merchant_id, call.query.get("state")
        page = self.cursors.page(f"item-cases:{own}:{state}", call.query)
        after = None if page.after is None else bytes.fromhex(page.after)

        def find(conn: Connection) -> Json:
            found = service.cases_of(conn, own, state, after, page.limit + 1)
            rows, cursor = self.cursors.cut(page, found, lambda row: row["case_id"].hex())
            return {"cases": [_document(row) for row in rows], "next_cursor": cursor}

        return self.administration.read(find)

    def show(self, call: Call) -> Reply:
        """One case."""
        case_id = parse_id(call.path["case"], "case")

        def find(conn: Connection) -> Json:
            row, events = service.find_case(conn, case_id, call.caller.merchant_id)
            shown = [{"kind": e["kind"], "by": e["by_whom"], "said": e["said"], "at": format_instant(e["at"])}
                     for e in events]  # fmt: skip
            return {**_document(row), "events": shown}

        return self.administration.read(find)

    def assign(self, call: Call) -> Reply:
        """Somebody looks into it."""
        to = clean_text(call.body.fields["to"], "to", 100)
        return self._do(call, "assigned", lambda conn, about, said: service.assign(conn, *about, to, said))

    def note(self, call: Call) -> Reply:
        """Evidence is in it."""
        return self._do(call, None, lambda conn, about, said: service.note(conn, *about, said))

    def close(self, call: Call) -> Reply:
        """It has ended."""
        how = call.body.fields["closure"]
        return self._do(call, "closed", lambda conn, about, said: service.close(conn, *about, how, said))

    def _do(
        self, call: Call, state: str | None, act: Callable[[Connection, tuple[bytes, int | None], Said], None]
    ) -> Reply:
        about = parse_id(call.path["case"], "case"), call.caller.merchant_id
        said = Said(call.caller.subject, clean_text(call.body.fields["said"], "said", 500), call.at)

        def do(conn: Connection) -> Json:
            act(conn, about, said)
            return {"state": state or service.find_case(conn, *about)[0]["state"]}

        return self.administration.write(call, do, status=200)


def served(door: ItemCasesDoor) -> list[Served]:
    """The routes of this module bound to their endpoints."""
    endpoints = (door.list, door.show, door.assign, door.note, door.close)
    return [Served(route, endpoint) for route, endpoint in zip(ROUTES, endpoints, strict=True)]


def _document(row: RowMapping) -> Json:
    return {
        "case": id_text(row["case_id"]), "kind": row["kind"], "subject": row["subject"], "gtin": row["gtin"],
        "state": row["state"], "assigned_to": row["assigned_to"], "closure": row["closure"],
        "seen": row["seen"], "opened_at": format_instant(row["opened_at"]),
        "last_at": format_instant(row["last_at"]),
    }  # fmt: skip
