"""Goods lists by name; what is in them comes by ``uploading``."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, RowMapping, insert, select

from ledger_service.coupons.definitions.changes import next_number
from ledger_service.coupons.definitions.errors import CouponCodeTaken
from ledger_service.coupons.definitions.models import coupon_goods_list
from ledger_service.coupons.definitions.upload_errors import GoodsListUnknown

_L = coupon_goods_list.c


def create(conn: Connection, merchant_id: int, code: str, at: datetime) -> RowMapping:
    """The merchant has an empty list of this code.

    Raises:
        CouponCodeTaken: it has one already.
    """
    list_id = next_number(conn)
    mine = (_L.merchant_id == merchant_id) & (_L.code == code)
    if conn.execute(select(_L.list_id).where(mine)).first() is not None:
        raise CouponCodeTaken("code", code)
    row = {"list_id": list_id, "merchant_id": merchant_id, "code": code, "created_at": at}
    conn.execute(insert(coupon_goods_list).values(row))
    return the_list(conn, merchant_id, code)


def the_list(conn: Connection, merchant_id: int, code: str) -> RowMapping:
    """The merchant's list of this code.

    Raises:
        GoodsListUnknown: it has none.
    """
    mine = (_L.merchant_id == merchant_id) & (_L.code == code)
    found = conn.execute(select(coupon_goods_list).where(mine)).mappings().one_or_none()
    if found is None:
        raise GoodsListUnknown
    return found


def lists_after(conn: Connection, merchant_id: int, after: int, most: int) -> Sequence[RowMapping]:
    """The merchant's lists behind an id, ascending."""
    mine = (_L.merchant_id == merchant_id) & (_L.list_id > after)
    found = select(coupon_goods_list).where(mine).order_by(_L.list_id).limit(most)
    return conn.execute(found).mappings().all()
