"""Reads of subscriptions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, RowMapping, select

from ledger_service.traceability.epcis.queries import last_number
from ledger_service.webhooks.subscriptions.errors import SubscriptionUnknown
from ledger_service.webhooks.subscriptions.models import epcis_subscription

_S = epcis_subscription.c


def find_subscription(conn: Connection, holder: str, name: str, subscription_id: bytes) -> RowMapping:
    """A subscription of a holder's query.

    Raises:
        SubscriptionUnknown: the query has none such.
    """
    its = (_S.subscription_id == subscription_id) & (_S.holder == holder) & (_S.name == name)
    row = conn.execute(select(epcis_subscription).where(its)).mappings().first()
    if row is None:
        raise SubscriptionUnknown
    return row


def subscriptions_after(
    conn: Connection, of: tuple[str, str], after: bytes | None, most: int
) -> Sequence[RowMapping]:
    """The subscriptions of a query (its holder, its name) behind one, in the order of their ids."""
    its = select(epcis_subscription).where(_S.holder == of[0], _S.name == of[1])
    if after is not None:
        its = its.where(_S.subscription_id > after)
    return conn.execute(its.order_by(_S.subscription_id).limit(most)).mappings().all()


def due_subscriptions(conn: Connection, at: datetime) -> Sequence[RowMapping]:
    """The subscriptions that may have something to report, those first that are longest due; a stream that
    has all events is none of them."""
    its = select(epcis_subscription).where(_S.state == "active", _S.due_at <= at)
    its = its.where((_S.schedule != "") | _S.seen.is_(None) | (_S.seen < last_number(conn)))
    return conn.execute(its.order_by(_S.due_at)).mappings().all()
