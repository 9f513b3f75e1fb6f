"""The log of what operators and merchants did, over HTTP; and what gives their writes a name in it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from sqlalchemy import Connection, RowMapping

from ledger_service.api import shapes
from ledger_service.api.administration import Administration, Json
from ledger_service.api.errors import CursorRefused
from ledger_service.api.paging import PAGE_QUERY, Cursors, paged, place_at, place_of
from ledger_service.api.routes import Call, Endpoint, Reply, Route, Served, Success, scopes
from ledger_service.api.schema import Nullable, Record, Text
from ledger_service.kernel.clock import format_instant
from ledger_service.kernel.gs1 import gln_text
from ledger_service.kernel.ids import id_text
from ledger_service.merchants.acts import acts
from ledger_service.merchants.rules import ROLE_SCOPES

_ACT = Record(
    {"act": shapes.HEX_ID, "name": Text(64), "target": Text(200, 0), "by": Text(80), "key": Text(64),
     "key_label": Nullable(Text(80, about="What the key is called, as whoever issued it wrote")),
     "merchant": Nullable(shapes.GLN), "at": shapes.INSTANT},
    closed=False,
)  # fmt: skip
LIST = Route(
    "GET", "/v1/acts", "list-acts", scopes("store:write", "audit:read"),
    "What operators and merchants did, newest first; a merchant sees its own", group="Operations",
    query=PAGE_QUERY, problems=(CursorRefused,),
    success=Success(200, "A page. `name` is the route's, `target` what its path named.", paged("acts", _ACT)),
)  # fmt: skip
ROUTES = (LIST,)


@dataclass(frozen=True, slots=True)
class ActsDoor:
    """The endpoint of this module over the log of acts."""

    administration: Administration
    cursors: Cursors

    def list(self, call: Call) -> Reply:
        """A page of acts."""
        own = call.caller.merchant_id
        page = self.cursors.page(f"acts:{own}", call.query)

        def find(conn: Connection) -> Json:
            found = acts(conn, own, place_of(page.after), page.limit + 1)
            rows, cursor = self.cursors.cut(
                page, found, lambda row: place_at(row["occurred_at"], row["act_id"])
            )
            return {"acts": [_told(row) for row in rows], "next_cursor": cursor}

        return self.administration.read(find)


def served(door: ActsDoor) -> list[Served]:
    """The route of this module bound to its endpoint."""
    return [Served(LIST, door.list)]


def with_acts_named(every: Iterable[Served]) -> list[Served]:
    """Writes that no till may do have a name, under which they stand in the log."""
    return [_named(one) for one in every]


def _named(one: Served) -> Served:
    route = one.route
    if not route.write or not route.scopes or route.scopes & ROLE_SCOPES["cashier"]:
        return one
    return Served(route, _naming(route.name, one.endpoint))


def _naming(name: str, endpoint: Endpoint) -> Endpoint:
    return lambda call: endpoint(replace(call, act=name))


def _told(row: RowMapping) -> Json:
    merchant = row["merchant_id"]
    return {
        "act": id_text(row["act_id"]), "name": row["name"], "target": row["target"], "by": row["subject"],
        "key": row["key_id"], "key_label": row["label"] or None,
        "merchant": None if merchant is None else gln_text(merchant),
        "at": format_instant(row["occurred_at"]),
    }  # fmt: skip
