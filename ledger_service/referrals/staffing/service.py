"""Commands of touch points, in the caller's unit of work: tell a rota, assign whoever comes, hand over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Connection, func, insert, select, update

from ledger_service.members.models import member
from ledger_service.referrals.campaigns.models import share_campaign
from ledger_service.referrals.links.errors import ShareLinkUnknown
from ledger_service.referrals.links.models import share_link
from ledger_service.referrals.staffing.errors import ShareNotAssigned
from ledger_service.referrals.staffing.models import share_care, share_care_event, share_rota
from ledger_service.referrals.staffing.queries import staff_at
from ledger_service.referrals.staffing.rules import ASSIGNED, HANDED_OVER, MERGED, Rota, check_rota

MOST_AT_ONCE = 500
_C, _L, _R, _K = share_care.c, share_link.c, share_rota.c, share_campaign.c
_SERVICE = "service"


@dataclass(frozen=True, slots=True)
class Told:
    """Who says something, and when; ``merchant_id`` is whose touch points it may change, None for all."""

    by: str
    at: datetime
    merchant_id: int | None = None


@dataclass(frozen=True, slots=True)
class Came:
    """A member came by a link of a merchant: the link's code, its place, and when it was opened."""

    merchant_id: int
    member_id: int
    code: str
    place: str
    touched_at: datetime


@dataclass(frozen=True, slots=True)
class HandOver:
    """Members of one of a merchant's staff go to another; ``numbers`` None for all of them."""

    merchant_id: int
    giver: str
    taker: str
    reason: str
    numbers: Sequence[str] | None = None


def tell_rota(conn: Connection, code: str, rota: Rota, told: Told) -> int:
    """The live code goes from hand to hand by the rota; returns its position among the code's rotas.

    Raises:
        ShareLinkUnknown: no live code of this merchant. ShareRotaRefused.

    Locks: the link.
    """
    check_rota(rota, told.at)
    joined = select(_L.code, _K.merchant_id).join(share_campaign, _K.campaign_id == _L.campaign_id)
    its = joined.where(_L.code == code, _L.place.is_not(None), _L.ended_at.is_(None))
    found = conn.execute(its.with_for_update(of=share_link)).one_or_none()
    if found is None or told.merchant_id not in (None, found.merchant_id):
        raise ShareLinkUnknown
    counted = select(func.count()).select_from(share_rota).where(_R.code == code)
    position = int(conn.execute(counted).scalar_one())
    conn.execute(insert(share_rota).values(
        code=code, position=position, staff=orjson.dumps(rota.staff).decode(),
        every_minutes=rota.every_minutes, begins_at=rota.begins_at, told_by=told.by, told_at=told.at,
    ))  # fmt: skip
    return position


def assign(conn: Connection, came: Came, at: datetime) -> None:
    """Whoever was behind the live code looks after the member from now on, unless somebody there does.

    The caller holds a lock under which members are bound one after another.
    """
    cashier = staff_at(conn, came.code, came.touched_at)
    mine = (_C.merchant_id == came.merchant_id) & (_C.member_id == came.member_id)
    if cashier is None or conn.execute(select(_C.cashier).where(mine)).first() is not None:
        return
    conn.execute(insert(share_care).values(
        merchant_id=came.merchant_id, member_id=came.member_id, cashier=cashier, place=came.place, events=1
    ))  # fmt: skip
    conn.execute(insert(share_care_event).values(_event(
        (came.merchant_id, came.member_id, 0), (ASSIGNED, cashier, None), (_SERVICE, at), code=came.code
    )))  # fmt: skip


def hand_over(conn: Connection, asked: HandOver, told: Told) -> int:
    """The members are the taker's, ``MOST_AT_ONCE`` at most; returns how many.

    Raises:
        ShareNotAssigned: a named member is not the giver's; then nobody is handed over.

    Locks: the assignments, in the order of members.
    """
    theirs = (_C.merchant_id == asked.merchant_id) & (_C.cashier == asked.giver)
    its = select(_C.member_id, _C.events).where(theirs)
    if asked.numbers is not None:
        named = select(member.c.member_id).where(member.c.member_number.in_(asked.numbers))
        its = its.where(_C.member_id.in_(named))
    rows = conn.execute(its.order_by(_C.member_id).limit(MOST_AT_ONCE).with_for_update()).all()
    if asked.numbers is not None and len(rows) != len(set(asked.numbers)):
        raise ShareNotAssigned
    if not rows:
        return 0
    conn.execute(insert(share_care_event), [
        _event((asked.merchant_id, row.member_id, row.events), (HANDED_OVER, asked.taker, asked.giver),
               (told.by, told.at), reason=asked.reason)
        for row in rows
    ])  # fmt: skip
    moved = theirs & _C.member_id.in_([row.member_id for row in rows])
    conn.execute(update(share_care).where(moved).values(cashier=asked.taker, events=_C.events + 1))
    return len(rows)


def take_over(conn: Connection, members: tuple[int, int], at: datetime) -> None:
    """Of two members that are one now, who looked after the first has the second, where nobody does."""
    closes, stays = members
    known = set(conn.execute(select(_C.merchant_id).where(_C.member_id == stays)).scalars())
    for row in conn.execute(select(share_care).where(_C.member_id == closes)).mappings().all():
        if row["merchant_id"] in known:
            continue
        conn.execute(insert(share_care).values({**row, "member_id": stays, "events": 1}))
        what, key = (MERGED, row["cashier"], None), (row["merchant_id"], stays, 0)
        conn.execute(insert(share_care_event).values(_event(key, what, (_SERVICE, at))))
    conn.execute(share_care.delete().where(_C.member_id == closes))


def _event(
    key: tuple[int, int, int], what: tuple[str, str, str | None], by: tuple[str, datetime],
    reason: str = "", code: str | None = None,
) -> dict[str, Any]:  # fmt: skip
    merchant_id, member_id, position = key
    kind, cashier, before = what
    return {
        "merchant_id": merchant_id, "member_id": member_id, "position": position, "kind": kind,
        "cashier": cashier, "before": before, "code": code, "by_whom": by[0], "reason": reason, "at": by[1],
    }  # fmt: skip
