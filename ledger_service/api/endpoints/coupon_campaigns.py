"""Coupon campaigns: proposed, approved by another, live for a time, ended; with arms and sources."""

from __future__ import annotations

from base64 import b32encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import Connection, RowMapping

from ledger_service.api import shapes
from ledger_service.api.administration import Administration, Json
from ledger_service.api.endpoints.coupon_definitions import CODE, NAMES, code_of, own_merchant, said
from ledger_service.api.endpoints.devices import WRITE_PROBLEMS
from ledger_service.api.errors import CursorRefused, NotYours
from ledger_service.api.paging import PAGE_QUERY, Cursors, paged
from ledger_service.api.routes import Call, Reply, Route, Served, Success, scopes
from ledger_service.api.schema import Free, Integer, Listing, Named, Nullable, Record, Text
from ledger_service.checkout.couponing.results import Worth, worth_of
from ledger_service.coupons.definitions import campaigns
from ledger_service.coupons.definitions import errors as refusals
from ledger_service.coupons.definitions.campaigns import Arm, NewCampaign, NewSource
from ledger_service.coupons.definitions.models import CHANNELS
from ledger_service.coupons.definitions.results import results_of
from ledger_service.kernel.clock import format_instant, parse_instant
from ledger_service.kernel.errors import MalformedField
from ledger_service.kernel.gs1 import gln_text
from ledger_service.kernel.ids import derive_id

_GROUP = "Coupons"
_READ = scopes("quote", "merchant:read")
_MOST_ARMS = 10
_ARM = Record(
    {"weight": Integer(1, 10_000), "definitions": Listing(CODE, 100, about="None for a control group")}
)
_CAMPAIGN = Named("CouponCampaign", Record(
    {"campaign": Integer(1), "code": CODE, "merchant": shapes.GLN, "names": Free("By language"),
     "state": Text(one_of=("draft", "approved", "live", "ended")), "starts_at": shapes.INSTANT,
     "ends_at": shapes.INSTANT, "arms": Listing(_ARM, _MOST_ARMS)}, closed=False))  # fmt: skip
_CHANNEL = Text(one_of=CHANNELS)
_SOURCE_CODE = Text(pattern="[A-Z0-9]{4,32}", about="What stands in the link, on the poster, at the till")
_ARM_NUMBER = Nullable(Integer(0, _MOST_ARMS - 1, "All who come from here get it; else the member decides"))
_SOURCE = Named("CouponSource", Record(
    {"source": _SOURCE_CODE, "channel": _CHANNEL, "label": Text(200), "arm": _ARM_NUMBER,
     "created_at": shapes.INSTANT}, closed=False))  # fmt: skip
_RESULT = Named("CouponSourceResult", Record(
    {"source": _SOURCE_CODE, "channel": _CHANNEL, "label": Text(200), "arm": _ARM_NUMBER,
     "created_at": shapes.INSTANT, "coupons": Integer(about="Came from here"),
     "used": Integer(about="Of them, used and not given back"),
     "discount_minor": Integer(about="What they took off, less what came back of it"),
     "baskets_minor": Integer(about="What the own baskets cost that used them")}, closed=False))  # fmt: skip
_BASE = "/v1/merchants/<gln>/coupon-campaigns"
_SOURCES = f"{_BASE}/<code>/sources"
_WRITES = (*WRITE_PROBLEMS, NotYours, refusals.CampaignUnknown, refusals.CampaignStateWrong)
PROPOSE = Route(
    "POST", _BASE, "propose-coupon-campaign", scopes("store:write"), "Propose a campaign", group=_GROUP,
    write=True,
    body=Named("NewCouponCampaign", Record(
        {"code": CODE, "names": NAMES, "starts_at": shapes.INSTANT, "ends_at": shapes.INSTANT,
         "arms": Listing(_ARM, _MOST_ARMS, 1)})),
    problems=(*WRITE_PROBLEMS, NotYours, refusals.CouponCodeTaken, refusals.DefinitionUnknown,
              refusals.DefinitionWithdrawn),
    success=Success(201, "A draft.", _CAMPAIGN),
)  # fmt: skip
LIST = Route(
    "GET", _BASE, "coupon-campaigns", _READ, "A merchant's campaigns", group=_GROUP, query=PAGE_QUERY,
    problems=(NotYours, CursorRefused),
    success=Success(200, "A page, oldest first.", paged("campaigns", _CAMPAIGN)),
)  # fmt: skip
APPROVE = Route(
    "POST", f"{_BASE}/<code>/approval", "approve-coupon-campaign", scopes("store:write"),
    "Approve what another has proposed", group=_GROUP, write=True, body=Record(),
    problems=(*_WRITES, refusals.ApproverIsAuthor), success=Success(200, "Approved.", _CAMPAIGN),
)  # fmt: skip
END = Route(
    "POST", f"{_BASE}/<code>/end", "end-coupon-campaign", scopes("store:write"),
    "Give out nothing more; what was given out stays", group=_GROUP, write=True, body=Record(),
    problems=_WRITES, success=Success(200, "Ended.", _CAMPAIGN),
)  # fmt: skip
ADD_SOURCE = Route(
    "POST", _SOURCES, "add-coupon-source", scopes("store:write"),
    "Add a source: a channel, poster, cashier or share link", group=_GROUP, write=True,
    body=Named("NewCouponSource", Record(
        {"channel": _CHANNEL, "label": Text(200)}, {"source": Nullable(_SOURCE_CODE), "arm": _ARM_NUMBER})),
    problems=(*_WRITES, refusals.CouponCodeTaken, refusals.SourceUnknown),
    success=Success(201, "Added.", _SOURCE),
)  # fmt: skip
SOURCES = Route(
    "GET", _SOURCES, "coupon-sources", _READ, "A campaign's sources and how each did",
    group=_GROUP, query=PAGE_QUERY, problems=(NotYours, refusals.CampaignUnknown, CursorRefused),
    success=Success(200, "A page, by code.", paged("sources", _RESULT)),
)  # fmt: skip
ROUTES = (PROPOSE, LIST, APPROVE, END, ADD_SOURCE, SOURCES)


@dataclass(frozen=True, slots=True)
class CampaignsDoor:
    """The endpoints of this module over the campaigns of the coupons room."""

    administration: Administration
    cursors: Cursors

    def propose(self, call: Call) -> Reply:
        """The campaign is a draft."""
        new = _new(call, own_merchant(call))

        def act(conn: Connection) -> Json:
            return _campaign(conn, campaigns.propose(conn, new, said(call)), call)

        return self.administration.write(call, act)

    def listed(self, call: Call) -> Reply:
        """A page of the merchant's campaigns."""
        merchant_id = own_merchant(call)
        page = self.cursors.page(f"coupon-campaigns:{merchant_id}", call.query)

        def find(conn: Connection) -> Json:
            found = campaigns.campaigns_after(conn, merchant_id, page.after_number or 0, page.limit + 1)
            rows, cursor = self.cursors.cut(page, found, lambda row: row["campaign_id"])
            return {"campaigns": [_campaign(conn, row, call) for row in rows], "next_cursor": cursor}

        return self.administration.read(find)

    def approve(self, call: Call) -> Reply:
        """Another than its proposer has approved the campaign."""
        merchant_id = own_merchant(call)

        def act(conn: Connection) -> Json:
            row = campaigns.the_campaign(conn, merchant_id, code_of(call))
            return _campaign(conn, campaigns.approve(conn, row, said(call)), call)

        return self.administration.write(call, act, status=200)

    def end(self, call: Call) -> Reply:
        """The campaign gives out nothing more."""
        merchant_id = own_merchant(call)

        def act(conn: Connection) -> Json:
            row = campaigns.the_campaign(conn, merchant_id, code_of(call))
            return _campaign(conn, campaigns.end(conn, row, said(call)), call)

        return self.administration.write(call, act, status=200)

    def add_source(self, call: Call) -> Reply:
        """Members may come from the source."""
        merchant_id, given = own_merchant(call), call.body.fields
        source = given.get("source") or _source_code(call)
        new = NewSource(source, given["channel"], given["label"], given.get("arm"))

        def act(conn: Connection) -> Json:
            row = campaigns.the_campaign(conn, merchant_id, code_of(call))
            return _source(campaigns.add_source(conn, row, new, said(call)))

        return self.administration.write(call, act)

    def sources(self, call: Call) -> Reply:
        """A page of the campaign's sources."""
        merchant_id = own_merchant(call)

        def find(conn: Connection) -> Json:
            campaign = campaigns.the_campaign(conn, merchant_id, code_of(call))["campaign_id"]
            page = self.cursors.page(f"coupon-sources:{campaign}", call.query)
            found = campaigns.sources_after(conn, campaign, page.after or "", page.limit + 1)
            rows, cursor = self.cursors.cut(page, found, lambda row: row["source"])
            did = results_of(conn, campaign, [row["source"] for row in rows])
            worth = worth_of(conn, campaign, [row["source"] for row in rows])
            told = [_result(row, did, worth.get(row["source"], Worth())) for row in rows]
            return {"sources": told, "next_cursor": cursor}

        return self.administration.read(find)


def served(door: CampaignsDoor) -> list[Served]:
    """The routes of this module bound to their endpoints."""
    endpoints = (door.propose, door.listed, door.approve, door.end, door.add_source, door.sources)
    return [Served(route, endpoint) for route, endpoint in zip(ROUTES, endpoints, strict=True)]


def _source_code(call: Call) -> str:
    # From the caller and its key, so that a repeated request names the same source.
    raw = derive_id("coupon-source", call.caller.subject, call.key)
    return b32encode(raw[:5]).decode()


def _new(call: Call, merchant_id: int) -> NewCampaign:
    given = call.body.fields
    begins, ends = (parse_instant(given[name], name) for name in ("starts_at", "ends_at"))
    if begins >= ends:
        raise MalformedField("ends_at", "must be after starts_at")
    named = [code for arm in given["arms"] for code in arm["definitions"]]
    if not named or len(set(named)) < len(named):
        raise MalformedField("arms", "must name definitions, each in one arm")
    arms = tuple(Arm(arm["weight"], tuple(arm["definitions"])) for arm in given["arms"])
    return NewCampaign(merchant_id, given["code"], given["names"], begins, ends, arms)


def _campaign(conn: Connection, row: RowMapping, call: Call) -> Json:
    arms = campaigns.arms_of(conn, row["campaign_id"])
    codes = campaigns.codes_of(conn, [one for _, some in arms for one in some])
    return {
        "campaign": row["campaign_id"],
        "code": row["code"],
        "merchant": gln_text(row["merchant_id"]),
        "names": orjson.loads(row["names"]),
        "state": campaigns.state_of(row, call.at),
        "starts_at": format_instant(row["starts_at"]),
        "ends_at": format_instant(row["ends_at"]),
        "arms": [{"weight": weight, "definitions": [codes[one] for one in some]} for weight, some in arms],
    }


def _result(row: Mapping[Any, Any], did: Mapping[str, tuple[int, int]], worth: Worth) -> Json:
    coupons, used = did.get(row["source"], (0, 0))
    return {**_source(row), "coupons": coupons, "used": used, **worth._asdict()}


def _source(row: Mapping[Any, Any]) -> Json:
    return {
        "source": row["source"],
        "channel": row["channel"],
        "label": row["label"],
        "arm": row["arm"],
        "created_at": format_instant(row["created_at"]),
    }
