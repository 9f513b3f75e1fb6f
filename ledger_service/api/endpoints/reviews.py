"""Reviews for the care desk and for the member whose points wait, and what a phone is asked to confirm."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row

from ledger_service.api.administration import Administration, Json
from ledger_service.api.endpoints import risk_shapes as risks
from ledger_service.api.endpoints.checkout import reply_of
from ledger_service.api.endpoints.devices import WRITE_PROBLEMS, member_of_call, number_of_call
from ledger_service.api.endpoints.risk import decision_document, position_before
from ledger_service.api.errors import CursorRefused, NotYours
from ledger_service.api.paging import PAGE_QUERY, Cursors, paged
from ledger_service.api.routes import Call, Reply, Route, Served, Success, scopes
from ledger_service.api.schema import Flag, Listing, Nullable, Record, Text
from ledger_service.care.review_desk import ReviewDesk
from ledger_service.care.reviews import Step
from ledger_service.kernel.clock import format_instant, instant_of_seconds, micros_of
from ledger_service.kernel.gs1 import gln_text
from ledger_service.kernel.ids import id_text, parse_id
from ledger_service.kernel.text import clean_text
from ledger_service.members.devices import devices_of, lock_member
from ledger_service.members.errors import MemberFrozen, MemberUnknown
from ledger_service.members.households.errors import HouseholdAccount
from ledger_service.points.errors import SecondPersonNeeded
from ledger_service.risk import challenges, queries
from ledger_service.risk import errors as refusals
from ledger_service.risk.review_rules import STATES

_GROUP = "Risk"
_MOST = 50
_STATE = Record({"state": Text(one_of=STATES)}, closed=False)
LIST = Route(
    "GET", "/v1/risk/reviews", "list-reviews", scopes("member:write"), "What waits to be looked at",
    group=_GROUP, query=PAGE_QUERY, problems=(CursorRefused,),
    success=Success(200, "A page, the soonest deadline first.", paged("reviews", risks.REVIEW)),
)  # fmt: skip
SHOW = Route(
    "GET", "/v1/risk/reviews/<review>", "show-review", scopes("member:write"),
    "A review, what was done about it, and the decision with its full reasons", group=_GROUP,
    problems=(refusals.ReviewUnknown,),
    success=Success(200, "The review.", Record(
        {"review": risks.REVIEW, "events": Listing(risks.EVENT), "decision": Nullable(risks.DECISION)},
        closed=False)),
)  # fmt: skip
STEP = Route(
    "POST", "/v1/risk/reviews/<review>/steps", "step-review", scopes("member:write"),
    "Release, ask for a reversal, approve or decline it, uphold it against an appeal", group=_GROUP,
    write=True, body=risks.STEP,
    problems=(*WRITE_PROBLEMS, refusals.ReviewUnknown, refusals.ReviewStepRefused, SecondPersonNeeded),
    success=Success(200, "Done.", _STATE),
)  # fmt: skip
OF_MEMBER = Route(
    "GET", "/v1/members/<number>/reviews", "list-member-reviews", scopes("member:read", "self:read"),
    "What of the member's points waits for a review", group=_GROUP, problems=(MemberUnknown, NotYours),
    success=Success(200, "The latest, newest first.", Record(
        {"reviews": Listing(risks.REVIEW, _MOST)}, closed=False)),
)  # fmt: skip
APPEAL = Route(
    "POST", "/v1/members/<number>/reviews/<review>/appeal", "appeal", scopes("member:write", "self:write"),
    "Object to a reversal before its deadline", group=_GROUP, write=True, body=risks.APPEAL,
    problems=(*WRITE_PROBLEMS, MemberUnknown, NotYours, refusals.ReviewUnknown, refusals.ReviewStepRefused),
    success=Success(200, "Another person decides.", _STATE),
)  # fmt: skip
CHALLENGES = Route(
    "GET", "/v1/members/<number>/challenges", "list-challenges", scopes("member:read", "self:read"),
    "What the member's phone is asked to confirm now", group=_GROUP, problems=(MemberUnknown, NotYours),
    success=Success(200, "The newest first.", Record(
        {"challenges": Listing(risks.CHALLENGE, _MOST)}, closed=False)),
)  # fmt: skip
ANSWER = Route(
    "POST", "/v1/members/<number>/challenges/<challenge>/answer", "answer-challenge", scopes("self:write"),
    "Confirm a payment that custody's code makes, or decline it", group=_GROUP, write=True,
    body=Record({"confirm": Flag("false declines it for good")}),
    problems=(*WRITE_PROBLEMS, MemberUnknown, MemberFrozen, HouseholdAccount, NotYours,
              refusals.ChallengeUnknown, refusals.ChallengeNeedsPhone),
    success=Success(200, "The till may sell, or never.", Record(
        {"state": Text(one_of=("met", "declined"))}, closed=False)),
)  # fmt: skip
ROUTES = (LIST, SHOW, STEP, OF_MEMBER, APPEAL, CHALLENGES, ANSWER)


@dataclass(frozen=True, slots=True)
class ReviewsDoor:
    """The endpoints of this module over the risk and the care room."""

    administration: Administration
    desk: ReviewDesk
    cursors: Cursors

    def list(self, call: Call) -> Reply:
        """A page of the queue."""
        page = self.cursors.page("risk-reviews", call.query)

        def find(conn: Connection) -> Json:
            found = queries.reviews(conn, position_before(page.after), page.limit + 1)
            rows, cursor = self.cursors.cut(page, found, _place)
            return {"reviews": [_review(row) for row in rows], "next_cursor": cursor}

        return self.administration.read(find)

    def show(self, call: Call) -> Reply:
        """One review."""
        review_id = parse_id(call.path["review"], "review")

        def find(conn: Connection) -> Json:
            row = queries.review(conn, review_id)
            if row is None:
                raise refusals.ReviewUnknown
            decided = queries.decision(conn, row.decision_id)
            events = [
                {"kind": e.kind, "by": e.by_whom, "reason": e.reason, "at": format_instant(e.at)}
                for e in queries.events_of(conn, review_id)
            ]
            why = None if decided is None else decision_document(decided, None)
            return {"review": _review(row), "events": events, "decision": why}

        return self.administration.read(find)

    def step(self, call: Call) -> Reply:
        """One step of the care desk."""
        return self._do(call, call.body.fields["step"], None)

    def of_member(self, call: Call) -> Reply:
        """The member's own reviews."""

        def find(conn: Connection) -> Json:
            found = queries.reviews_of_member(conn, member_of_call(conn, call).member_id, _MOST)
            return {"reviews": [_review(row) for row in found]}

        return self.administration.read(find)

    def appeal(self, call: Call) -> Reply:
        """The member objects."""
        found: list[int] = []

        def find(conn: Connection) -> Json:
            found.append(member_of_call(conn, call).member_id)
            return {}

        self.administration.read(find)
        return self._do(call, "appeal", found[0])

    def challenges(self, call: Call) -> Reply:
        """What is to be confirmed now."""

        def find(conn: Connection) -> Json:
            member_id = member_of_call(conn, call).member_id
            found = queries.open_challenges(conn, member_id, call.at, _MOST)
            lanes = _custodial(conn, member_id) if found else frozenset()
            return {"challenges": [_challenge(row, lanes) for row in found]}

        return self.administration.read(find)

    def answer(self, call: Call) -> Reply:
        """The member has said yes or no to a payment."""
        challenge_id, confirms = parse_id(call.path["challenge"], "challenge"), call.body.fields["confirm"]

        def act(conn: Connection) -> Json:
            member_id = lock_member(conn, number_of_call(conn, call))["member_id"]
            asked = challenges.Asked(challenge_id, member_id, _custodial(conn, member_id))
            challenges.answer(conn, asked, call.at, confirms=confirms)
            return {"state": "met" if confirms else "declined"}

        return self.administration.write(call, act, status=200)

    def _do(self, call: Call, kind: str, member_id: int | None) -> Reply:
        reason = clean_text(call.body.fields["reason"], "reason", 500)
        review_id = parse_id(call.path["review"], "review")
        step = Step(review_id, kind, call.caller.subject, reason, call.at, member_id)
        keyed = self.administration.keyed(call, 200, lambda state: {"state": state})
        return reply_of(self.desk.do(step, keyed))


def served(door: ReviewsDoor) -> list[Served]:
    """The routes of this module bound to their endpoints."""
    endpoints = (door.list, door.show, door.step, door.of_member, door.appeal, door.challenges,
                 door.answer)  # fmt: skip
    return [Served(route, endpoint) for route, endpoint in zip(ROUTES, endpoints, strict=True)]


def _place(row: Row[Any]) -> str:
    return f"{micros_of(row.until)}:{row.review_id.hex()}"


def _review(row: Row[Any]) -> Json:
    return {
        "review": id_text(row.review_id),
        "state": row.state,
        "reason": row.reason,
        "merchant": gln_text(row.merchant_id),
        "sale": id_text(row.sale_id) if row.sale_id else None,
        "until": format_instant(row.until),
        "opened_at": format_instant(row.opened_at),
    }


def _custodial(conn: Connection, member_id: int) -> frozenset[int]:
    return frozenset(one.lane for one in devices_of(conn, member_id) if one.custodial)


def _challenge(row: Row[Any], custodial: frozenset[int]) -> Json:
    return {
        "challenge": id_text(row.challenge_id),
        "merchant": gln_text(row.merchant_id),
        "amount_minor": row.amount_minor,
        "nonce": str(int.from_bytes(row.nonce, "big")),
        "reason": row.reason,
        "expires_at": format_instant(instant_of_seconds(row.expires_at)),
        "state": row.state,
        "answered_by": "page" if challenges.nonce_lane(row.nonce) in custodial else "phone",
    }
