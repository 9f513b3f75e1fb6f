"""The REST binding of EPCIS 2.0, lists: all things, read points and business locations that events name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ledger_service.api.endpoints import epcis_shapes as shapes
from ledger_service.api.errors import CursorRefused
from ledger_service.api.paging import Cursors
from ledger_service.api.routes import Call, Reply, Route, Served, Success, scopes
from ledger_service.db.engine import Database
from ledger_service.traceability.epcis.listing import places_after, things_after

_READ = scopes("trace:read")
_PLACES = {"bizLocations": "bizLocation", "readPoints": "readPoint"}
EPCS, *PLACES = (
    Route(
        "GET", f"/epcis/{name}", f"list-{name.lower()}", _READ,
        f"The {name} that the caller's events name; operator and auditor see everybody's", group=shapes.GROUP,
        query=shapes.PAGES, problems=(CursorRefused,), dialect=shapes.PLAIN,
        success=Success(200, "A page; the next is in `Link`.", shapes.COLLECTION),
    )
    for name in ("epcs", *_PLACES)
)  # fmt: skip
ROUTES = (EPCS, *PLACES)


@dataclass(frozen=True, slots=True)
class EpcisListsDoor:
    """The endpoints of lists."""

    database: Database
    cursors: Cursors

    def epcs(self, call: Call) -> Reply:
        """A page of things, those first whose events begin first."""
        owner, size = call.caller.merchant_id, shapes.page_size(call.query)
        pages = shapes.Pages(self.cursors, f"epcis-epcs:{owner}", call)
        with self.database.read() as conn:
            found, behind = things_after(conn, owner, pages.after(), size)
        return _listed(found, () if behind is None else pages.behind(behind))

    def of_places(self, kind: str) -> Callable[[Call], Reply]:
        """The endpoint of pages of one kind of place, by name."""

        def page(call: Call) -> Reply:
            owner, size = call.caller.merchant_id, shapes.page_size(call.query)
            pages = shapes.Pages(self.cursors, f"epcis-{kind}:{owner}", call)
            with self.database.read() as conn:
                found = places_after(conn, kind, owner, pages.after(), size + 1)
            return _listed(found[:size], pages.following(found, size, str))

        return page


def _listed(members: Sequence[str], headers: tuple[tuple[str, str], ...]) -> Reply:
    return Reply(shapes.collection(members), headers=headers)


def served(door: EpcisListsDoor) -> list[Served]:
    """The routes of this module bound to their endpoints."""
    endpoints = (door.epcs, *(door.of_places(kind) for kind in _PLACES.values()))
    return [Served(route, endpoint) for route, endpoint in zip(ROUTES, endpoints, strict=True)]
