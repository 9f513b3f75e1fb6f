"""Reads of pending points: what each of a member's promises waits for."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, literal_column, select, tuple_

from ledger_service.points.models import pending_issue


class PendingView(NamedTuple):
    """Points of a sale that are not the member's to spend yet.

    They vest at ``vests_at``, or when the event that ``awaits`` names is told before; ``lapses`` where they
    end at ``vests_at`` without it.
    """

    vests_at: datetime
    op_id: bytes
    programme_id: int
    epoch: int
    points: int
    sale_id: bytes
    awaits: str | None
    lapses: bool


def pending_of(
    conn: Connection, member_id: int, after: tuple[datetime, bytes] | None, most: int
) -> list[PendingView]:
    """A member's pending points, the soonest first, from behind the promise (vests_at, op_id) ``after``."""
    row = pending_issue.c
    mine = (row.member_id == member_id) & (row.state == literal_column("'waiting'"))
    if after is not None:
        mine &= tuple_(row.vests_at, row.op_id) > after
    columns = (row.vests_at, row.op_id, row.programme_id, row.epoch, row.left, row.sale_id, row.awaits,
               row.lapses)  # fmt: skip
    query = select(*columns).where(mine).order_by(row.vests_at, row.op_id).limit(most)
    return [PendingView(*found) for found in conn.execute(query)]
