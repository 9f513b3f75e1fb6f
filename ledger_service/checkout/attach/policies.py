"""The published attach policies: one row for each merchant that has published one; the caller commits."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, insert, select, update

from ledger_service.checkout.attach.models import attach_policy
from ledger_service.checkout.attach.rules import DEFAULT_DAYS
from ledger_service.merchants.changes import note_change


def publish(conn: Connection, merchant_id: int, within_days: int, at: datetime) -> None:
    """The merchant's receipts may join a member for so many days, at every till within a second."""
    values = {"within_days": within_days, "changed_at": at}
    mine = attach_policy.c.merchant_id == merchant_id
    if not conn.execute(update(attach_policy).where(mine).values(values)).rowcount:
        conn.execute(insert(attach_policy).values({"merchant_id": merchant_id, **values}))
    note_change(conn)


def find(conn: Connection, merchant_id: int) -> int:
    """The days in force; 0 for none at all."""
    mine = attach_policy.c.merchant_id == merchant_id
    days = conn.execute(select(attach_policy.c.within_days).where(mine)).scalar_one_or_none()
    return DEFAULT_DAYS if days is None else int(days)


def published(conn: Connection) -> dict[int, int]:
    """The days of every merchant that has published a policy."""
    rows = conn.execute(select(attach_policy.c.merchant_id, attach_policy.c.within_days)).all()
    return {row.merchant_id: row.within_days for row in rows}
