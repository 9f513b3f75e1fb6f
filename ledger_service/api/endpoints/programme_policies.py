"""What a programme promises beside its terms: notices of an end, what puts it off, whose law it follows."""

from __future__ import annotations

from dataclasses import dataclass

from ledger_service.api.endpoints.devices import WRITE_PROBLEMS
from ledger_service.api.endpoints.programme_shapes import ACTIVITIES, JURISDICTION, NOTICE_DAYS, PROGRAMME
from ledger_service.api.endpoints.programmes import ProgrammesDoor
from ledger_service.api.errors import NotYours
from ledger_service.api.routes import Call, Reply, Route, Served, Success, scopes
from ledger_service.api.schema import Record
from ledger_service.points import errors as refusals
from ledger_service.points import programmes as commands
from ledger_service.points.expiry_rules import Jurisdiction
from ledger_service.points.inactivity_rules import Activity

_GROUP = "Programmes"
NOTICES = Route(
    "POST", "/v1/programmes/<code>/notices", "set-notices", scopes("programme:write", "store:write"),
    "Set when members are told of points that will expire", group=_GROUP, write=True,
    body=Record({"notice_days": NOTICE_DAYS}),
    problems=(*WRITE_PROBLEMS, NotYours, refusals.ProgrammeUnknown),
    success=Success(201, "Notices that were written stand.", PROGRAMME),
)  # fmt: skip
LAW = Route(
    "POST", "/v1/programmes/<code>/jurisdiction", "set-jurisdiction", scopes("programme:write"),
    "Set whose law it follows", group=_GROUP, write=True, body=Record({"jurisdiction": JURISDICTION}),
    problems=(*WRITE_PROBLEMS, refusals.ProgrammeUnknown, refusals.ExpiryByTimeAlone,
              refusals.InactivityTooShort, refusals.ActivitiesTooFew),
    success=Success(201, "It holds for all terms from now on.", PROGRAMME),
)  # fmt: skip
INACTIVITY = Route(
    "POST", "/v1/programmes/<code>/inactivity", "set-inactivity", scopes("programme:write", "store:write"),
    "Let points lapse through inactivity only, and say what counts as activity", group=_GROUP, write=True,
    body=Record({"activities": ACTIVITIES}),
    problems=(*WRITE_PROBLEMS, NotYours, refusals.ProgrammeUnknown, refusals.ActivityWithdrawn,
              refusals.HouseTakesNoExtensions),
    success=Success(201, "It holds for the points that members have, too.", PROGRAMME),
)  # fmt: skip
ROUTES = (NOTICES, LAW, INACTIVITY)


@dataclass(frozen=True, slots=True)
class PoliciesDoor:
    """The endpoints of this module, beside those of programmes."""

    programmes: ProgrammesDoor

    def set_notices(self, call: Call) -> Reply:
        """Members are told of points that will expire so many days before."""
        known, days = self.programmes.own(call), call.body.fields["notice_days"]
        return self.programmes.change(call, lambda conn: commands.set_notice_days(conn, known.code, days))

    def set_jurisdiction(self, call: Call) -> Reply:
        """The programme follows another law."""
        known, law = self.programmes.known(call), Jurisdiction(call.body.fields["jurisdiction"])
        return self.programmes.change(call, lambda conn: commands.set_jurisdiction(conn, known, law, call.at))

    def set_inactivity(self, call: Call) -> Reply:
        """Points lapse through inactivity only."""
        known, given = self.programmes.own(call), tuple(map(Activity, call.body.fields["activities"]))
        return self.programmes.change(call, lambda conn: commands.set_activities(conn, known, given))


def served(door: PoliciesDoor) -> list[Served]:
    """The routes of this module bound to their endpoints."""
    endpoints = (door.set_notices, door.set_jurisdiction, door.set_inactivity)
    return [Served(route, endpoint) for route, endpoint in zip(ROUTES, endpoints, strict=True)]
