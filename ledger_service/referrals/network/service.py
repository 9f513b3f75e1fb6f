"""Measuring a campaign's network and keeping what was found; a command's work, never a request's."""

from __future__ import annotations

from datetime import datetime
from itertools import chain
from typing import Any

import numpy as np
import orjson
from sqlalchemy import Connection, Select, select

from ledger_service.db.bulk import sql_of
from ledger_service.referrals.campaigns.queries import campaign_of_code
from ledger_service.referrals.links.models import share_bind, share_tie
from ledger_service.referrals.network.graph import Numbers
from ledger_service.referrals.network.influence import Weights
from ledger_service.referrals.network.models import share_network
from ledger_service.referrals.network.report import WEIGHTS, Facts, Report, report_of
from ledger_service.referrals.rewards.models import share_purchase

_B, _P = share_bind.c, share_purchase.c
_COUNTED = ("rewarded", "held")
_ROWS_AT_ONCE = 10_000


def facts_of(conn: Connection, campaign_id: bytes, until: datetime) -> Facts:
    """What happened in the campaign by an instant; a snapshot makes it one moment's."""
    mine = (_B.campaign_id == campaign_id) & _B.sharer_id.is_not(None) & (_B.bound_at <= until)
    tie = select(_B.sharer_id, _B.member_id).where(mine).order_by(_B.number)
    # A reward that a person refused was no purchase of a friend; the purchase itself stays told.
    bought = select(_P.sharer_id, _P.member_id, _P.amount_minor).where(
        _P.campaign_id == campaign_id, _P.sharer_id.is_not(None), _P.outcome.in_(_COUNTED),
        _P.sold_at <= until, _P.sharer_id != _P.member_id,
    )  # fmt: skip
    brought = tie.join(share_tie, share_tie.c.number == _B.number)
    return Facts(
        _columns(conn, tie.where(_B.newcomer.is_(False)), 2),
        _columns(conn, tie.where(_B.newcomer.is_(True)), 2),
        _columns(conn, brought, 2), _columns(conn, bought, 3),
    )  # fmt: skip


def measured(conn: Connection, campaign: str, at: datetime, weights: Weights = WEIGHTS) -> Report:
    """The report of a campaign's network as of an instant.

    Raises:
        ShareCampaignUnknown.
    """
    row = campaign_of_code(conn, campaign)
    return report_of(facts_of(conn, row["campaign_id"], at), weights)


def keep(conn: Connection, campaign: str, at: datetime, report: Report) -> None:
    """The report is the campaign's of that instant; a second one of the same instant changes nothing."""
    row = {"campaign_id": campaign_of_code(conn, campaign)["campaign_id"], "measured_at": at}
    row["report"] = orjson.dumps(report).decode()
    sql_of(share_network, conn).insert(conn, [row], or_ignore=True)


def _columns(conn: Connection, its: Select[Any], width: int) -> Numbers:
    """The rows of whole numbers as columns, without a Python object for each that stays."""
    rows = conn.execute(its.execution_options(yield_per=_ROWS_AT_ONCE))
    return np.fromiter(chain.from_iterable(rows), np.int64).reshape(-1, width)
