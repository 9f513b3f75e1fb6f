"""Recalling a batch: all its items at once, for ever, by one row."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, update

from ledger_service.traceability.goods.models import trace_batch
from ledger_service.traceability.goods.queries import find_batch


def recall_batch(conn: Connection, batch_no: int, merchant_id: int | None, at: datetime) -> datetime:
    """From now on every scan of an item of the batch says so, and none can be claimed; returns since when.

    Raises:
        BatchUnknown: no batch of the merchant's (any, where that is None).

    Idempotency: a batch that was recalled stays recalled since then. Locks: the batch's row.
    """
    row = find_batch(conn, batch_no, merchant_id, lock=True)
    since: datetime | None = row["recalled_at"]
    if since is None:
        conn.execute(update(trace_batch).where(trace_batch.c.batch_no == batch_no).values(recalled_at=at))
    return since or at
