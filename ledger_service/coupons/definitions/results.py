"""How sources did: coupons that came from each, and how many of them are used; counted when somebody asks."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, func, select

from ledger_service.coupons.definitions.models import coupon_campaign_offer
from ledger_service.coupons.wallet.models import coupon
from ledger_service.coupons.wallet.rules import CONSUMED

_O, _C = coupon_campaign_offer.c, coupon.c


def results_of(conn: Connection, campaign_id: int, sources: Iterable[str]) -> dict[str, tuple[int, int]]:
    """By source: coupons of the campaign that came from it, and how many of them are used, not given back.

    A source that nobody came from is absent. Every coupon of the campaign's definitions is read.
    """
    offered = select(_O.definition_id).where(_O.campaign_id == campaign_id)
    mine = _C.definition_id.in_(offered) & _C.source.in_(list(sources))
    counts = select(_C.source, _C.state, func.count()).where(mine).group_by(_C.source, _C.state)
    found: dict[str, tuple[int, int]] = {}
    for source, state, count in conn.execute(counts):
        got, used = found.get(source, (0, 0))
        found[source] = got + count, used + (count if state == CONSUMED else 0)
    return found
