"""The network of sharing over HTTP: a campaign's measures and its spread, and a member's tree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from ledger_service.api import shapes
from ledger_service.api.administration import Administration, Json
from ledger_service.api.endpoints import share_shapes as shares
from ledger_service.api.endpoints.devices import member_of_call
from ledger_service.api.errors import NotYours
from ledger_service.api.routes import Call, Parameter, Reply, Route, Served, Success, scopes
from ledger_service.api.schema import Free, Integer, Listing, Nullable, Record, Text
from ledger_service.db.engine import Database
from ledger_service.kernel.clock import format_instant, parse_instant
from ledger_service.members.errors import MemberUnknown
from ledger_service.referrals.campaigns.errors import ShareCampaignUnknown
from ledger_service.referrals.campaigns.queries import campaign_of_code
from ledger_service.referrals.network import queries
from ledger_service.referrals.network.errors import ShareNetworkUnmeasured
from ledger_service.referrals.network.pictures import picture

_GROUP, _ONE = "Sharing", "/v1/share/campaigns/<campaign>"
_READ = scopes("store:write", "audit:read")
_SVG = ("image/svg+xml",)
_CLASSES = Listing(Record({"value": Integer(), "members": Integer()}, closed=False), 100)
_TOP = Listing(Record({"member": Nullable(shapes.NUMBER), "value": Integer()}, closed=False), 20)
_REPORT: dict[str, Any] = {
    "degrees": _CLASSES, "strength": _TOP, "cores": _CLASSES, "influence": _TOP, "reach": _TOP,
    "clustering": Record({"mean_ppm": Integer(), "transitivity_ppm": Integer()}, closed=False),
    "betweenness": Record({"error_ppm": Integer(), "doubt_ppm": Integer(), "top": _TOP}, closed=False),
    "communities": Record({"count": Integer(), "modularity_ppm": Integer(-1_000_000),
                           "largest": Listing(Integer(), 20)}, closed=False),
    "weights": Free("By which influence was counted, in thousandths"),
    "levels": Listing(Integer(), 100), "deepest": Listing(Nullable(shapes.NUMBER), 64),
}  # fmt: skip
_BY = Parameter(Text(one_of=("channel", "place")), "What the colours say; channel where absent")
_AT = {"at": Parameter(shapes.INSTANT, "As of when; now where absent")}
MEASURES = Route(
    "GET", f"{_ONE}/network", "share-network", _READ, "What the campaign's network was last measured to be",
    group=_GROUP, query=_AT, problems=(ShareCampaignUnknown, ShareNetworkUnmeasured),
    success=Success(200, "Shares are parts per million, influence thousandths.", Record(
        {"campaign": shares.CAMPAIGN_CODE, "measured_at": shapes.INSTANT, "members": Integer(),
         "ties": Integer()}, _REPORT, closed=False)),
)  # fmt: skip
SPREAD = Route(
    "GET", f"{_ONE}/spread", "share-spread", _READ, "How the campaign spread, drawn over time", group=_GROUP,
    query={**_AT, "by": _BY}, problems=(ShareCampaignUnknown,),
    success=Success(200, f"The first {queries.MOST_DRAWN} ties; nobody is named.", media_types=_SVG),
)  # fmt: skip
TREE = Route(
    "GET", "/v1/members/<number>/share-tree", "share-tree", scopes("member:read", "self:read"),
    "Who came of a member into the alliance, drawn over time", group=_GROUP,
    problems=(MemberUnknown, NotYours),
    success=Success(200, f"{queries.TREE_LEVELS} levels at most; nobody is named.", media_types=_SVG),
)  # fmt: skip
ROUTES = (MEASURES, SPREAD, TREE)


@dataclass(frozen=True, slots=True)
class ShareNetworkDoor:
    """The endpoints of this module over the network room."""

    administration: Administration
    database: Database

    def measures(self, call: Call) -> Reply:
        """The newest report."""
        at = parse_instant(call.query["at"], "at") if "at" in call.query else call.at

        def find(conn: Connection) -> Json:
            row = campaign_of_code(conn, call.path["campaign"], call.caller.merchant_id)
            found = queries.newest(conn, row["campaign_id"], at)
            report: Json = _named(found.report, found.numbers)
            return {"campaign": row["code"], "measured_at": format_instant(found.at)} | report

        return self.administration.read(find)

    def spread(self, call: Call) -> Reply:
        """The picture of the campaign."""
        at = parse_instant(call.query["at"], "at") if "at" in call.query else call.at
        with self.database.read() as conn:
            row = campaign_of_code(conn, call.path["campaign"], call.caller.merchant_id)
            read = queries.spread_by_place if call.query.get("by") == "place" else queries.spread_of
            ties = read(conn, row["campaign_id"], at)
        return _drawn(picture(ties, row["name"]))

    def tree(self, call: Call) -> Reply:
        """The picture of the member's tree."""
        with self.database.read() as conn:
            member = member_of_call(conn, call)
            ties = queries.tree_of(conn, member.member_id)
        return _drawn(picture(ties, "Share tree", member.member_id))


def served(door: ShareNetworkDoor) -> list[Served]:
    """The routes of this module bound to their endpoints."""
    endpoints = (door.measures, door.spread, door.tree)
    return [Served(route, endpoint) for route, endpoint in zip(ROUTES, endpoints, strict=True)]


def _drawn(svg: str) -> Reply:
    return Reply(svg.encode(), media_type=_SVG[0])


def _named(value: Any, numbers: dict[int, str]) -> Any:
    """The report with numbers for rows; an erased member is null."""
    if isinstance(value, list):
        return [_named(one, numbers) for one in value]
    if not isinstance(value, dict):
        return value
    told = {name: _named(one, numbers) for name, one in value.items()}
    if "member" in told:
        told["member"] = numbers.get(told["member"])
    if "deepest" in told:
        told["deepest"] = [numbers.get(one) for one in told["deepest"]]
    return told
