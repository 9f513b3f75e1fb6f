"""What stands behind merchants' points, for everybody to read: coverage, requirement, default."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from ledger_service.api import shapes
from ledger_service.api.administration import Administration, Json
from ledger_service.api.errors import CursorRefused
from ledger_service.api.paging import PAGE_QUERY, Cursors, paged
from ledger_service.api.routes import PUBLIC, Call, Reply, Route, Served, Success
from ledger_service.api.schema import Flag, Integer, Named, Record
from ledger_service.chain.reserves.coverage import Reserve, reserves
from ledger_service.kernel.clock import format_instant, instant_of_seconds, seconds_floor
from ledger_service.kernel.gs1 import gln_text

_ROW = Named("Coverage", Record(
    {"merchant": shapes.GLN, "required_bps": Integer(), "in_default": Flag()},
    {"coverage_bps": Integer(), "as_of": shapes.INSTANT, "stale_from": shapes.INSTANT,
     "default_from": shapes.INSTANT},
    closed=False,
))  # fmt: skip
LIST = Route(
    "GET", "/v1/coverage", "list-coverage", PUBLIC, "What merchants' reserves cover of their points",
    group="Alliance", query=PAGE_QUERY, problems=(CursorRefused,), personal=False,
    success=Success(200, "A page, by merchant; nobody without a figure, a requirement or a default. A "
                    "figure that is stale counts as zero. No `coverage_bps` where nothing is outstanding.",
                    paged("coverage", _ROW)),
)  # fmt: skip
ROUTES = (LIST,)


@dataclass(frozen=True, slots=True)
class CoverageDoor:
    """The endpoint of this module over the mirror."""

    administration: Administration
    cursors: Cursors

    def list_all(self, call: Call) -> Reply:
        """Every merchant of which the registry tells a reserve."""
        page, at = self.cursors.page("coverage", call.query), seconds_floor(call.at)

        def find(conn: Connection) -> Json:
            found = [one for one in reserves(conn, at) if one.merchant > (page.after_number or 0)]
            rows, cursor = self.cursors.cut(page, found[: page.limit + 1], lambda one: one.merchant)
            return {"coverage": [_row(one, at) for one in rows], "next_cursor": cursor}

        return self.administration.read(find)


def served(door: CoverageDoor) -> list[Served]:
    """The route of this module bound to its endpoint."""
    return [Served(LIST, door.list_all)]


def _row(one: Reserve, at: int) -> Json:
    # The ratio is everybody's; amounts are for who reads the chain (D15).
    told: Json = {
        "merchant": gln_text(one.merchant),
        "required_bps": one.required_bps,
        "in_default": one.in_default(at),
    }
    instants = {"as_of": one.as_of, "stale_from": one.stale_from, "default_from": one.default_from}
    told |= {name: format_instant(instant_of_seconds(s)) for name, s in instants.items() if s}
    bps = one.bps(at)
    return told if bps is None else {**told, "coverage_bps": bps}
