"""What a member is offered at a source: decided from the catalogue, without a statement."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import Connection, select

from ledger_service.coupons.definitions.arms import arm_of
from ledger_service.coupons.definitions.errors import CampaignStateWrong, SourceUnknown
from ledger_service.coupons.definitions.models import (
    coupon_campaign,
    coupon_campaign_arm,
    coupon_campaign_offer,
    coupon_source,
)
from ledger_service.kernel.clock import micros_of

_K, _A, _O, _S = coupon_campaign.c, coupon_campaign_arm.c, coupon_campaign_offer.c, coupon_source.c


@dataclass(frozen=True, slots=True)
class Campaign:
    """An approved campaign: live from ``begins`` to before ``ends`` (microseconds), with its arms by number.

    An arm is its weight and the definitions that it is offered.
    """

    campaign_id: int
    begins: int
    ends: int
    arms: tuple[tuple[int, tuple[int, ...]], ...]


@dataclass(frozen=True, slots=True)
class Offered:
    """The campaign behind a source, the member's arm in it, and the definitions that this arm is offered."""

    campaign_id: int
    arm: int
    definitions: tuple[int, ...]


@dataclass(frozen=True)
class Offerings:
    """The approved campaigns by id; each source with its campaign and the arm that it fixes, if it does."""

    campaigns: Mapping[int, Campaign] = field(default_factory=dict)
    sources: Mapping[str, tuple[int, int | None]] = field(default_factory=dict)

    def offered(self, source: str, member_id: int, at_micros: int) -> Offered:
        """What the member is offered there then: the same at every instant of the campaign.

        Raises:
            SourceUnknown: there is no such source.
            CampaignStateWrong: its campaign is not approved, has not begun or has ended.
        """
        found = self.sources.get(source)
        if found is None:
            raise SourceUnknown
        campaign_id, arm = found
        campaign = self.campaigns.get(campaign_id)
        if campaign is None:
            raise CampaignStateWrong("draft")
        if not campaign.begins <= at_micros < campaign.ends:
            raise CampaignStateWrong("approved" if at_micros < campaign.begins else "ended")
        if arm is None:
            arm = arm_of(campaign_id, member_id, [weight for weight, _ in campaign.arms])
        return Offered(campaign_id, arm, campaign.arms[arm][1])


def read_offerings(conn: Connection) -> Offerings:
    """The campaigns and sources as a db transaction sees them."""
    offers: dict[tuple[int, int], list[int]] = {}
    for row in conn.execute(select(coupon_campaign_offer).order_by(_O.definition_id)):
        offers.setdefault((row.campaign_id, row.arm), []).append(row.definition_id)
    arms: dict[int, list[tuple[int, tuple[int, ...]]]] = {}
    for row in conn.execute(select(coupon_campaign_arm).order_by(_A.campaign_id, _A.arm)):
        some = tuple(offers.get((row.campaign_id, row.arm), ()))
        arms.setdefault(row.campaign_id, []).append((row.weight, some))
    columns = select(_K.campaign_id, _K.starts_at, _K.ends_at, _K.ended_at)
    campaigns = {}
    for row in conn.execute(columns.where(_K.approved_at.is_not(None))):
        ends = row.ends_at if row.ended_at is None else min(row.ends_at, row.ended_at)
        span = micros_of(row.starts_at), micros_of(ends)
        campaigns[row.campaign_id] = Campaign(row.campaign_id, *span, tuple(arms[row.campaign_id]))
    sources = select(_S.source, _S.campaign_id, _S.arm)
    return Offerings(campaigns, {row.source: (row.campaign_id, row.arm) for row in conn.execute(sources)})
