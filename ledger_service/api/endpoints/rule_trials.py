"""An earn rule tried on past baskets over HTTP, before anybody publishes it."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from ledger_service.api import shapes
from ledger_service.api.administration import Json
from ledger_service.api.endpoints.programme_shapes import EARN, rule_of_body
from ledger_service.api.endpoints.programmes import ProgrammesDoor
from ledger_service.api.errors import NotYours
from ledger_service.api.routes import Call, Reply, Route, Served, Success, scopes
from ledger_service.api.schema import Integer, Named, Nullable, Record
from ledger_service.checkout.rehearsal import MOST_BASKETS, MOST_DAYS, Rehearsal, past_baskets, rehearsed
from ledger_service.kernel.clock import format_instant, parse_instant, seconds_floor
from ledger_service.points.errors import ProgrammeUnknown
from ledger_service.points.rules import terms_in_force

_COUNTS = ("baskets", "members", "points", "would_be", "more", "fewer", "capped")
TRY = Route(
    "POST", "/v1/programmes/<code>/earn-rules/trial", "try-earn-rule",
    scopes("programme:write", "store:write"), "What a rule would have given on past baskets; nothing is kept",
    group="Programmes", body=Named("EarnRuleTrial", Record({"effective_from": shapes.INSTANT, "earn": EARN})),
    problems=(NotYours, ProgrammeUnknown),
    success=Success(
        200, f"Of the merchant's newest {MOST_BASKETS} baskets of members within {MOST_DAYS} days: the "
        "points that they gave and would give, and what a point is worth. Judged as of effective_from; "
        "multipliers for an audience count for nobody.",
        Record({**{name: Integer() for name in _COUNTS}, "first": Nullable(shapes.INSTANT),
                "last": Nullable(shapes.INSTANT), "point_value_micros": Integer()}, closed=False)),
)  # fmt: skip
ROUTES = (TRY,)


@dataclass(frozen=True, slots=True)
class RuleTrialsDoor:
    """The endpoint of this module over the checkout's records."""

    programmes: ProgrammesDoor

    def try_out(self, call: Call) -> Reply:
        """The rule is held against the past."""
        known, given = self.programmes.own(call), call.body.fields
        effective = seconds_floor(parse_instant(given["effective_from"], "effective_from"))
        rule = rule_of_body(given["earn"], len(known.rules) + 1, effective)
        terms = terms_in_force(known.terms, effective) or known.terms[0]

        def find(conn: Connection) -> Json:
            found = rehearsed(known, rule, past_baskets(conn, known.merchant_id, call.at))
            return _told(found) | {"point_value_micros": terms.point_value_micros}

        return self.programmes.administration.read(find)


def served(door: RuleTrialsDoor) -> list[Served]:
    """The route of this module bound to its endpoint."""
    return [Served(TRY, door.try_out)]


def _told(found: Rehearsal) -> Json:
    ends = {"first": found.first, "last": found.last}
    counts: Json = {name: getattr(found, name) for name in _COUNTS}
    return counts | {name: None if at is None else format_instant(at) for name, at in ends.items()}
