"""Reads of referral campaigns: one, a page of them, and their terms by version."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, RowMapping, select, tuple_

from ledger_service.kernel.clock import instant_of_micros
from ledger_service.referrals.campaigns.errors import ShareCampaignUnknown
from ledger_service.referrals.campaigns.models import share_campaign, share_campaign_version
from ledger_service.referrals.campaigns.rules import Terms, terms_of

_C, _V = share_campaign.c, share_campaign_version.c


def campaign_of_code(conn: Connection, code: str, merchant_id: int | None = None) -> RowMapping:
    """The campaign.

    Raises:
        ShareCampaignUnknown: no such campaign of this merchant.
    """
    row = conn.execute(select(share_campaign).where(_C.code == code)).mappings().one_or_none()
    if row is None or merchant_id not in (None, row["merchant_id"]):
        raise ShareCampaignUnknown
    return row


def campaigns(
    conn: Connection, merchant_id: int | None, after: tuple[int, bytes] | None, most: int
) -> list[RowMapping]:
    """Campaigns behind (created_at in micros, id), oldest first; of a merchant or of all."""
    chosen = select(share_campaign)
    if merchant_id is not None:
        chosen = chosen.where(_C.merchant_id == merchant_id)
    if after is not None:
        place = (instant_of_micros(after[0]), after[1])
        chosen = chosen.where(tuple_(_C.created_at, _C.campaign_id) > place)
    return list(conn.execute(chosen.order_by(_C.created_at, _C.campaign_id).limit(most)).mappings())


def versions(conn: Connection, campaign_id: bytes) -> list[RowMapping]:
    """The versions of a campaign, oldest first."""
    its = select(share_campaign_version).where(_V.campaign_id == campaign_id)
    return list(conn.execute(its.order_by(_V.version)).mappings())


def terms_by_version(conn: Connection, campaign_ids: Iterable[bytes]) -> dict[tuple[bytes, int], Terms]:
    """The approved terms of these campaigns, by campaign and version."""
    its = select(_V.campaign_id, _V.version, _V.body).where(
        _V.campaign_id.in_(list(campaign_ids)), _V.state == "approved"
    )
    return {(row.campaign_id, row.version): terms_of(row.body) for row in conn.execute(its)}


def by_id(conn: Connection, campaign_ids: Iterable[bytes]) -> dict[bytes, Any]:
    """The rows of these campaigns by their ids."""
    its = select(share_campaign).where(_C.campaign_id.in_(list(campaign_ids)))
    return {row["campaign_id"]: row for row in conn.execute(its).mappings()}
