"""Campaigns: who is offered what, from when to when, from which source; two people, and then nothing changes.

The caller commits. What people see is ``state_of``: an approved campaign is live between its instants.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, insert, select, update

from ledger_service.coupons.definitions.changes import next_number
from ledger_service.coupons.definitions.errors import (
    ApproverIsAuthor,
    CampaignStateWrong,
    CampaignUnknown,
    CouponCodeTaken,
    DefinitionWithdrawn,
    SourceUnknown,
)
from ledger_service.coupons.definitions.models import (
    coupon_campaign,
    coupon_campaign_arm,
    coupon_campaign_offer,
    coupon_definition,
    coupon_source,
)
from ledger_service.coupons.definitions.queries import the_definition
from ledger_service.kernel.canonical import canonical_json

_K, _A, _O, _S = coupon_campaign.c, coupon_campaign_arm.c, coupon_campaign_offer.c, coupon_source.c
Said = tuple[str, datetime]
DRAFT, APPROVED, LIVE, ENDED = "draft", "approved", "live", "ended"


@dataclass(frozen=True, slots=True)
class Arm:
    """A part of the members, by weight, and the codes of definitions that it is offered; none: a control."""

    weight: int
    definitions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NewCampaign:
    """A campaign as it is proposed."""

    merchant_id: int
    code: str
    names: Mapping[str, str]
    starts_at: datetime
    ends_at: datetime
    arms: tuple[Arm, ...]


@dataclass(frozen=True, slots=True)
class NewSource:
    """Where members will come from; ``source`` is what stands in the link, on the poster, at the till."""

    source: str
    channel: str
    label: str
    arm: int | None = None


def state_of(row: Mapping[Any, Any], at: datetime) -> str:
    """draft, approved, live or ended."""
    if row["ended_at"] is not None or (row["approved_at"] is not None and at >= row["ends_at"]):
        return ENDED
    if row["approved_at"] is None:
        return DRAFT
    return LIVE if at >= row["starts_at"] else APPROVED


def propose(conn: Connection, new: NewCampaign, said: Said) -> RowMapping:
    """The campaign is a draft.

    Raises:
        CouponCodeTaken: the merchant has a campaign of this code.
        DefinitionUnknown, DefinitionWithdrawn: what an arm would offer.
    """
    by, at = said
    campaign_id = next_number(conn)
    mine = (_K.merchant_id == new.merchant_id) & (_K.code == new.code)
    if conn.execute(select(_K.code).where(mine)).first() is not None:
        raise CouponCodeTaken("code", new.code)
    conn.execute(insert(coupon_campaign).values(
        campaign_id=campaign_id, merchant_id=new.merchant_id, code=new.code,
        names=canonical_json(dict(new.names)).decode(), starts_at=new.starts_at, ends_at=new.ends_at,
        proposed_by=by, proposed_at=at,
    ))  # fmt: skip
    for number, arm in enumerate(new.arms):
        body = {"campaign_id": campaign_id, "arm": number}
        conn.execute(insert(coupon_campaign_arm).values(**body, weight=arm.weight))
        for code in arm.definitions:
            found = the_definition(conn, new.merchant_id, code)
            if found["withdrawn_at"] is not None:
                raise DefinitionWithdrawn
            conn.execute(insert(coupon_campaign_offer).values(**body, definition_id=found["definition_id"]))
    return the_campaign(conn, new.merchant_id, new.code)


def approve(conn: Connection, row: RowMapping, said: Said) -> RowMapping:
    """Another person lets the campaign go live at its time.

    Raises:
        ApproverIsAuthor: who proposed it.
        CampaignStateWrong: it is no draft, or its time is over.
    """
    by, at = said
    row = _locked(conn, row)
    if state_of(row, at) != DRAFT or at >= row["ends_at"]:
        raise CampaignStateWrong(state_of(row, at))
    if row["proposed_by"] == by:
        raise ApproverIsAuthor
    return _set(conn, row, approved_by=by, approved_at=at)


def end(conn: Connection, row: RowMapping, said: Said) -> RowMapping:
    """Nothing is given out any more; what was given out stays. A draft is dropped.

    Raises:
        CampaignStateWrong: it has ended.
    """
    by, at = said
    row = _locked(conn, row)
    if state_of(row, at) == ENDED:
        raise CampaignStateWrong(ENDED)
    return _set(conn, row, ended_by=by, ended_at=at)


def add_source(conn: Connection, row: RowMapping, new: NewSource, said: Said) -> RowMapping:
    """Members may come from the source; also of a campaign that is live, for one more poster.

    Raises:
        CampaignStateWrong: it has ended.
        CouponCodeTaken: the source's code is in use.
        SourceUnknown: the campaign has no such arm.
    """
    by, at = said
    next_number(conn)
    if state_of(row, at) == ENDED:
        raise CampaignStateWrong(ENDED)
    if find_source(conn, new.source) is not None:
        raise CouponCodeTaken("source", new.source)
    if new.arm is not None and new.arm >= len(arms_of(conn, row["campaign_id"])):
        raise SourceUnknown
    conn.execute(insert(coupon_source).values(
        campaign_id=row["campaign_id"], source=new.source, channel=new.channel, label=new.label, arm=new.arm,
        created_by=by, created_at=at,
    ))  # fmt: skip
    return conn.execute(select(coupon_source).where(_S.source == new.source)).mappings().one()


def the_campaign(conn: Connection, merchant_id: int, code: str) -> RowMapping:
    """The merchant's campaign of this code.

    Raises:
        CampaignUnknown: there is none.
    """
    mine = (_K.merchant_id == merchant_id) & (_K.code == code)
    found = conn.execute(select(coupon_campaign).where(mine)).mappings().one_or_none()
    if found is None:
        raise CampaignUnknown(code)
    return found


def campaigns_after(conn: Connection, merchant_id: int, after: int, most: int) -> Sequence[RowMapping]:
    """The merchant's campaigns behind an id, ascending."""
    mine = (_K.merchant_id == merchant_id) & (_K.campaign_id > after)
    found = select(coupon_campaign).where(mine).order_by(_K.campaign_id).limit(most)
    return conn.execute(found).mappings().all()


def arms_of(conn: Connection, campaign_id: int) -> list[tuple[int, tuple[int, ...]]]:
    """The weight of each arm and the definitions that it is offered."""
    weights = select(_A.arm, _A.weight).where(_A.campaign_id == campaign_id).order_by(_A.arm)
    offers = select(_O.arm, _O.definition_id).where(_O.campaign_id == campaign_id)
    by_arm: dict[int, list[int]] = {}
    for row in conn.execute(offers.order_by(_O.definition_id)):
        by_arm.setdefault(row.arm, []).append(row.definition_id)
    return [(row.weight, tuple(by_arm.get(row.arm, ()))) for row in conn.execute(weights)]


def codes_of(conn: Connection, definitions: Sequence[int]) -> dict[int, str]:
    """The codes of definitions by id."""
    d = coupon_definition.c
    found = select(d.definition_id, d.code).where(d.definition_id.in_(definitions))
    return {row.definition_id: row.code for row in conn.execute(found)}


def find_source(conn: Connection, source: str) -> RowMapping | None:
    """The source of this code."""
    return conn.execute(select(coupon_source).where(_S.source == source)).mappings().one_or_none()


def sources_after(conn: Connection, campaign_id: int, after: str, most: int) -> Sequence[RowMapping]:
    """The campaign's sources behind a code, ascending."""
    mine = (_S.campaign_id == campaign_id) & (_S.source > after)
    found = select(coupon_source).where(mine).order_by(_S.source).limit(most)
    return conn.execute(found).mappings().all()


def _locked(conn: Connection, row: RowMapping) -> RowMapping:
    next_number(conn)
    return the_campaign(conn, row["merchant_id"], row["code"])


def _set(conn: Connection, row: RowMapping, **values: Any) -> RowMapping:
    conn.execute(update(coupon_campaign).where(_K.campaign_id == row["campaign_id"]).values(**values))
    return the_campaign(conn, row["merchant_id"], row["code"])
