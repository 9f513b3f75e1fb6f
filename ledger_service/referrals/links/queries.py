"""Reads of links: what a visitor sees, a member's own, and how a campaign's links lead to purchases."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, RowMapping, func, select, tuple_

from ledger_service.kernel.clock import instant_of_micros
from ledger_service.merchants.models import merchant
from ledger_service.referrals.campaigns.models import share_campaign, share_campaign_version
from ledger_service.referrals.campaigns.rules import Terms, terms_of
from ledger_service.referrals.links.errors import ShareLinkEnded, ShareLinkUnknown
from ledger_service.referrals.links.models import share_bind, share_link, share_touch

_L, _C, _V = share_link.c, share_campaign.c, share_campaign_version.c


class Offer(NamedTuple):
    """What a link offers to whoever opens it; who shared it is nobody's business."""

    campaign: str
    name: str
    merchant_id: int
    merchant: str
    terms: Terms


def offer_of(conn: Connection, code: str) -> Offer:
    """The offer behind a link.

    Raises:
        ShareLinkUnknown. ShareLinkEnded: the link or its campaign is over.
    """
    joined = (
        share_link.join(share_campaign, _C.campaign_id == _L.campaign_id)
        .join(share_campaign_version, (_V.campaign_id == _C.campaign_id) & (_V.version == _C.version))
        .join(merchant, merchant.c.merchant_id == _C.merchant_id)
    )
    row = conn.execute(select(
        _C.code, _C.name, _C.merchant_id, merchant.c.name.label("merchant"), _C.state, _L.ended_at, _V.body
    ).select_from(joined).where(_L.code == code)).one_or_none()  # fmt: skip
    if row is None:
        raise ShareLinkUnknown
    if row.ended_at is not None or row.state != "live":
        raise ShareLinkEnded
    return Offer(row.code, row.name, row.merchant_id, row.merchant, terms_of(row.body))


def links_of(conn: Connection, member_id: int, after: tuple[int, str] | None, most: int) -> list[RowMapping]:
    """A member's links behind (made_at in micros, code), oldest first, with their campaigns' codes."""
    its = select(share_link, _C.code.label("campaign")).join(
        share_campaign, _C.campaign_id == _L.campaign_id
    ).where(_L.member_id == member_id)  # fmt: skip
    if after is not None:
        its = its.where(tuple_(_L.made_at, _L.code) > (instant_of_micros(after[0]), after[1]))
    return list(conn.execute(its.order_by(_L.made_at, _L.code).limit(most)).mappings())


class Step(NamedTuple):
    """A channel of a campaign: links, touches of people and of machines, followers, who enrolled."""

    channel: str
    links: int
    touches: int
    machines: int
    followed: int
    enrolled: int


def steps_of(conn: Connection, campaign_id: bytes, until: datetime) -> list[Step]:
    """How far the campaign's links had led by an instant, by channel; the same whenever it is asked."""
    touch, bind = share_touch.c, share_bind.c
    mine = _L.campaign_id == campaign_id
    made = select(_L.channel, func.count()).where(mine, _L.made_at <= until).group_by(_L.channel)
    links: dict[str, int] = dict(row for row in conn.execute(made))
    of_link = share_touch.join(share_link, _L.code == touch.code)
    touched = select(_L.channel, touch.machine, func.count()).select_from(of_link).where(
        mine, touch.touched_at <= until
    ).group_by(_L.channel, touch.machine)  # fmt: skip
    touches = {(channel, machine): n for channel, machine, n in conn.execute(touched)}
    joined = share_bind.join(share_link, _L.code == bind.code)
    followed = select(_L.channel, bind.newcomer, func.count()).select_from(joined).where(
        bind.campaign_id == campaign_id, bind.bound_at <= until
    ).group_by(_L.channel, bind.newcomer)  # fmt: skip
    binds = {(channel, newcomer): n for channel, newcomer, n in conn.execute(followed)}
    return [
        Step(
            channel, count, touches.get((channel, False), 0), touches.get((channel, True), 0),
            binds.get((channel, False), 0) + binds.get((channel, True), 0), binds.get((channel, True), 0),
        )
        for channel, count in sorted(links.items())
    ]  # fmt: skip
