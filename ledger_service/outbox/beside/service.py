"""Writing intents for contracts beside the ClearingHouse: with a draft, or straight on a connection."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from ledger_service.db.bulk import sql_of
from ledger_service.db.workset import Draft
from ledger_service.kernel.beside import BesideOperation, Codec, leaf_of
from ledger_service.outbox.beside.models import beside_intent


def enqueue(
    draft: Draft, target: str, codec: Codec, operation: BesideOperation, recorded_at: datetime
) -> None:
    """The operation will be in the outbox, queued, in the same db transaction as the draft's other rows.

    They are sent in the order of ``recorded_at``: what follows from another operation of the same command is
    given an instant a microsecond later.

    Idempotency: a second intent with the same op_id is refused by the database (INV-7).
    """
    draft.add(beside_intent, _row(target, codec, operation, recorded_at))


def enqueue_now(
    conn: Connection,
    target: str,
    codec: Codec,
    operations: Sequence[BesideOperation],
    recorded_at: datetime,
) -> None:
    """The operations stand in the outbox, in this order, when the caller commits; for commands and jobs."""
    rows = [
        _row(target, codec, operation, recorded_at + timedelta(microseconds=place))
        for place, operation in enumerate(operations)
    ]
    if rows:
        sql_of(beside_intent, conn).insert(conn, rows)


def _row(target: str, codec: Codec, operation: BesideOperation, recorded_at: datetime) -> dict[str, Any]:
    return {
        "op_id": operation.op_id, "target": target, "kind": int(operation.kind),
        "merchant_id": operation.merchant, "payload": codec.payload_of(operation),
        "leaf": leaf_of(operation), "original_op_id": operation.original_op_id, "state": "queued",
        "reason": None, "created_at": recorded_at,
    }  # fmt: skip
