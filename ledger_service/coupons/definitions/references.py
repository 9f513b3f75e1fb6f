"""What terms name must be there: merchants, their stores and segments, the owner's goods lists."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, select

from ledger_service.coupons.definitions.errors import TermsFaulty
from ledger_service.coupons.definitions.models import coupon_goods_list
from ledger_service.coupons.terms.values import Terms
from ledger_service.kernel.gs1 import gln_text
from ledger_service.members.segments.models import segment
from ledger_service.members.segments.rules import segment_id_of
from ledger_service.merchants.models import merchant, store


def check_references(conn: Connection, terms: Terms) -> None:
    """Funders and takers are merchants, stores are theirs, goods lists are the owner's, segments are there.

    Raises:
        TermsFaulty: naming the first field that points nowhere.
    """
    scope = terms.scope
    parties = {share.party for share in terms.funders}
    known = select(merchant.c.merchant_id).where(merchant.c.merchant_id.in_(parties | scope.merchants))
    merchants = set(conn.execute(known).scalars())
    _all("funders", "no merchant of the alliance", parties, merchants)
    _all("scope.merchants", "no merchant of the alliance", scope.merchants, merchants)
    if scope.stores:
        takers = scope.merchants or {terms.merchant}
        where = store.c.gln.in_(scope.stores) & store.c.merchant_id.in_(takers)
        stores = set(conn.execute(select(store.c.gln).where(where)).scalars())
        _all("scope.stores", "no store of a merchant that takes the coupon", scope.stores, stores)
    _check_segments(conn, terms)
    goods = [one for one in (scope.of, scope.on, scope.excluded) if one is not None]
    lists = frozenset().union(*(one.lists for one in goods))
    if lists:
        g = coupon_goods_list.c
        where = g.list_id.in_(lists) & (g.merchant_id == terms.merchant)
        own = set(conn.execute(select(g.list_id).where(where)).scalars())
        _all("scope.lists", "no goods list of the merchant", lists, own)


def _check_segments(conn: Connection, terms: Terms) -> None:
    ids = {segment_id_of(*named): named for named in terms.named_segments}
    if not ids:
        return
    s = segment.c
    there = set(conn.execute(select(s.segment_id).where(s.segment_id.in_(ids))).scalars())
    for segment_id, (owner, code) in sorted(ids.items()):
        if segment_id not in there:
            raise TermsFaulty("scope.segments", f"{code} is no segment of the merchant {gln_text(owner)}")


def _all(field: str, what: str, named: Iterable[int], known: set[int]) -> None:
    for one in sorted(set(named) - known):
        raise TermsFaulty(field, f"{one} is {what}")
