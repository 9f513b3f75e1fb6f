"""Stores and tills: for the operator, and each merchant for itself."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from ledger_service.api import shapes
from ledger_service.api.administration import Action, Administration, Json
from ledger_service.api.endpoints.devices import WRITE_PROBLEMS
from ledger_service.api.errors import NotYours
from ledger_service.api.hexadecimal import hex_text, parse_address
from ledger_service.api.paging import PAGE_QUERY, Cursors, paged
from ledger_service.api.place_shapes import HOUR, MODE, mode_of, mode_view
from ledger_service.api.routes import Call, Reply, Route, Served, Success, scopes
from ledger_service.api.schema import Named, Nullable, Record, Text
from ledger_service.kernel.gs1 import gln_text, parse_gln
from ledger_service.merchants import errors as refusals
from ledger_service.merchants import queries
from ledger_service.merchants.keyring import KeyRing
from ledger_service.merchants.requests import AddTerminal, OpenStore
from ledger_service.merchants.rules import TerminalKind
from ledger_service.merchants.service import MerchantsService

_GROUP = "Stores and tills"
_STORE = Named(
    "Store",
    Record(
        {"store": shapes.GLN, "merchant": shapes.GLN, "name": Text(200), "timezone": Text()}, closed=False
    ),
)
_TERMINAL = Named(
    "Terminal",
    Record({"terminal": Text(), "merchant": shapes.GLN, "store": shapes.GLN, "label": Text()}, closed=False),
)
_READ = scopes("merchant:read", "store:write")
OPEN_STORE = Route(
    "POST", "/v1/stores", "open-store", scopes("store:write"), "Open a store", group=_GROUP, write=True,
    body=Named("NewStore", Record(
        {"store": shapes.GLN, "merchant": shapes.GLN, "name": Text(200), "timezone": shapes.TIMEZONE},
        {"day_starts_at_hour": HOUR})),
    problems=(*WRITE_PROBLEMS, NotYours, refusals.MerchantUnknown, refusals.StoreKnown),
    success=Success(201, "Open.", _STORE),
)  # fmt: skip
LIST_STORES = Route(
    "GET", "/v1/stores", "list-stores", _READ, "The stores, a merchant's own only", group=_GROUP,
    query=PAGE_QUERY, success=Success(200, "A page, by GLN.", paged("stores", _STORE)),
)  # fmt: skip
CLOSE_STORE = Route(
    "POST", "/v1/stores/<gln>/close", "close-store", scopes("store:write"), "Close a store", group=_GROUP,
    body=shapes.EMPTY_BODY, problems=(*WRITE_PROBLEMS, NotYours, refusals.StoreUnknown), write=True,
    success=Success(200, "Closed; its history stays.", Record(closed=False)),
)  # fmt: skip
ADD_TERMINAL = Route(
    "POST", "/v1/terminals", "add-terminal", scopes("terminal:write"), "Add a till to a store", group=_GROUP,
    body=Named("NewTerminal", Record(
        {"store": shapes.GLN, "label": Text(64)}, {"till_key": Nullable(shapes.ADDRESS)} | MODE)),
    problems=(*WRITE_PROBLEMS, NotYours, refusals.StoreUnknown), write=True,
    success=Success(201, "The till stands.", _TERMINAL),
)  # fmt: skip
LIST_TERMINALS = Route(
    "GET", "/v1/terminals", "list-terminals", _READ, "The tills, a merchant's own only", group=_GROUP,
    query=PAGE_QUERY, success=Success(200, "A page, by id.", paged("terminals", _TERMINAL)),
)  # fmt: skip
SET_TILL_KEY = Route(
    "POST", "/v1/terminals/<terminal>/till-key", "set-till-key", scopes("terminal:write"),
    "Register the key that signs a till's acceptances", group=_GROUP, write=True,
    body=Record({"till_key": Nullable(shapes.ADDRESS)}),
    problems=(*WRITE_PROBLEMS, NotYours, refusals.TerminalUnknown),
    success=Success(200, "Registered.", Record(closed=False)),
)  # fmt: skip
DISABLE = Route(
    "POST", "/v1/terminals/<terminal>/disable", "disable-terminal", scopes("terminal:write"),
    "A till and its keys do nothing any more", group=_GROUP, body=shapes.EMPTY_BODY, write=True,
    problems=(*WRITE_PROBLEMS, NotYours, refusals.TerminalUnknown),
    success=Success(200, "Disabled.", Record(closed=False)),
)  # fmt: skip
ROUTES = (OPEN_STORE, LIST_STORES, CLOSE_STORE, ADD_TERMINAL, LIST_TERMINALS, SET_TILL_KEY, DISABLE)


@dataclass(frozen=True, slots=True)
class PlacesDoor:
    """The endpoints of this module over the merchants room."""

    administration: Administration
    merchants: MerchantsService
    keyring: KeyRing
    cursors: Cursors

    def open_store(self, call: Call) -> Reply:
        """The store is open."""
        given = call.body.fields
        merchant_id = parse_gln(given["merchant"], "merchant")
        require_merchant(call, merchant_id, "merchant")
        hour = given.get("day_starts_at_hour", 0)
        gln = parse_gln(given["store"], "store")
        request = OpenStore(gln, merchant_id, given["name"], given["timezone"], hour)

        def act(conn: Connection) -> Json:
            self.merchants.open_store(conn, request, call.at)
            return {
                "store": gln_text(request.gln), "merchant": gln_text(merchant_id), "name": request.name,
                "timezone": request.timezone, "day_starts_at_hour": hour,
            }  # fmt: skip

        return self._write(call, act, 201)

    def list_stores(self, call: Call) -> Reply:
        """The stores that the caller may see."""
        own = call.caller.merchant_id
        page = self.cursors.page(f"stores:{own}", call.query)

        def find(conn: Connection) -> Json:
            found = queries.stores_after(conn, own, page.after_number, page.limit + 1)
            rows, cursor = self.cursors.cut(page, found, lambda s: s.gln)
            return {"stores": [_store(s) for s in rows], "next_cursor": cursor}

        return self.administration.read(find)

    def close_store(self, call: Call) -> Reply:
        """The store is closed."""
        gln = parse_gln(call.path["gln"], "gln")

        def act(conn: Connection) -> Json:
            own_store(conn, call, gln)
            self.merchants.close_store(conn, gln)
            return {"store": gln_text(gln), "status": "closed"}

        return self._write(call, act, 200)

    def add_terminal(self, call: Call) -> Reply:
        """The till stands in the store."""
        given = call.body.fields
        till_key, mode = _till_key(given.get("till_key")), mode_of(given)
        gln = parse_gln(given["store"], "store")

        def act(conn: Connection) -> Json:
            found = queries.find_store(conn, gln)
            if found is None:
                raise refusals.StoreUnknown
            require_merchant(call, found.merchant_id, "store")
            new = AddTerminal(found.merchant_id, gln, given["label"], till_key, mode)
            terminal_id = self.merchants.add_terminal(conn, new, call.at)
            return {
                "terminal": terminal_id, "merchant": gln_text(found.merchant_id), "store": gln_text(gln),
                "label": given["label"], "till_key": given.get("till_key"), **mode_view(mode),
            }  # fmt: skip

        return self._write(call, act, 201)

    def list_terminals(self, call: Call) -> Reply:
        """The tills that the caller may see."""
        own = call.caller.merchant_id
        page = self.cursors.page(f"terminals:{own}", call.query)

        def find(conn: Connection) -> Json:
            found = queries.terminals_after(conn, own, page.after, page.limit + 1)
            rows, cursor = self.cursors.cut(page, found, lambda t: t.terminal_id)
            return {"terminals": [_terminal(t) for t in rows], "next_cursor": cursor}

        return self.administration.read(find)

    def set_till_key(self, call: Call) -> Reply:
        """The till's acceptances are signed by this key."""
        given = call.body.fields["till_key"]
        till_key = _till_key(given)

        def act(conn: Connection) -> Json:
            terminal_id = own_terminal(conn, call)
            self.merchants.set_till_key(conn, terminal_id, till_key)
            return {"terminal": terminal_id, "till_key": given}

        return self._write(call, act, 200)

    def disable(self, call: Call) -> Reply:
        """The till does nothing any more."""

        def act(conn: Connection) -> Json:
            terminal_id = own_terminal(conn, call)
            self.merchants.disable_terminal(conn, terminal_id)
            return {"terminal": terminal_id, "status": "disabled"}

        return self._write(call, act, 200)

    def _write(self, call: Call, act: Action, status: int) -> Reply:
        reply = self.administration.write(call, act, status=status)
        self.keyring.refresh()
        return reply


def served(door: PlacesDoor) -> list[Served]:
    """The routes of this module bound to their endpoints."""
    endpoints = (
        door.open_store, door.list_stores, door.close_store, door.add_terminal, door.list_terminals,
        door.set_till_key, door.disable,
    )  # fmt: skip
    return [Served(route, endpoint) for route, endpoint in zip(ROUTES, endpoints, strict=True)]


def require_merchant(call: Call, merchant_id: int, field: str) -> None:
    """The caller acts for the merchant: its own, or any for the operator and the auditor.

    Raises:
        NotYours: it is another merchant's key.
    """
    own = call.caller.merchant_id
    if own is not None and own != merchant_id:
        raise NotYours(field)


def own_store(conn: Connection, call: Call, gln: int) -> queries.StoreView:
    """The store, which the caller may act for.

    Raises:
        StoreUnknown: there is none.
        NotYours: another merchant's.
    """
    found = queries.find_store(conn, gln)
    if found is None:
        raise refusals.StoreUnknown
    require_merchant(call, found.merchant_id, "gln")
    return found


def own_terminal(conn: Connection, call: Call) -> str:
    """The id of the terminal in the path, which the caller may act for.

    Raises:
        TerminalUnknown: there is none, or another merchant's.
    """
    found = queries.find_terminal(conn, call.path["terminal"])
    if found is None or call.caller.merchant_id not in (None, found.merchant_id):
        raise refusals.TerminalUnknown
    return found.terminal_id


def _till_key(given: str | None) -> bytes | None:
    return None if given is None else parse_address(given, "till_key")


def _store(found: queries.StoreView) -> Json:
    return {
        "store": gln_text(found.gln),
        "merchant": gln_text(found.merchant_id),
        "name": found.name,
        "timezone": found.timezone,
        "day_starts_at_hour": found.day_start_hour or 0,
        "status": found.status,
    }


def _terminal(found: queries.TerminalView) -> Json:
    return {
        "terminal": found.terminal_id,
        "merchant": gln_text(found.merchant_id),
        "store": gln_text(found.store_gln),
        "label": found.label,
        "till_key": None if found.till_key is None else hex_text(found.till_key),
        "status": found.status,
        "kind": found.kind or TerminalKind.TILL.value,
        "points_most_minor": found.points_most_minor,
        "training": bool(found.training),
    }
