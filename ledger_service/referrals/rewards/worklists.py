"""What waits for the job: rewards that are due, those that goods coming back would undo, overdue reviews."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, case, select

from ledger_service.coupons.wallet.models import coupon
from ledger_service.coupons.wallet.rules import AVAILABLE
from ledger_service.referrals.ports import Sales
from ledger_service.referrals.rewards.facts import conversions_of
from ledger_service.referrals.rewards.models import share_reward

_R = share_reward.c
_COLUMNS = (
    _R.reward_id, _R.sale_id, _R.least_kept_minor, _R.pays, _R.member_id, _R.campaign_id, _R.reached,
)  # fmt: skip


class Standing(NamedTuple):
    """A reward that stands or is to be given now: of which sale, what must be left of it, in what it is paid;
    of a milestone, how many conversions of whom it is for; and whether anything can be taken back.

    Not of a coupon that was left with whoever used it or got it as a gift, until it is back.
    """

    reward_id: bytes
    sale_id: bytes
    least_kept_minor: int
    pays: str
    member_id: int
    campaign_id: bytes
    reached: int | None
    takeable: bool = True


def due_rewards(conn: Connection, at: datetime, most: int) -> list[Standing]:
    """Rewards that are to be given now."""
    its = select(*_COLUMNS).where(_R.state == "due", _R.until <= at)
    return [Standing(*row) for row in conn.execute(its.order_by(_R.until, _R.reward_id).limit(most))]


def standing_after(conn: Connection, after: bytes, most: int) -> list[Standing]:
    """Rewards that goods coming back would undo, behind an id."""
    back = (coupon.c.state == AVAILABLE) & (coupon.c.holder == _R.member_id)
    takeable = case((_R.state != "left", 1), (back, 1), else_=0)
    joined = share_reward.outerjoin(coupon, (coupon.c.coupon_id == _R.reward_id) & (_R.state == "left"))
    its = select(*_COLUMNS, takeable).select_from(joined).where(
        _R.state.in_(("held", "due", "granted", "appealed", "left")), _R.reward_id > after
    )  # fmt: skip
    rows = conn.execute(its.order_by(_R.reward_id).limit(most))
    return [Standing(*row[:7], takeable=bool(row[7])) for row in rows]


def undone(conn: Connection, sales: Sales, rows: Sequence[Standing]) -> set[bytes]:
    """Those rewards of a page that are to go back: too little is left of their sale, or of the conversions
    that a milestone was for.
    """
    kept = sales.kept(conn, {row.sale_id for row in rows})
    counted = conversions_of(conn, {(row.member_id, row.campaign_id) for row in rows if row.reached})
    return {
        row.reward_id
        for row in rows
        if row.takeable
        and (
            kept.get(row.sale_id, row.least_kept_minor) < row.least_kept_minor
            or counted.get((row.member_id, row.campaign_id), 0) < (row.reached or 0)
        )
    }


def overdue(conn: Connection, at: datetime, most: int) -> list[bytes]:
    """Rewards whose review nobody has decided in time."""
    its = select(_R.reward_id).where(_R.state.in_(("held", "appealed")), _R.until <= at)
    return list(conn.execute(its.order_by(_R.until, _R.reward_id).limit(most)).scalars())
