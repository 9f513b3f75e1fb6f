"""What the chain is told of campaigns: budget, depth and time, before a reward is promised there (INV-14).

A job compares what stands with what was told, so a change is told however it came about, and so are campaigns
that were live before the alliance had the contract. Nothing of it is on the way of who changes a campaign.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, RowMapping, and_, exists, func, or_, select, update

from ledger_service.kernel.campaign_operations import CODEC, OPEN_END, TARGET, OpenCampaign
from ledger_service.kernel.clock import seconds_floor
from ledger_service.kernel.ids import derive_id
from ledger_service.merchants.models import merchant
from ledger_service.outbox.beside.models import beside_intent
from ledger_service.outbox.beside.service import enqueue_now
from ledger_service.referrals.campaigns.models import share_campaign, share_campaign_version
from ledger_service.referrals.links.rules import SKEW_SECONDS
from ledger_service.referrals.rewards.models import share_reward
from ledger_service.referrals.rewards.rules import UNSAID

OPENED_AT_ONCE = 500
SETTLED = ("final", "set_aside")
# Such a refusal says nothing of the operation: it is told once more.
AGAIN = frozenset({"OperationTooLate()", "OperationMerchantSuspended()"})
# Its programme does not stand in the registry yet: all else of it was checked here.
_TOO_EARLY = "CampaignInvalid()"
_C, _V, _R, _I = share_campaign.c, share_campaign_version.c, share_reward.c, beside_intent.c


def to_open(conn: Connection, most: int = OPENED_AT_ONCE) -> list[bytes]:
    """Campaigns of which the chain is to be told something, or has not answered what it was told."""
    waits = exists().where(_R.campaign_id == _C.campaign_id, _R.state == "due", _R.promise == UNSAID)
    fresh = and_(_C.told == 0, _C.most_points > 0, or_(_C.state == "live", and_(_C.state == "ended", waits)))
    ended = and_(_C.state == "ended", _C.told_ends == OPEN_END)
    more = and_(_C.told > 0, or_(_C.most_points > _C.told_points, ended))
    active = select(merchant.c.merchant_id).where(merchant.c.status == "active")
    its = select(_C.campaign_id).where(
        _C.state.in_(("live", "ended")), or_(fresh, more, _C.answered < _C.told),
        _C.merchant_id.in_(active),
    )  # fmt: skip
    # What is new comes before what waits for an answer: a merchant whose key does not sign holds up no other.
    ordered = its.order_by(_C.answered < _C.told, _C.created_at, _C.campaign_id)
    return list(conn.execute(ordered.limit(most)).scalars())


def tell_campaigns(conn: Connection, campaign_ids: Sequence[bytes], at: datetime) -> int:
    """The chain's answers are written down, and what it is to be told is queued; returns how much of both.

    Idempotency: by what was told. Locks: the campaigns' rows.
    """
    its = select(share_campaign).where(_C.campaign_id.in_(list(campaign_ids)))
    rows = conn.execute(its.order_by(_C.campaign_id).with_for_update()).mappings().all()
    return sum(_step(conn, row, at) for row in rows)


def _step(conn: Connection, row: RowMapping, at: datetime) -> bool:
    if row["answered"] < row["told"]:
        op_id = _op_id(row["campaign_id"], row["told"], (row["told_points"], row["told_ends"]))
        its = select(_I.state, _I.reason, _I.created_at).where(_I.op_id == op_id)
        answer = conn.execute(its).one_or_none()
        if answer is None or answer.state not in SETTLED:
            return False
        if answer.reason not in (*AGAIN, _TOO_EARLY):
            # What was refused raises nothing: of a greater budget that the chain has nobody knows here.
            opened = {"open_points": row["told_points"]} if answer.reason is None else {}
            _change(conn, row, answered=row["told"], **opened)
            return True
        if at < answer.created_at + _wait(row["told"]):
            return False
    words = max(row["most_points"], row["told_points"]), _ends(row)
    if row["answered"] == row["told"] and words == (row["told_points"], row["told_ends"]):
        return False
    _tell(conn, row, words, at)
    return True


def _wait(times: int) -> timedelta:
    """Until it is told once more: not at all at first, then longer each time, up to some hours."""
    return timedelta(minutes=2 ** min(times, 8) - 2)


def _tell(conn: Connection, row: RowMapping, words: tuple[int, int], at: datetime) -> None:
    number, (points, ends) = row["told"] + 1, words
    depth = row["told_depth"] or _depth(conn, row["campaign_id"])
    begins = seconds_floor(row["live_at"]) - SKEW_SECONDS
    operation = OpenCampaign(
        _op_id(row["campaign_id"], number, words), row["merchant_id"], seconds_floor(at), row["campaign_id"],
        row["programme_id"], points, depth, begins, ends,
    )  # fmt: skip
    enqueue_now(conn, TARGET, CODEC, [operation], at)
    _change(conn, row, told=number, told_points=points, told_depth=depth, told_ends=ends)


def _op_id(campaign_id: bytes, number: int, words: tuple[int, int]) -> bytes:
    """The words are in it: a restored database may tell others under the same number."""
    return derive_id("share open", campaign_id, number, *words)


def _ends(row: RowMapping) -> int:
    """The first second whose sales are not rewarded any more."""
    return OPEN_END if row["ended_at"] is None else seconds_floor(row["ended_at"]) + 1


def _depth(conn: Connection, campaign_id: bytes) -> int:
    its = select(func.max(_V.depth)).where(_V.campaign_id == campaign_id, _V.state == "approved")
    return int(conn.execute(its).scalar_one())


def _change(conn: Connection, row: RowMapping, **values: Any) -> None:
    conn.execute(update(share_campaign).where(_C.campaign_id == row["campaign_id"]).values(values))
