"""What a member may share, and how far its own links have led."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection

from ledger_service.api import shapes
from ledger_service.api.administration import Administration, Json
from ledger_service.api.endpoints import share_shapes as shares
from ledger_service.api.errors import CursorRefused, NotYours
from ledger_service.api.paging import PAGE_QUERY, Cursors, paged
from ledger_service.api.routes import Call, Reply, Route, Served, Success, scopes
from ledger_service.api.schema import Integer, Record, Text
from ledger_service.referrals.links import queries
from ledger_service.referrals.links.errors import ShareLinkUnknown
from ledger_service.referrals.links.queries import Offer
from ledger_service.referrals.links.rules import typed

_GROUP = "Sharing"
_OFFER = Record({
    "campaign": shares.CAMPAIGN_CODE, "name": Text(100), "merchant": shapes.GLN, "merchant_name": Text(200),
    "trigger": Text(), "sharer_points": Integer(), "newcomer_points": Integer(),
    "sharer_coupon": shares.COUPON_NAMES, "newcomer_coupon": shares.COUPON_NAMES,
}, closed=False)  # fmt: skip
OFFERS = Route(
    "GET", "/v1/share/offers", "list-share-offers", scopes("self:read"),
    "The campaigns that a member may share", group=_GROUP, query=PAGE_QUERY, problems=(CursorRefused,),
    success=Success(200, "A page, by code.", paged("offers", _OFFER)),
)  # fmt: skip
FUNNEL = Route(
    "GET", "/v1/share/links/<link>/funnel", "share-link-funnel", scopes("self:read"),
    "How often one's own link was opened, and who came of it", group=_GROUP,
    problems=(NotYours, ShareLinkUnknown),
    success=Success(200, "Counted now; nobody is named.", shapes.answer(
        "ShareLinkFunnel", url=Text(200), touches=Integer(), machines=Integer(), followed=Integer(),
        enrolled=Integer())),
)  # fmt: skip
ROUTES = (OFFERS, FUNNEL)


@dataclass(frozen=True, slots=True)
class OffersDoor:
    """The endpoints of this module over the links room; ``url`` is where a link of this code leads."""

    administration: Administration
    cursors: Cursors
    url: Callable[[str], str]

    def offers(self, call: Call) -> Reply:
        """A page of what is live."""
        page = self.cursors.page("share-offers", call.query)

        def find(conn: Connection) -> Json:
            found = queries.live_offers(conn, page.after, page.limit + 1)
            rows, cursor = self.cursors.cut(page, found, lambda offer: offer.campaign)
            return {"offers": [_view(offer) for offer in rows], "next_cursor": cursor}

        return self.administration.read(find)

    def funnel(self, call: Call) -> Reply:
        """One link's steps."""
        member_id, code = call.caller.member_id, typed(call.path["link"])
        if member_id is None:
            raise NotYours("member")
        return self.administration.read(
            lambda conn: {"url": self.url(code), **queries.funnel_of(conn, code, member_id)}
        )


def served(door: OffersDoor) -> list[Served]:
    """The routes of this module bound to their endpoints."""
    return [Served(OFFERS, door.offers), Served(FUNNEL, door.funnel)]


def _view(offer: Offer) -> Json:
    return {
        "campaign": offer.campaign, "name": offer.name, "merchant": f"{offer.merchant_id:013d}",
        "merchant_name": offer.merchant, "trigger": offer.terms.trigger.value,
        "sharer_points": offer.terms.sharer_points, "newcomer_points": offer.terms.newcomer_points,
        "sharer_coupon": offer.coupons.get(offer.terms.sharer_coupon),
        "newcomer_coupon": offer.coupons.get(offer.terms.newcomer_coupon),
    }  # fmt: skip
