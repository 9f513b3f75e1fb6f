"""Reads of the wallet: a member's coupons, one coupon's history, and what ends soon."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Row, select

from ledger_service.coupons.definitions.models import coupon_definition
from ledger_service.coupons.wallet.errors import CouponUnknown
from ledger_service.coupons.wallet.models import coupon, coupon_event
from ledger_service.coupons.wallet.rules import AVAILABLE, shown_state

MOST_EVENTS = 200
_COUPONS = select(coupon, coupon_definition.c.names).join(
    coupon_definition, coupon_definition.c.definition_id == coupon.c.definition_id
)


@dataclass(frozen=True, slots=True)
class CouponView:
    """A coupon as its holder sees it; ``names`` is what its definition is called, by language.

    ``gifts`` counts how often it was given away, by whomever.
    """

    coupon_id: bytes
    definition_id: int
    version: int
    state: str
    source: str | None
    claimed_at: datetime
    expires_at: datetime | None
    names: Mapping[str, str]
    gifts: int

    @property
    def position(self) -> str:
        """Its place in the list of a wallet."""
        return self.coupon_id.hex()


@dataclass(frozen=True, slots=True)
class EventView:
    """What happened to a coupon."""

    position: int
    kind: str
    ref: bytes | None
    at: datetime


def wallet_of(
    conn: Connection, member_id: int, after: str | None, most: int, at: datetime
) -> list[CouponView]:
    """The coupons that a member holds, used ones included, in the order of their ids behind a position."""
    mine = coupon.c.holder == member_id
    if after is not None:
        mine &= coupon.c.coupon_id > bytes.fromhex(after)
    rows = conn.execute(_COUPONS.where(mine).order_by(coupon.c.coupon_id).limit(most))
    return [_view(row, at) for row in rows]


def coupon_of_member(
    conn: Connection, coupon_id: bytes, member_id: int, at: datetime
) -> tuple[CouponView, list[EventView]]:
    """A coupon in the member's wallet, and what happened to it since it is the member's.

    Raises:
        CouponUnknown: there is none, or it is somebody else's.
    """
    row = conn.execute(_COUPONS.where(coupon.c.coupon_id == coupon_id)).one_or_none()
    if row is None or row.holder != member_id:
        raise CouponUnknown
    e = coupon_event.c
    what = select(e.position, e.kind, e.ref, e.at).where(e.coupon_id == coupon_id)
    last_first = conn.execute(what.order_by(e.position.desc()).limit(MOST_EVENTS))
    events = [EventView(*event) for event in last_first]
    own = next((i + 1 for i, event in enumerate(events) if event.kind == "given"), len(events))
    return _view(row, at), events[:own][::-1]


def ending(
    conn: Connection, between: tuple[datetime, datetime], after: bytes | None, most: int
) -> list[tuple[int, CouponView]]:
    """Holder and coupon of those that members could use and that end in a time, behind a coupon's id."""
    c, (since, until) = coupon.c, between
    soon = (c.state == AVAILABLE) & (c.expires_at >= since) & (c.expires_at < until)
    held = _COUPONS.where(soon, c.holder.is_not(None))
    behind = held if after is None else held.where(c.coupon_id > after)
    rows = conn.execute(behind.order_by(c.coupon_id).limit(most))
    return [(row.holder, _view(row, since)) for row in rows]


def _view(row: Row[tuple[object, ...]], at: datetime) -> CouponView:
    state = shown_state({"state": row.state, "expires_at": row.expires_at}, at)
    return CouponView(
        row.coupon_id, row.definition_id, row.version, state, row.source, row.claimed_at, row.expires_at,
        json.loads(row.names), row.gifts,
    )  # fmt: skip
