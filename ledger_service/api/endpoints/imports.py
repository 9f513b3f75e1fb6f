"""Imports of running programmes: where each stands; what moves them on is `alliance import`."""

from __future__ import annotations

from dataclasses import dataclass

from ledger_service.api import shapes
from ledger_service.api.administration import Administration
from ledger_service.api.routes import Call, Reply, Route, Served, Success, scopes
from ledger_service.api.schema import Free, Integer, Listing, Record, Text
from ledger_service.moving_in.models import KINDS, STATES
from ledger_service.moving_in.queries import MOST_IMPORTS, progress

_COUNT = Integer()
_FILE = Record(
    {"kind": Text(one_of=KINDS), "rows": _COUNT, "rows_done": _COUNT, "accepted": _COUNT, "rejected": _COUNT,
     "points": Free("Control totals by programme code."), "loaded_points": Free("Accepted so far.")}
)  # fmt: skip
_IMPORT = Record(
    {"name": Text(64), "source": Text(32), "state": Text(one_of=STATES), "files": Listing(_FILE, len(KINDS)),
     "outcome": Free("Points that a cut-over issued, and that had lapsed."),
     "checked_at": shapes.INSTANT, "changed_at": shapes.INSTANT}
)  # fmt: skip

LIST = Route(
    "GET", "/v1/imports", "list-imports", scopes("audit:read", "operate"),
    "Imports of running programmes and how far they are", group="Members",
    success=Success(200, "The latest, the oldest of them first.", shapes.answer(
        "Imports", imports=Listing(_IMPORT, MOST_IMPORTS))),
)  # fmt: skip
ROUTES = (LIST,)


@dataclass(frozen=True, slots=True)
class ImportsDoor:
    """The endpoint of this module."""

    administration: Administration

    def listed(self, call: Call) -> Reply:
        """The latest imports."""
        return self.administration.read(lambda conn: {"imports": progress(conn)})


def served(door: ImportsDoor) -> list[Served]:
    """The route of this module bound to its endpoint."""
    return [Served(LIST, door.listed)]
