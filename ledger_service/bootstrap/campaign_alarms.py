"""What the desk of campaigns refuses and somebody has to look at: an alarm for each campaign.

A campaign that the desk does not take as it was told, and a promise for which its budget had no room: the
ledger tells neither while it knows what the chain does, so after a restore, or where somebody else has told
the chain of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlalchemy import Connection, select

from ledger_service.chain.desk import clear_alarm, raise_alarm
from ledger_service.chain.ports import Handler, Wall
from ledger_service.kernel.campaign_operations import (
    CODEC,
    TARGET,
    CampaignKind,
    OpenCampaign,
    PromiseReward,
)
from ledger_service.kernel.events import BesideJudged, ChainEvent
from ledger_service.outbox.beside.models import beside_intent
from ledger_service.referrals.campaigns.models import share_campaign
from ledger_service.referrals.rewards.opening import AGAIN
from ledger_service.referrals.rewards.promising import NO_ROOM


def campaign_alarms(wall: Wall) -> Handler:
    """Raises the alarms in the db transaction in which the refusal is written; what the desk takes of a
    campaign clears its first one.
    """

    def look(conn: Connection, events: Sequence[ChainEvent]) -> None:
        for operation, reason in _telling(conn, events):
            code = _code_of(conn, operation.campaign)
            if isinstance(operation, PromiseReward):
                detail = f"a promise of {operation.points} points did not fit into the budget on the chain"
                raise_alarm(conn, wall, "campaign-no-room", code, detail)
            elif reason is None:
                clear_alarm(conn, "campaign-refused", code)
            else:
                detail = f"{reason}: budget {operation.budget}, depth {operation.depth}"
                raise_alarm(conn, wall, "campaign-refused", code, detail)

    return look


def _telling(
    conn: Connection, events: Sequence[ChainEvent]
) -> Iterator[tuple[OpenCampaign | PromiseReward, str | None]]:
    for event in events:
        if not isinstance(event, BesideJudged) or event.target != TARGET or event.reason in AGAIN:
            continue
        if event.kind == CampaignKind.OPEN or (
            event.kind == CampaignKind.PROMISE and event.reason == NO_ROOM
        ):
            its = select(beside_intent.c.payload).where(beside_intent.c.op_id == event.op_id)
            operation = CODEC.read(conn.execute(its).scalar_one())
            if isinstance(operation, (OpenCampaign, PromiseReward)):
                yield operation, event.reason


def _code_of(conn: Connection, campaign_id: bytes) -> str:
    its = select(share_campaign.c.code).where(share_campaign.c.campaign_id == campaign_id)
    return conn.execute(its).scalar_one_or_none() or campaign_id.hex()
