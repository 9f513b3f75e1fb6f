"""Sharing: links of members, live codes of cashiers, touches of whoever opens them, followers."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, RowMapping

from ledger_service.api import shapes
from ledger_service.api.administration import Administration, Json
from ledger_service.api.endpoints import share_offers
from ledger_service.api.endpoints import share_shapes as shares
from ledger_service.api.endpoints.devices import WRITE_PROBLEMS
from ledger_service.api.endpoints.share_offers import OffersDoor
from ledger_service.api.errors import CursorRefused, NotYours, RateLimited
from ledger_service.api.limits import Buckets
from ledger_service.api.paging import PAGE_QUERY, Cursors, paged
from ledger_service.api.routes import PUBLIC, Call, Reply, Route, Served, Success, scopes
from ledger_service.api.schema import Flag, Record, Text
from ledger_service.db.errors import StorageUnavailable, WriterBusy
from ledger_service.db.writer import Writer
from ledger_service.kernel.clock import format_instant, micros_of
from ledger_service.kernel.gs1 import parse_gsrn
from ledger_service.kernel.ids import id_text, parse_id
from ledger_service.kernel.text import clean_text
from ledger_service.members.code_images import qr_svg
from ledger_service.members.errors import MemberUnknown
from ledger_service.members.queries import find_by_number
from ledger_service.referrals.campaigns.errors import ShareCampaignUnknown
from ledger_service.referrals.campaigns.service import locked
from ledger_service.referrals.links import errors as refusals
from ledger_service.referrals.links import queries
from ledger_service.referrals.links.binding import Binder, Follower
from ledger_service.referrals.links.rules import Channel, typed
from ledger_service.referrals.links.service import LinkDesk, LiveCode
from ledger_service.referrals.links.touching import TouchCommand, Visit
from ledger_service.referrals.staffing.queries import staff_at

_GROUP, _OPEN = "Sharing", "Sharing, for everybody"
_OVER = (refusals.ShareLinkUnknown, refusals.ShareLinkEnded)
MAKE = Route(
    "POST", "/v1/share/links", "make-share-link", scopes("self:write"), "The member's own link of a campaign",
    group=_GROUP, write=True, body=Record({"campaign": shares.CAMPAIGN_CODE, "channel": shares.CHANNEL}),
    problems=(*WRITE_PROBLEMS, ShareCampaignUnknown, refusals.ShareLinkEnded),
    success=Success(201, "The link, the same however often it is asked for.", shares.LINK),
)  # fmt: skip
OWN = Route(
    "GET", "/v1/share/links", "list-share-links", scopes("self:read"), "The member's own links", group=_GROUP,
    query=PAGE_QUERY, problems=(CursorRefused,),
    success=Success(200, "A page, oldest first.", paged("links", shares.LINK)),
)  # fmt: skip
END = Route(
    "POST", "/v1/share/links/<link>/end", "end-share-link", scopes("self:write"), "End one's own link",
    group=_GROUP, write=True, body=shapes.EMPTY_BODY, problems=(*WRITE_PROBLEMS, refusals.ShareLinkUnknown),
    success=Success(200, "It leads nowhere any more.", Record({"ended": Flag()}, closed=False)),
)  # fmt: skip
LIVE = Route(
    "POST", "/v1/share/live-codes", "hand-over-live-code", scopes("store:write"),
    "A cashier holds a place's live code from now on; the code stays", group=_GROUP, write=True,
    body=Record({"campaign": shares.CAMPAIGN_CODE, "place": Text(32), "cashier": shapes.CASHIER}),
    problems=(*WRITE_PROBLEMS, NotYours, ShareCampaignUnknown, refusals.ShareLinkEnded),
    success=Success(201, "The live code.", shares.LINK),
)  # fmt: skip
OFFER = Route(
    "GET", "/v1/share/links/<link>/offer", "share-offer", PUBLIC, "What a link offers to who opens it",
    group=_OPEN, problems=_OVER, personal=False, success=Success(200, "The offer.", shares.OFFER),
)  # fmt: skip
POSTER = Route(
    "GET", "/v1/share/links/<link>/qr", "share-poster", PUBLIC, "The link as a QR code", group=_OPEN,
    problems=(refusals.ShareLinkUnknown,), personal=False,
    success=Success(200, "The picture.", media_types=("image/svg+xml",)),
)  # fmt: skip
TOUCH = Route(
    "POST", "/v1/share/touches", "touch-share-link", PUBLIC,
    "Somebody has opened a link; `visit` is the visitor's own random number, and makes a retry count once",
    group=_OPEN,
    body=Record({"link": Text(24), "visit": shapes.HEX_ID}, {"agent": Text(400, 0)}),
    problems=(*_OVER, RateLimited, WriterBusy, StorageUnavailable),
    success=Success(200, "What enrolling or following may name; `counted` is false for a machine.",
                    Record({"touch": shapes.HEX_ID, "counted": Flag()}, closed=False)),
)  # fmt: skip
FOLLOW = Route(
    "POST", "/v1/share/follows", "follow-share-link", scopes("self:write"),
    "A member that was one before followed a link", group=_GROUP, write=True,
    body=Record({"touch": shapes.HEX_ID}),
    problems=(*WRITE_PROBLEMS, refusals.ShareTouchUnknown, refusals.ShareOwnLink,
              refusals.ShareLinkLimitReached),
    success=Success(201, "Committed, before any sale.", shapes.answer(
        "ShareFollowed", commitment=shapes.POINTS)),
)  # fmt: skip
SIGNAL = Route(
    "POST", "/v1/share/signals", "note-share-signal", scopes("store:write", "member:write"),
    "What members may have in common: kept as a keyed hash, for the rules against fraud", group=_GROUP,
    write=True,
    body=Record({"member": shapes.NUMBER, "signal": Text(256),
                 "kind": Text(one_of=("device", "payment", "phone", "address"))}),
    problems=(*WRITE_PROBLEMS, MemberUnknown),
    success=Success(201, "Noted.", Record({"noted": Flag()}, closed=False)),
)  # fmt: skip
OWN_ROUTES = (MAKE, OWN, END, LIVE, OFFER, POSTER, TOUCH, FOLLOW, SIGNAL)
ROUTES = (*OWN_ROUTES, *share_offers.ROUTES)


@dataclass(frozen=True, slots=True)
class ShareDoor:
    """The endpoints of this module over the links room; ``flood`` bounds the touches of one link."""

    administration: Administration
    cursors: Cursors
    writer: Writer
    desk: LinkDesk
    binder: Binder
    flood: Buckets
    public_url: str

    def make(self, call: Call) -> Reply:
        """The link stands."""
        member_id, given = _own(call), call.body.fields
        channel = Channel(given["channel"])

        def act(conn: Connection) -> Json:
            row = self.desk.of_member(conn, given["campaign"], member_id, channel, call.at)
            return self._link(row, given["campaign"])

        return self.administration.write(call, act)

    def own(self, call: Call) -> Reply:
        """A page of the member's links."""
        member_id = _own(call)
        page = self.cursors.page(f"share-links:{member_id}", call.query)

        def find(conn: Connection) -> Json:
            found = queries.links_of(conn, member_id, _after(page.after), page.limit + 1)
            rows, cursor = self.cursors.cut(page, found, _place)
            return {"links": [self._link(row, row["campaign"]) for row in rows], "next_cursor": cursor}

        return self.administration.read(find)

    def end(self, call: Call) -> Reply:
        """The link is over."""
        member_id, code = _own(call), typed(call.path["link"])

        def act(conn: Connection) -> Json:
            self.desk.end(conn, code, member_id, call.at)
            return {"ended": True}

        return self.administration.write(call, act, status=200)

    def live(self, call: Call) -> Reply:
        """The cashier holds the code."""
        given, own = call.body.fields, call.caller.merchant_id
        code = LiveCode(clean_text(given["place"], "place", 32), given["cashier"], call.caller.subject)

        def act(conn: Connection) -> Json:
            locked(conn, given["campaign"], own)
            return self._link(self.desk.live_code(conn, given["campaign"], code, call.at), given["campaign"])

        return self.administration.write(call, act)

    def offer(self, call: Call) -> Reply:
        """What the visitor is offered."""
        code = typed(call.path["link"])

        def find(conn: Connection) -> Json:
            found = queries.offer_of(conn, code)
            return {
                "campaign": found.campaign, "name": found.name, "merchant": f"{found.merchant_id:013d}",
                "merchant_name": found.merchant, "trigger": found.terms.trigger.value,
                "newcomer_points": found.terms.newcomer_points, "least_minor": found.terms.least_minor,
                "newcomer_coupon": found.coupons.get(found.terms.newcomer_coupon),
                "staff": staff_at(conn, code, call.at),
            }  # fmt: skip

        return self.administration.look(find)

    def poster(self, call: Call) -> Reply:
        """The picture; the check of the code is enough to draw it."""
        code = typed(call.path["link"])
        if not self.desk.codes.is_ours(code):
            raise refusals.ShareLinkUnknown
        return Reply(qr_svg(self.link_url(code)).encode(), media_type="image/svg+xml")

    def touch(self, call: Call) -> Reply:
        """The touch is recorded."""
        given = call.body.fields
        code = typed(given["link"])
        self.flood.take(code)
        visit = Visit(code, parse_id(given["visit"], "visit"), given.get("agent", ""), call.at)
        counted = self.writer.submit(TouchCommand(visit, self.desk.codes))
        return Reply({"touch": id_text(visit.touch_id), "counted": counted})

    def follow(self, call: Call) -> Reply:
        """The touch is the member's."""
        who = Follower(_own(call), newcomer=False)
        touch = parse_id(call.body.fields["touch"], "touch")
        return self.administration.write(
            call, lambda conn: {"commitment": self.binder.bind(conn, touch, who, call.at)}
        )

    def signal(self, call: Call) -> Reply:
        """The signal is noted."""
        given = call.body.fields
        value = clean_text(given["signal"], "signal", 256)

        def act(conn: Connection) -> Json:
            found = find_by_number(conn, parse_gsrn(given["member"], "member"))
            if found is None:
                raise MemberUnknown
            self.desk.note_signal(conn, found.member_id, given["kind"], value, call.at)
            return {"noted": True}

        return self.administration.write(call, act)

    def _link(self, row: RowMapping, campaign: str) -> Json:
        return {
            "code": row["code"], "campaign": campaign, "channel": row["channel"], "cashier": row["cashier"],
            "url": self.link_url(row["code"]), "made_at": format_instant(row["made_at"]),
            "ended_at": None if row["ended_at"] is None else format_instant(row["ended_at"]),
        }  # fmt: skip

    def link_url(self, code: str) -> str:
        """Where a link leads."""
        return f"{self.public_url}/s/{code}"


def served(door: ShareDoor) -> list[Served]:
    """The routes of this module bound to their endpoints."""
    endpoints = (
        door.make, door.own, door.end, door.live, door.offer, door.poster, door.touch, door.follow,
        door.signal,
    )  # fmt: skip
    offers = share_offers.served(OffersDoor(door.administration, door.cursors, door.link_url))
    own = [Served(route, endpoint) for route, endpoint in zip(OWN_ROUTES, endpoints, strict=True)]
    return [*own, *offers]


def _own(call: Call) -> int:
    member_id = call.caller.member_id
    if member_id is None:
        raise NotYours("member")
    return member_id


def _place(row: RowMapping) -> str:
    return f"{micros_of(row['made_at'])} {row['code']}"


def _after(position: str | None) -> tuple[int, str] | None:
    if position is None:
        return None
    micros, _, code = position.partition(" ")
    return int(micros), code
