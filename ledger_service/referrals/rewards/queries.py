"""Reads of rewards: pages, one with what happened to it, a campaign's purchases, and evidence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Connection, Row, RowMapping, Select, case, func, select, tuple_

from ledger_service.kernel.clock import instant_of_micros
from ledger_service.members.models import member
from ledger_service.referrals.campaigns import queries as campaigns
from ledger_service.referrals.campaigns.models import share_campaign
from ledger_service.referrals.links.binding import Committed
from ledger_service.referrals.links.models import share_bind, share_commitment
from ledger_service.referrals.links.rules import commitment_of
from ledger_service.referrals.links.telling import KIND
from ledger_service.referrals.rewards.errors import SharePurchaseUnknown, ShareRewardUnknown
from ledger_service.referrals.rewards.models import share_purchase, share_reward, share_reward_event
from ledger_service.referrals.rewards.rules import SAID, Bind, attributed
from ledger_service.traceability.log.words import Logged, logged

_R, _P, _C, _B, _K = share_reward.c, share_purchase.c, share_campaign.c, share_bind.c, share_commitment.c


@dataclass(frozen=True, slots=True)
class Reach:
    """Whose rewards: a member's, a merchant's campaigns', or (both None) all."""

    member_id: int | None = None
    merchant_id: int | None = None


def rewards(
    conn: Connection, reach: Reach, state: str | None, after: tuple[int, bytes] | None, most: int
) -> list[RowMapping]:
    """Rewards behind (made_at in micros, id), newest first."""
    chosen = _within(reach)
    if state is not None:
        chosen = chosen.where(_R.state == state)
    if after is not None:
        chosen = chosen.where(tuple_(_R.made_at, _R.reward_id) < (instant_of_micros(after[0]), after[1]))
    ordered = chosen.order_by(_R.made_at.desc(), _R.reward_id.desc()).limit(most)
    return list(conn.execute(ordered).mappings())


def reward(conn: Connection, reward_id: bytes, reach: Reach) -> RowMapping:
    """One reward.

    Raises:
        ShareRewardUnknown: no such reward within reach.
    """
    row = conn.execute(_within(reach).where(_R.reward_id == reward_id)).mappings().one_or_none()
    if row is None:
        raise ShareRewardUnknown
    return row


def events_of(conn: Connection, reward_id: bytes) -> list[Row[Any]]:
    """What happened to the reward: kind, by whom, reason, when."""
    e = share_reward_event.c
    its = select(e.kind, e.by_whom, e.reason, e.at).where(e.reward_id == reward_id)
    return list(conn.execute(its.order_by(e.position)))


def is_promised(conn: Connection, member_id: int) -> bool:
    """Whether the chain has been told of a reward of the member's that did not go back."""
    mine = (_R.member_id == member_id) & (_R.promise == SAID)
    return conn.execute(select(_R.reward_id).where(mine).limit(1)).first() is not None


class Bought(NamedTuple):
    """A campaign's purchases by an instant: first ones, later ones, and what they came to, by outcome."""

    outcome: str
    first: int
    repeated: int
    amount_minor: int


def purchases_of(conn: Connection, campaign_id: bytes, until: datetime) -> list[Bought]:
    """What was bought by members that had followed the campaign's links."""
    first = func.sum(case((_P.ordinal == 1, 1), else_=0))
    its = select(_P.outcome, first, func.count(), func.sum(_P.amount_minor)).where(
        _P.campaign_id == campaign_id, _P.sold_at <= until
    )
    grouped = its.group_by(_P.outcome).order_by(_P.outcome)
    return [
        Bought(outcome, int(ones), int(count - ones), int(amount))
        for outcome, ones, count, amount in conn.execute(grouped)
    ]


class Evidence(NamedTuple):
    """Why a purchase is whose doing: what was committed, what it opens to, and what the rule says again.

    ``again`` is the commitment that judging once more, from the commitments alone, leads to; ``opens`` says
    whether the stored body is what was committed. ``salt`` and ``own_salt`` let the caller open it by itself.
    ``logged`` is where the transparency log has the commitment; ``rewards`` what the purchase pays.
    """

    purchase: RowMapping
    committed: Committed
    body: Any
    salt: bytes
    own_salt: bytes | None
    opens: bool
    again: int | None
    logged: Logged | None
    rewards: Sequence[RowMapping]


def evidence(conn: Connection, campaign: str, sale_id: bytes, reach: Reach) -> Evidence:
    """The evidence of a purchase of a campaign.

    Raises:
        ShareCampaignUnknown. SharePurchaseUnknown: not counted, or nothing of the caller's.
    """
    found = campaigns.campaign_of_code(conn, campaign, reach.merchant_id)
    its = select(share_purchase).where(_P.sale_id == sale_id, _P.campaign_id == found["campaign_id"])
    row = conn.execute(its).mappings().one_or_none()
    if row is None:
        raise SharePurchaseUnknown
    bind = conn.execute(select(share_bind).where(_B.number == row["number"])).mappings().one()
    parties = (bind["member_id"], bind["sharer_id"])
    if reach.member_id is not None and reach.member_id not in parties:
        raise SharePurchaseUnknown
    link = select(_K.number, _K.commitment, _K.hash, _K.committed_at).where(_K.number == row["number"])
    committed = Committed(*conn.execute(link).one())
    body = orjson.loads(bind["body"])
    own = {parties[1]: bind["sharer_salt"], parties[0]: bind["member_salt"]}
    return Evidence(
        row, committed, body, bind["salt"],
        None if reach.member_id is None else own[reach.member_id],
        commitment_of(bind["salt"], body) == committed.commitment, _judged_again(conn, row, bind),
        logged(conn, KIND, committed.number), _paid(conn, row),
    )  # fmt: skip


def _paid(conn: Connection, row: RowMapping) -> Sequence[RowMapping]:
    columns = _R.reward_id, _R.role, _R.pays, _R.points, _R.state
    its = select(*columns).where(_R.sale_id == row["sale_id"], _R.campaign_id == row["campaign_id"])
    return conn.execute(its.order_by(_R.role, _R.pays)).mappings().all()


@dataclass(frozen=True, slots=True)
class _Replayed:
    """A purchase as it was written down."""

    sale_id: bytes
    member_id: int
    merchant_id: int
    amount_minor: int
    cashier: str | None
    sold_at: datetime
    recorded_at: datetime
    scanned: bool = False


def _judged_again(conn: Connection, row: RowMapping, bind: RowMapping) -> int | None:
    mine = (_B.member_id == bind["member_id"]) & (_B.campaign_id == row["campaign_id"])
    columns = (_B.number, _B.campaign_id, _B.version, _B.member_id, _B.sharer_id, _B.customer,
               _B.touched_at, _B.bound_at)  # fmt: skip
    binds = [Bind(*one) for one in conn.execute(select(*columns).where(mine))]
    terms = {
        version: found
        for (_, version), found in campaigns.terms_by_version(conn, [row["campaign_id"]]).items()
    }
    bought = _Replayed(
        row["sale_id"], bind["member_id"], 0, row["amount_minor"], None, row["sold_at"], row["recorded_at"]
    )
    again = attributed(binds, bought, terms)
    return None if again is None else again.number


def _within(reach: Reach) -> Select[Any]:
    joined = share_reward.join(share_campaign, _C.campaign_id == _R.campaign_id).join(
        member, member.c.member_id == _R.member_id
    )
    chosen = select(
        share_reward, _C.code.label("campaign"), _C.merchant_id, member.c.member_number
    ).select_from(joined)
    if reach.member_id is not None:
        chosen = chosen.where(_R.member_id == reach.member_id)
    if reach.merchant_id is not None:
        chosen = chosen.where(_C.merchant_id == reach.merchant_id)
    return chosen
