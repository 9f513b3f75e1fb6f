"""Reads of links: what a visitor sees, a member's own, and how a campaign's links lead to purchases."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Join, RowMapping, func, select, tuple_

from ledger_service.coupons.definitions.queries import names_of
from ledger_service.kernel.clock import instant_of_micros
from ledger_service.merchants.models import merchant
from ledger_service.referrals.campaigns.models import share_campaign, share_campaign_version
from ledger_service.referrals.campaigns.rules import Terms, terms_of
from ledger_service.referrals.links.errors import ShareLinkEnded, ShareLinkUnknown
from ledger_service.referrals.links.models import share_bind, share_link, share_touch

_L, _C, _V = share_link.c, share_campaign.c, share_campaign_version.c


class Offer(NamedTuple):
    """What a link offers to whoever opens it; who shared it is nobody's business.

    ``coupons`` are the names of the coupons that are given, by definition and language.
    """

    campaign: str
    name: str
    merchant_id: int
    merchant: str
    terms: Terms
    coupons: dict[int, dict[str, str]]


def offer_of(conn: Connection, code: str) -> Offer:
    """The offer behind a link.

    Raises:
        ShareLinkUnknown. ShareLinkEnded: the link or its campaign is over.
    """
    joined = _offered().join(share_link, _C.campaign_id == _L.campaign_id)
    wanted = select(*_OFFERED, _C.state, _L.ended_at).select_from(joined).where(_L.code == code)
    row = conn.execute(wanted).one_or_none()
    if row is None:
        raise ShareLinkUnknown
    if row.ended_at is not None or row.state != "live":
        raise ShareLinkEnded
    return _offers(conn, [row])[0]


def live_offers(conn: Connection, after: str | None, most: int) -> list[Offer]:
    """What may be shared now, by the campaign's code behind ``after``."""
    wanted = select(*_OFFERED).select_from(_offered()).where(_C.state == "live")
    if after is not None:
        wanted = wanted.where(_C.code > after)
    return _offers(conn, conn.execute(wanted.order_by(_C.code).limit(most)).all())


def funnel_of(conn: Connection, code: str, member_id: int) -> dict[str, int]:
    """How far one of a member's own links has led.

    Raises:
        ShareLinkUnknown: it has none of this code.
    """
    touch, bind = share_touch.c, share_bind.c
    mine = select(_L.code).where(_L.code == code, _L.member_id == member_id)
    if conn.execute(mine).one_or_none() is None:
        raise ShareLinkUnknown
    touched = select(touch.machine, func.count()).where(touch.code == code).group_by(touch.machine)
    touches: dict[bool, int] = {bool(machine): count for machine, count in conn.execute(touched)}
    bound = select(bind.newcomer, func.count()).where(
        bind.sharer_id == member_id, bind.code == code
    ).group_by(bind.newcomer)  # fmt: skip
    binds: dict[bool, int] = {bool(newcomer): count for newcomer, count in conn.execute(bound)}
    return {
        "touches": touches.get(False, 0), "machines": touches.get(True, 0),
        "followed": sum(binds.values()), "enrolled": binds.get(True, 0),
    }  # fmt: skip


_OFFERED = (_C.code, _C.name, _C.merchant_id, merchant.c.name.label("merchant"), _V.body)


def _offered() -> Join:
    of_version = (_V.campaign_id == _C.campaign_id) & (_V.version == _C.version)
    versions = share_campaign.join(share_campaign_version, of_version)
    return versions.join(merchant, merchant.c.merchant_id == _C.merchant_id)


def _offers(conn: Connection, rows: Sequence[Any]) -> list[Offer]:
    terms = [terms_of(row.body) for row in rows]
    given = {definition_id for one in terms for definition_id in one.coupons}
    names = names_of(conn, given) if given else {}
    return [
        Offer(row.code, row.name, row.merchant_id, row.merchant, one, names)
        for row, one in zip(rows, terms, strict=True)
    ]


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
