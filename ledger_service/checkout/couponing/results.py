"""What the coupons of each source were worth: what they took off, and the baskets that they were used in."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, func, select

from ledger_service.checkout.couponing.models import sale_coupon, sale_coupon_return
from ledger_service.checkout.models import sale
from ledger_service.coupons.definitions.models import coupon_campaign, coupon_campaign_offer
from ledger_service.coupons.wallet.models import coupon

_O, _C, _U, _R = coupon_campaign_offer.c, coupon.c, sale_coupon.c, sale_coupon_return.c


class Worth(NamedTuple):
    """Minor units: what a source's coupons took off, less what came back of it, and their baskets' totals.

    A basket counts once however many of the source's coupons it used, and whole, also where goods of it came
    back. Only those of the campaign's own merchant count: what members spend elsewhere is another's to know.
    """

    discount_minor: int = 0
    baskets_minor: int = 0


def worth_of(conn: Connection, campaign_id: int, sources: Iterable[str]) -> dict[str, Worth]:
    """By source; one of which nothing was used is absent. Every use of the campaign's definitions is read."""
    offered = select(_O.definition_id).where(_O.campaign_id == campaign_id)
    uses = sale_coupon.join(coupon, _C.coupon_id == _U.coupon_id)
    mine = _U.definition_id.in_(offered) & _C.source.in_(list(sources))
    off = select(_C.source, func.sum(_U.discount_minor)).select_from(uses).where(mine).group_by(_C.source)
    back = uses.join(sale_coupon_return, (_R.sale_id == _U.sale_id) & (_R.coupon_id == _U.coupon_id))
    came = select(_C.source, func.sum(_R.returned_minor)).select_from(back).where(mine).group_by(_C.source)
    sold = select(_C.source, _U.sale_id).select_from(uses).where(mine).distinct().subquery()
    baskets = select(sold.c.source, func.sum(sale.c.total_minor)).group_by(sold.c.source)
    owner = select(coupon_campaign.c.merchant_id).where(coupon_campaign.c.campaign_id == campaign_id)
    its = (sale.c.sale_id == sold.c.sale_id) & (sale.c.merchant_id == owner.scalar_subquery())
    returned, totals = _by_source(conn, came), _by_source(conn, baskets.select_from(sold.join(sale, its)))
    return {
        source: Worth(minor - returned.get(source, 0), totals.get(source, 0))
        for source, minor in _by_source(conn, off).items()
    }


def _by_source(conn: Connection, sums: Select[tuple[Any, int]]) -> dict[str, int]:
    return {source: int(minor) for source, minor in conn.execute(sums)}
