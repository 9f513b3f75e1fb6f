"""What waits for the job: rewards that are due, those that goods coming back would undo, overdue reviews."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, case, select

from ledger_service.coupons.wallet.models import coupon
from ledger_service.coupons.wallet.rules import AVAILABLE
from ledger_service.referrals.rewards.models import share_reward

_R = share_reward.c


class Due(NamedTuple):
    """A reward that is to be given now: of which sale, what must be left of it, and in what it is paid."""

    reward_id: bytes
    sale_id: bytes
    least_kept_minor: int
    pays: str


class Standing(NamedTuple):
    """A reward that stands: of which sale, what must be left of it, and whether anything can be taken back.

    Not of a coupon that was left with whoever used it or got it as a gift, until it is back.
    """

    reward_id: bytes
    sale_id: bytes
    least_kept_minor: int
    pays: str
    takeable: bool


def due_rewards(conn: Connection, at: datetime, most: int) -> list[Due]:
    """Rewards that are to be given now."""
    its = select(_R.reward_id, _R.sale_id, _R.least_kept_minor, _R.pays)
    its = its.where(_R.state == "due", _R.until <= at)
    return [Due(*row) for row in conn.execute(its.order_by(_R.until, _R.reward_id).limit(most))]


def standing_after(conn: Connection, after: bytes, most: int) -> list[Standing]:
    """Rewards that goods coming back would undo, behind an id."""
    back = (coupon.c.state == AVAILABLE) & (coupon.c.holder == _R.member_id)
    takeable = case((_R.state != "left", 1), (back, 1), else_=0)
    joined = share_reward.outerjoin(coupon, (coupon.c.coupon_id == _R.reward_id) & (_R.state == "left"))
    its = select(_R.reward_id, _R.sale_id, _R.least_kept_minor, _R.pays, takeable).select_from(joined).where(
        _R.state.in_(("held", "due", "granted", "appealed", "left")), _R.reward_id > after
    )  # fmt: skip
    rows = conn.execute(its.order_by(_R.reward_id).limit(most))
    return [Standing(*row[:4], takeable=bool(row[4])) for row in rows]


def overdue(conn: Connection, at: datetime, most: int) -> list[bytes]:
    """Rewards whose review nobody has decided in time."""
    its = select(_R.reward_id).where(_R.state.in_(("held", "appealed")), _R.until <= at)
    return list(conn.execute(its.order_by(_R.until, _R.reward_id).limit(most)).scalars())
