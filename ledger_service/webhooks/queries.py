"""Reads of webhooks: endpoints with what waits for them, facts, and how each delivery stands."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, RowMapping, func, select

from ledger_service.webhooks.errors import WebhookUnknown
from ledger_service.webhooks.models import webhook_delivery, webhook_endpoint, webhook_event

MOST_COUNTED = 10_000
_L, _V, _D = webhook_endpoint.c, webhook_event.c, webhook_delivery.c


def endpoints(
    conn: Connection, merchant_id: int | None, after: tuple[datetime, bytes] | None, most: int
) -> Sequence[RowMapping]:
    """Endpoints that have not ended, oldest first; of one merchant or of all."""
    its = select(webhook_endpoint).where(_L.state != "ended")
    if merchant_id is not None:
        its = its.where(_L.merchant_id == merchant_id)
    if after is not None:
        at, endpoint_id = after
        its = its.where((_L.created_at > at) | ((_L.created_at == at) & (_L.endpoint_id > endpoint_id)))
    return conn.execute(its.order_by(_L.created_at, _L.endpoint_id).limit(most)).mappings().all()


def waiting(conn: Connection, endpoint_id: bytes) -> int:
    """How many facts wait to be sent to the endpoint; no further than ``MOST_COUNTED`` is counted."""
    mine = select(_D.number).where(_D.endpoint_id == endpoint_id, _D.state == "pending").limit(MOST_COUNTED)
    return int(conn.execute(select(func.count()).select_from(mine.subquery())).scalar_one())


def endpoint(conn: Connection, endpoint_id: bytes, merchant_id: int | None) -> RowMapping:
    """One endpoint, also one that has ended.

    Raises:
        WebhookUnknown: no such endpoint of the merchant.
    """
    found = conn.execute(select(webhook_endpoint).where(_L.endpoint_id == endpoint_id)).mappings().first()
    if found is None or merchant_id not in (None, found["merchant_id"]):
        raise WebhookUnknown
    return found


def deliveries(
    conn: Connection, endpoint_id: bytes, state: str | None, after: int | None, most: int
) -> Sequence[RowMapping]:
    """How the facts of an endpoint were delivered, in the order of their numbers."""
    columns = (
        _D.number, _D.state, _D.attempts, _D.due_at, _D.done_at, _D.last_status, _V.event_id, _V.kind,
        _V.occurred_at,
    )  # fmt: skip
    joined = webhook_delivery.join(webhook_event, _V.number == _D.number)
    its = select(*columns).select_from(joined).where(_D.endpoint_id == endpoint_id)
    if state is not None:
        its = its.where(_D.state == state)
    if after is not None:
        its = its.where(_D.number > after)
    return conn.execute(its.order_by(_D.number).limit(most)).mappings().all()


def standing_counts(conn: Connection, endpoint_id: bytes) -> dict[str, int]:
    """How many facts of an endpoint stand in each state; reads all of them."""
    its = select(_D.state, func.count()).where(_D.endpoint_id == endpoint_id).group_by(_D.state)
    found = {state: int(count) for state, count in conn.execute(its)}
    return {state: found.get(state, 0) for state in ("pending", "delivered", "dead")}
