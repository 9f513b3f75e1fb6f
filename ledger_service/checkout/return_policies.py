"""The published rules of returns: one row for each merchant that has published one; the caller commits."""

from __future__ import annotations

from datetime import datetime

import orjson
from sqlalchemy import Connection, insert, select, update

from ledger_service.checkout.models import return_policy
from ledger_service.checkout.return_rules import DEFAULT, ReturnPolicy, policy_body, policy_of
from ledger_service.merchants.changes import note_change


def publish(conn: Connection, merchant_id: int, policy: ReturnPolicy, at: datetime) -> None:
    """The merchant takes goods back by this rule from now on, at every till within a second."""
    values = {"body": orjson.dumps(policy_body(policy)).decode(), "changed_at": at}
    mine = return_policy.c.merchant_id == merchant_id
    if not conn.execute(update(return_policy).where(mine).values(values)).rowcount:
        conn.execute(insert(return_policy).values(merchant_id=merchant_id, **values))
    note_change(conn)


def find(conn: Connection, merchant_id: int) -> ReturnPolicy:
    """The rule of the merchant; the default one where it has published none."""
    mine = return_policy.c.merchant_id == merchant_id
    body = conn.execute(select(return_policy.c.body).where(mine)).scalar_one_or_none()
    return DEFAULT if body is None else policy_of(orjson.loads(body))
