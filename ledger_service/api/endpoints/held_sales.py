"""The sales that a store's tills hold, so that one can be found again by whoever goes on with it."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from ledger_service.api import shapes
from ledger_service.api.administration import Administration, Json
from ledger_service.api.endpoints.checkout import caller_of
from ledger_service.api.errors import CursorRefused, NotYours
from ledger_service.api.paging import PAGE_QUERY, Cursors, paged, place_at, place_of
from ledger_service.api.routes import Call, Reply, Route, Served, Success, scopes
from ledger_service.api.schema import Flag, Free, Listing, Nullable, Record, Text
from ledger_service.checkout.held import HoldSearch, hold_view, open_hold, open_holds
from ledger_service.kernel.ids import parse_id
from ledger_service.ledger.errors import HoldClosed, HoldUnknown

_HELD = Record(
    {
        "hold_id": shapes.HEX_ID, "store": shapes.GLN, "terminal": Nullable(Text(64)),
        "reference": Text(64, 0), "held_at": shapes.INSTANT, "expires_at": shapes.INSTANT,
        "latest_at": shapes.INSTANT, "points": shapes.POINTS, "held_value_minor": Nullable(shapes.MINOR),
        "several": Flag("Several captures will follow"),
        "lines": Listing(Free("A line as it was sent when the points were held"), 200),
    },
    closed=False,
)  # fmt: skip
LIST = Route(
    "GET", "/v1/authorisations", "list-holds", scopes("authorise"),
    "What the tills of the caller's store hold, the first to end first", group="Checkout",
    query=PAGE_QUERY, problems=(NotYours, CursorRefused),
    success=Success(200, "A page. Whose points they are is not told.", paged("holds", _HELD)),
)  # fmt: skip
FIND = Route(
    "GET", "/v1/authorisations/<hold>", "find-hold", scopes("authorise"), "An open hold of the till's store",
    group="Checkout", problems=(NotYours, HoldUnknown, HoldClosed),
    success=Success(200, "`lines` can be captured as they are; empty where there was more to them.", _HELD),
)  # fmt: skip
ROUTES = (LIST, FIND)


@dataclass(frozen=True, slots=True)
class HeldSalesDoor:
    """The endpoints of this module over the holds."""

    administration: Administration
    cursors: Cursors

    def list(self, call: Call) -> Reply:
        """A page of the open holds of the terminal's store.

        Raises:
            NotYours: the key acts for no till.
        """
        caller = caller_of(call)
        store = caller.store_gln or 0
        page = self.cursors.page(f"holds:{store}", call.query)
        search = HoldSearch(caller.merchant_id, store, place_of(page.after), page.limit + 1)

        def find(conn: Connection) -> Json:
            found = open_holds(conn, search)
            rows, cursor = self.cursors.cut(
                page, found, lambda row: place_at(row["expires_at"], row["hold_id"])
            )
            return {"holds": [hold_view(row) for row in rows], "next_cursor": cursor}

        return self.administration.read(find)

    def find(self, call: Call) -> Reply:
        """One open hold of the terminal's store."""
        caller, hold_id = caller_of(call), parse_id(call.path["hold"], "hold")

        def find(conn: Connection) -> Json:
            return hold_view(open_hold(conn, caller.merchant_id, caller.store_gln or 0, hold_id))

        return self.administration.read(find)


def served(door: HeldSalesDoor) -> list[Served]:
    """The routes of this module bound to their endpoints."""
    return [Served(LIST, door.list), Served(FIND, door.find)]
