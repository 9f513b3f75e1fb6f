"""What waits for the job: rewards that are due, those that goods coming back would undo, overdue reviews."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, case, literal_column, or_, select

from ledger_service.coupons.wallet.models import coupon
from ledger_service.coupons.wallet.rules import AVAILABLE
from ledger_service.merchants.models import merchant
from ledger_service.outbox.beside.models import beside_intent
from ledger_service.outbox.models import intent
from ledger_service.referrals.campaigns.models import share_campaign
from ledger_service.referrals.ports import Sales
from ledger_service.referrals.rewards.commands import SERVICE
from ledger_service.referrals.rewards.facts import conversions_of
from ledger_service.referrals.rewards.fraud_rules import APPEAL_DAYS
from ledger_service.referrals.rewards.models import share_reward
from ledger_service.referrals.rewards.opening import AGAIN, SETTLED
from ledger_service.referrals.rewards.promising import MOST_DOUBLINGS, wait_after
from ledger_service.referrals.rewards.rules import GOING, GONE, STANDING, UNSAID

_R, _I = share_reward.c, beside_intent.c
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
    """Rewards that are to be given now, or promised on the chain where their campaign has room there."""
    c = share_campaign.c
    room = (_R.promise != UNSAID) | (c.stands_points + _R.points <= c.open_points)
    joined = share_reward.join(share_campaign, c.campaign_id == _R.campaign_id)
    its = select(*_COLUMNS).select_from(joined).where(
        _R.state == "due", _R.until <= at, _R.promise.is_(None) | room
    )  # fmt: skip
    return [Standing(*row) for row in conn.execute(its.order_by(_R.until, _R.reward_id).limit(most))]


def answered_promises(conn: Connection, at: datetime, most: int) -> list[Standing]:
    """Promised rewards whose promise the chain has taken or refused for good."""
    joined = share_reward.join(beside_intent, _I.op_id == _R.promise_id)
    its = select(*_COLUMNS).select_from(joined).where(
        _R.state == "promised", _R.until <= at, _I.state.in_(SETTLED)
    )  # fmt: skip
    return [Standing(*row) for row in conn.execute(its.order_by(_R.until, _R.reward_id).limit(most))]


def leaving(conn: Connection, at: datetime, most: int) -> list[bytes]:
    """Promised rewards that went back, of which the chain can be told, or has answered.

    Not while their issue is on its way there, nor while the campaign's merchant is suspended; not while a
    person's refusal may be appealed, and not of a return that waits until it is told again.
    """
    settled, issue, c = _I.state.in_(SETTLED), intent.c, share_campaign.c
    active = select(merchant.c.merchant_id).where(merchant.c.status == "active")
    joined = (
        share_reward.join(beside_intent, (_I.op_id == _R.promise_id) & settled)
        .join(share_campaign, c.campaign_id == _R.campaign_id)
        .outerjoin(intent, issue.op_id == _R.reward_id)
    )
    over = _R.until < at - timedelta(days=APPEAL_DAYS)
    # Written out, as its index is.
    waits = _R.promise.in_([literal_column(f"'{one}'") for one in (GOING, GONE)])
    its = select(_R.reward_id).select_from(joined).where(
        waits, c.merchant_id.in_(active), issue.state.is_(None) | issue.state.in_(SETTLED),
        or_(_R.promise == GONE, _R.state != "refused", _R.decided_by == SERVICE, over),
        or_(_R.promise == GOING, _I.reason.is_(None), _I.reason.not_in(AGAIN), _waited(at)),
    )  # fmt: skip
    return list(conn.execute(its.order_by(_R.reward_id).limit(most)).scalars())


def _waited(at: datetime) -> ColumnElement[bool]:
    times = range(1, MOST_DOUBLINGS + 2)
    told = ((_R.returns == n) & (_I.created_at <= at - wait_after(n)) for n in times)
    return or_(*told, (_R.returns > times[-1]) & (_I.created_at <= at - wait_after(times[-1])))


def standing_after(conn: Connection, after: bytes, most: int) -> list[Standing]:
    """Rewards that goods coming back would undo, behind an id."""
    back = (coupon.c.state == AVAILABLE) & (coupon.c.holder == _R.member_id)
    takeable = case((_R.state != "left", 1), (back, 1), else_=0)
    joined = share_reward.outerjoin(coupon, (coupon.c.coupon_id == _R.reward_id) & (_R.state == "left"))
    its = select(*_COLUMNS, takeable).select_from(joined).where(
        _R.state.in_((*STANDING, "left")), _R.reward_id > after
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
