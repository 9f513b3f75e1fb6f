"""What an issuer owes in points, as a report: a merchant reads its own without the database."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date
from typing import Any

from ledger_service.api import shapes
from ledger_service.api.endpoints.places import require_merchant
from ledger_service.api.endpoints.programmes import ProgrammesDoor
from ledger_service.api.errors import NotYours
from ledger_service.api.paper_ports import IssuerLiabilityReport, LiabilityReport
from ledger_service.api.routes import Call, Parameter, Reply, Route, Served, Success, scopes
from ledger_service.api.schema import Flag, Integer, Listing, Record, Text
from ledger_service.kernel.errors import MalformedField
from ledger_service.kernel.gs1 import gln_text, parse_gln
from ledger_service.ledger.errors import HistoryArchived
from ledger_service.points.errors import ProgrammeUnknown
from ledger_service.settlement.liability.table import csv_of

_FIRST_YEAR, _LAST_YEAR = 2000, 2999
_REPORT = shapes.answer(
    "LiabilityReport", programme=shapes.PROGRAMME, currency=Text(), as_of=shapes.DATE, outstanding=Integer(),
    tie=Record({"entries": Integer(), "lots": Integer(), "chain": Integer(), "waiting": Integer(0),
                "holds": Flag("Entries, lots and chain tell the same, or operations are on their way")},
               closed=False),
    by_age_months=Record(closed=False), by_end=Record(closed=False), expired=Record(closed=False),
    cohorts=Listing(Record(closed=False)), backtest=Listing(Record(closed=False)),
    revenue=Listing(Record(closed=False)),
)  # fmt: skip
_PATH = "/v1/settlement/liabilities/<code>"
_SHARED: dict[str, Any] = {
    "group": "Settlement",
    "query": {"as_of": Parameter(shapes.DATE, "The end of this day; the programme's today where none")},
    "problems": (ProgrammeUnknown, NotYours, HistoryArchived),
}
SHOW = Route(
    "GET", _PATH, "show-liability-report", scopes("sale:read"),
    "What an issuer owes in points: by age and end, cohorts, breakage, revenue",
    success=Success(200, "Of at most 120 months. A merchant sees its own programmes.", _REPORT), **_SHARED,
)  # fmt: skip
FILE = Route(
    "GET", f"{_PATH}/csv", "liability-report-as-csv", scopes("sale:read"),
    "The liability report as a file, every figure a row",
    success=Success(200, "The file.", media_types=("text/csv",)), **_SHARED,
)  # fmt: skip
ISSUER = Route(
    "GET", "/v1/settlement/issuers/<gln>/liability", "show-issuer-liability", scopes("sale:read"),
    "What an issuer owes in the points of all its programmes: sums, and each report", group="Settlement",
    query=_SHARED["query"], problems=(NotYours, HistoryArchived),
    success=Success(200, "Each month of the summed revenue ties as its parts do.",
                    shapes.answer(
                        "IssuerLiability", merchant=shapes.GLN, as_of=shapes.DATE,
                        outstanding=Integer(about="Points of all programmes"),
                        holds=Flag("Entries, lots and chain tell the same in each"),
                        revenue=Listing(Record(closed=False)), programmes=Listing(_REPORT))),
)  # fmt: skip
ROUTES = (SHOW, FILE, ISSUER)


@dataclass(frozen=True, slots=True)
class LiabilitiesDoor:
    """The endpoints of this module, beside those of programmes."""

    programmes: ProgrammesDoor
    report: LiabilityReport
    issuer_report: IssuerLiabilityReport

    def show(self, call: Call) -> Reply:
        """The report as JSON."""
        code, day = self._asked(call)
        return self.programmes.administration.read(lambda conn: self.report(conn, code, day))

    def file(self, call: Call) -> Reply:
        """The report as CSV."""
        code, day = self._asked(call)
        told = self.programmes.administration.read(lambda conn: self.report(conn, code, day)).body
        attached = (("Content-Disposition", f'attachment; filename="liability-{code}-{day}.csv"'),)
        return Reply(csv_of(told).encode(), media_type="text/csv; charset=utf-8", headers=attached)

    def issuer(self, call: Call) -> Reply:
        """All programmes of an issuer as JSON; without a day, today where its first programme is."""
        merchant, given = parse_gln(call.path["gln"], "gln"), call.query.get("as_of")
        require_merchant(call, merchant, "gln")
        every = self.programmes.catalogue.current().programmes.values()
        zone = next((one.zone for one in every if one.merchant_id == merchant), UTC)
        day = call.at.astimezone(zone).date() if given is None else _day(given)
        who = {"merchant": gln_text(merchant), "as_of": day.isoformat()}
        read = self.programmes.administration.read
        return read(lambda conn: {**who, **self.issuer_report(conn, merchant, day)})

    def _asked(self, call: Call) -> tuple[str, date]:
        known = self.programmes.known(call)
        # What members paid a rival, and hold of its points, is its own business (D15).
        if call.caller.merchant_id not in (None, known.merchant_id):
            raise NotYours("code")
        given = call.query.get("as_of")
        return known.code, call.at.astimezone(known.zone).date() if given is None else _day(given)


def served(door: LiabilitiesDoor) -> list[Served]:
    """The routes of this module bound to their endpoints."""
    return [Served(SHOW, door.show), Served(FILE, door.file), Served(ISSUER, door.issuer)]


def _day(text: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise MalformedField("as_of", "must be a day") from None
    if not _FIRST_YEAR <= day.year <= _LAST_YEAR:
        raise MalformedField("as_of", f"must be a day of the years {_FIRST_YEAR} to {_LAST_YEAR}")
    return day
