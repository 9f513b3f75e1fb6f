"""Reads of touch points: rotas, who is behind a code, whom each of the staff looks after, and since when."""

from __future__ import annotations

from datetime import datetime

import orjson
from sqlalchemy import Connection, RowMapping, select, tuple_

from ledger_service.members.models import member
from ledger_service.referrals.links.models import share_holder, share_link
from ledger_service.referrals.staffing.models import share_care, share_care_event, share_rota
from ledger_service.referrals.staffing.rules import Rota, in_force, on_duty

_R, _H, _C, _E, _L = share_rota.c, share_holder.c, share_care.c, share_care_event.c, share_link.c
# The last told of a code; whoever tells more often than that in a month has no rota.
_MOST_ROTAS = 100


def rotas_of(conn: Connection, code: str) -> list[Rota]:
    """The last rotas of a live code, in the order of telling."""
    its = select(_R.staff, _R.every_minutes, _R.begins_at).where(_R.code == code)
    rows = conn.execute(its.order_by(_R.position.desc()).limit(_MOST_ROTAS)).all()
    return [Rota(tuple(orjson.loads(row.staff)), row.every_minutes, row.begins_at) for row in reversed(rows)]


def staff_at(conn: Connection, code: str, at: datetime) -> str | None:
    """Who was behind the live code then: by the rota, or else whom it was handed to last."""
    rota = in_force(rotas_of(conn, code), at)
    if rota is not None and rota.staff:
        return on_duty(rota, at)
    its = select(_H.cashier).where(_H.code == code, _H.since <= at)
    found: str | None = conn.execute(its.order_by(_H.position.desc()).limit(1)).scalar_one_or_none()
    return found


def rotas_after(conn: Connection, code: str, after: int, most: int) -> list[RowMapping]:
    """The rotas of a live code behind a position, as they were told."""
    its = select(share_rota).where(_R.code == code, _R.position > after)
    return list(conn.execute(its.order_by(_R.position).limit(most)).mappings())


def is_live_code(conn: Connection, code: str) -> bool:
    """Whether the link is a live code of a place."""
    return conn.execute(select(_L.code).where(_L.code == code, _L.place.is_not(None))).first() is not None


def assigned(
    conn: Connection, merchant_id: int, cashier: str | None, after: int, most: int
) -> list[RowMapping]:
    """Whom a merchant's staff look after, behind a member's row number; of one cashier or of all."""
    its = select(share_care, member.c.member_number).join(member, member.c.member_id == _C.member_id)
    its = its.where(_C.merchant_id == merchant_id, _C.member_id > after)
    if cashier is not None:
        its = its.where(_C.cashier == cashier)
    return list(conn.execute(its.order_by(_C.member_id).limit(most)).mappings())


def events_of(
    conn: Connection, member_id: int, merchant_id: int | None, after: tuple[int, int], most: int
) -> list[RowMapping]:
    """Who has looked after a member, by merchant and in order; of one merchant or of all."""
    its = select(share_care_event).where(_E.member_id == member_id)
    its = its.where(tuple_(_E.merchant_id, _E.position) > after)
    if merchant_id is not None:
        its = its.where(_E.merchant_id == merchant_id)
    return list(conn.execute(its.order_by(_E.merchant_id, _E.position).limit(most)).mappings())
