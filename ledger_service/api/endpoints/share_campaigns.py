"""Referral campaigns over HTTP: asked for, approved by another, live, ended; and how far they have led."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import Connection, RowMapping

from ledger_service.api import shapes
from ledger_service.api.administration import Administration, Json
from ledger_service.api.endpoints import share_shapes as shares
from ledger_service.api.endpoints.devices import WRITE_PROBLEMS
from ledger_service.api.endpoints.places import require_merchant
from ledger_service.api.errors import CursorRefused, NotYours
from ledger_service.api.paging import PAGE_QUERY, Cursors, paged
from ledger_service.api.routes import Call, Parameter, Reply, Route, Served, Success, scopes
from ledger_service.api.schema import Flag, Listing, Record, Text
from ledger_service.kernel.clock import format_instant, micros_of, parse_instant
from ledger_service.kernel.gs1 import gln_text, parse_gln
from ledger_service.points.errors import ProgrammeUnknown, SecondPersonNeeded
from ledger_service.referrals.campaigns import errors as refusals
from ledger_service.referrals.campaigns import queries, service
from ledger_service.referrals.campaigns.rules import Milestone, Terms, Touch, Trigger
from ledger_service.referrals.campaigns.service import Budget, NewCampaign, Said
from ledger_service.referrals.links.queries import steps_of
from ledger_service.referrals.rewards.queries import purchases_of

_GROUP, _BASE = "Sharing", "/v1/share/campaigns"
_ONE = f"{_BASE}/<campaign>"
_READ = scopes("store:write", "audit:read")
_CHANGES = (*WRITE_PROBLEMS, refusals.ShareCampaignUnknown, refusals.ShareCampaignStateWrong)
ASK = Route(
    "POST", _BASE, "ask-share-campaign", scopes("store:write"), "Ask for a referral campaign", group=_GROUP,
    write=True, body=shares.NEW_CAMPAIGN,
    problems=(*WRITE_PROBLEMS, NotYours, ProgrammeUnknown, refusals.ShareCampaignTaken,
              refusals.ShareTermsRefused),
    success=Success(201, "A draft, which a second person approves.", shares.CAMPAIGN),
)  # fmt: skip
LIST = Route(
    "GET", _BASE, "list-share-campaigns", _READ, "Referral campaigns", group=_GROUP, query=PAGE_QUERY,
    problems=(CursorRefused,),
    success=Success(200, "A page, oldest first; a merchant sees its own.",
                    paged("campaigns", shares.CAMPAIGN)),
)  # fmt: skip
SHOW = Route(
    "GET", _ONE, "show-share-campaign", _READ, "A campaign with its versions", group=_GROUP,
    problems=(refusals.ShareCampaignUnknown,),
    success=Success(200, "The campaign.", Record(
        {"campaign": shares.CAMPAIGN, "versions": Listing(shares.VERSION)}, closed=False)),
)  # fmt: skip
REVISE = Route(
    "POST", f"{_ONE}/versions", "revise-share-campaign", scopes("store:write"),
    "Ask for other terms; who followed before keeps the old ones", group=_GROUP, write=True,
    body=Record({"terms": shares.TERMS}), problems=(*_CHANGES, refusals.ShareTermsRefused),
    success=Success(201, "A version that a second person approves.", shares.CAMPAIGN),
)  # fmt: skip
DECIDE = Route(
    "POST", f"{_ONE}/decision", "decide-share-campaign", scopes("store:write"),
    "Approve or decline the version that waits", group=_GROUP, write=True, body=Record({"approve": Flag()}),
    problems=(*_CHANGES, SecondPersonNeeded, refusals.ShareTermsRefused),
    success=Success(200, "Decided.", shares.CAMPAIGN),
)  # fmt: skip
MOVE = Route(
    "POST", f"{_ONE}/state", "move-share-campaign", scopes("store:write"), "Let it go live, or end it",
    group=_GROUP, write=True, body=Record({"state": Text(one_of=("live", "ended"))}), problems=_CHANGES,
    success=Success(200, "Done.", shares.CAMPAIGN),
)  # fmt: skip
SET_BUDGET = Route(
    "POST", f"{_ONE}/budget", "set-share-budget", scopes("store:write"),
    "The most that the campaign may promise in all", group=_GROUP, write=True, body=shares.BUDGET,
    problems=(*WRITE_PROBLEMS, refusals.ShareCampaignUnknown, refusals.ShareBudgetTooSmall),
    success=Success(200, "Set.", shares.CAMPAIGN),
)  # fmt: skip
FUNNEL = Route(
    "GET", f"{_ONE}/funnel", "share-funnel", _READ, "From links to purchases, as of any instant",
    group=_GROUP, query={"at": Parameter(shapes.INSTANT, "As of when; now where absent")},
    problems=(refusals.ShareCampaignUnknown,),
    success=Success(200, "By channel, and purchases by what came of them.", Record(
        {"campaign": shares.CAMPAIGN_CODE, "at": shapes.INSTANT,
         "channels": Listing(shares.FUNNEL_CHANNEL), "purchases": Listing(shares.FUNNEL_OUTCOME)},
        closed=False)),
)  # fmt: skip
ROUTES = (ASK, LIST, SHOW, REVISE, DECIDE, MOVE, SET_BUDGET, FUNNEL)


@dataclass(frozen=True, slots=True)
class ShareCampaignsDoor:
    """The endpoints of this module over the campaigns room."""

    administration: Administration
    cursors: Cursors

    def ask(self, call: Call) -> Reply:
        """A draft stands."""
        given = call.body.fields
        merchant_id = parse_gln(given["merchant"], "merchant")
        require_merchant(call, merchant_id, "merchant")
        new = NewCampaign(
            given["code"], merchant_id, given["programme"], given["name"], _terms(given["terms"]),
            Budget(**given["budget"]),
        )  # fmt: skip
        return self._write(call, lambda conn: service.ask(conn, new, _said(call)), new.code, 201)

    def list(self, call: Call) -> Reply:
        """A page of campaigns."""
        own = call.caller.merchant_id
        page = self.cursors.page(f"share-campaigns:{own}", call.query)

        def find(conn: Connection) -> Json:
            found = queries.campaigns(conn, own, _after(page.after), page.limit + 1)
            rows, cursor = self.cursors.cut(page, found, _place)
            return {"campaigns": [_campaign(row) for row in rows], "next_cursor": cursor}

        return self.administration.read(find)

    def show(self, call: Call) -> Reply:
        """One campaign."""

        def find(conn: Connection) -> Json:
            row = queries.campaign_of_code(conn, call.path["campaign"], call.caller.merchant_id)
            known = queries.versions(conn, row["campaign_id"])
            return {"campaign": _campaign(row), "versions": [_version(one) for one in known]}

        return self.administration.read(find)

    def revise(self, call: Call) -> Reply:
        """Another version waits."""
        code, terms = call.path["campaign"], _terms(call.body.fields["terms"])
        return self._write(call, lambda conn: service.revise(conn, code, terms, _said(call)), code, 201)

    def decide(self, call: Call) -> Reply:
        """The version is in force, or declined."""
        code, approve = call.path["campaign"], call.body.fields["approve"]
        return self._write(
            call, lambda conn: service.decide(conn, code, _said(call), approve=approve), code, 200
        )

    def move(self, call: Call) -> Reply:
        """The campaign is live, or over."""
        code = call.path["campaign"]
        act = service.go_live if call.body.fields["state"] == "live" else service.end
        return self._write(call, lambda conn: act(conn, code, _said(call)), code, 200)

    def set_budget(self, call: Call) -> Reply:
        """The budget is this from now on."""
        code, budget = call.path["campaign"], Budget(**call.body.fields)
        return self._write(call, lambda conn: service.set_budget(conn, code, budget, _said(call)), code, 200)

    def funnel(self, call: Call) -> Reply:
        """How far the campaign has led."""
        at = parse_instant(call.query["at"], "at") if "at" in call.query else call.at

        def find(conn: Connection) -> Json:
            row = queries.campaign_of_code(conn, call.path["campaign"], call.caller.merchant_id)
            bought = purchases_of(conn, row["campaign_id"], at)
            return {
                "campaign": row["code"], "at": format_instant(at),
                "channels": [step._asdict() for step in steps_of(conn, row["campaign_id"], at)],
                "purchases": [one._asdict() for one in bought],
            }  # fmt: skip

        return self.administration.read(find)

    def _write(self, call: Call, act: Callable[[Connection], object], code: str, status: int) -> Reply:
        def run(conn: Connection) -> Json:
            act(conn)
            return _campaign(queries.campaign_of_code(conn, code))

        return self.administration.write(call, run, status=status)


def served(door: ShareCampaignsDoor) -> list[Served]:
    """The routes of this module bound to their endpoints."""
    endpoints = (
        door.ask, door.list, door.show, door.revise, door.decide, door.move, door.set_budget, door.funnel,
    )  # fmt: skip
    return [Served(route, endpoint) for route, endpoint in zip(ROUTES, endpoints, strict=True)]


def _said(call: Call) -> Said:
    return Said(call.caller.subject, call.at, call.caller.merchant_id)


def _terms(given: dict[str, Any]) -> Terms:
    values = dict(given)
    milestones = values.pop("milestones", [])
    return Terms(**values | {
        "trigger": Trigger(values["trigger"]), "touch": Touch(values.get("touch", Touch.LAST.value)),
        "milestones": tuple(
            Milestone(one["count"], one.get("points", 0), one.get("coupon", 0)) for one in milestones
        ),
    })  # fmt: skip


def _campaign(row: RowMapping) -> Json:
    return {
        "code": row["code"], "merchant": gln_text(row["merchant_id"]), "programme_id": row["programme_id"],
        "name": row["name"], "state": row["state"], "version": row["version"],
        "budget": {
            "points": row["most_points"], "rewards": row["most_rewards"], "coupons": row["most_coupons"],
            "used_points": row["used_points"], "used_rewards": row["used_rewards"],
            "used_coupons": row["used_coupons"],
        },
        "live_at": None if row["live_at"] is None else format_instant(row["live_at"]),
        "ended_at": None if row["ended_at"] is None else format_instant(row["ended_at"]),
    }  # fmt: skip


def _version(row: RowMapping) -> Json:
    return {
        "version": row["version"], "state": row["state"], "depth": row["depth"],
        "terms": orjson.loads(row["body"]), "asked_by": row["asked_by"],
        "asked_at": format_instant(row["asked_at"]), "decided_by": row["decided_by"],
    }  # fmt: skip


def _place(row: RowMapping) -> str:
    return f"{micros_of(row['created_at'])} {row['campaign_id'].hex()}"


def _after(position: str | None) -> tuple[int, bytes] | None:
    if position is None:
        return None
    micros, _, last = position.partition(" ")
    return int(micros), bytes.fromhex(last)
