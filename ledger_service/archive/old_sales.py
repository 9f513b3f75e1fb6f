"""Sales that can no longer come back: basket, receipt and refunds move, and a row that names the file stays.

A sale stays whole where its merchant takes goods back without end, where tiers are counted from it, where it
is a household's (who parts is given its share by what was spent), while its receipt may join a member or be
claimed, and while anything of it is not settled. Its id stays in any case, and refuses a second sale (ADR 6).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection, literal, select, tuple_, update

from ledger_service.archive.books import Chapter, Run, hold, reference, write_chapter
from ledger_service.archive.room import Room
from ledger_service.archive.rules import sale_record
from ledger_service.checkout import return_policies
from ledger_service.checkout.attach import policies as attach_policies
from ledger_service.checkout.models import refund, sale
from ledger_service.checkout.records import record_of, spent_afterwards
from ledger_service.claims.service import policy_of
from ledger_service.db.bulk import sql_of
from ledger_service.members.households.models import household
from ledger_service.merchants.models import merchant
from ledger_service.outbox.queries import standings
from ledger_service.points.models import pending_issue, programme
from ledger_service.tiers.models import tier_ladder

_WHOLE = sale.c.receipt != ""
# A till whose clock is behind may still take back on the last day.
_GRACE = timedelta(days=2)
Position = tuple[datetime, bytes]


class Seller(NamedTuple):
    """A merchant, and from when on its sales may still come back, join a member or be claimed."""

    merchant_id: int
    open_since: datetime


def sellers(room: Room, run: Run) -> tuple[list[Seller], int]:
    """Whose old sales may go, and of how many merchants none may."""
    found, kept = [], 0
    with room.database.read() as conn:
        joined = select(programme.c.merchant_id).join(
            tier_ladder, tier_ladder.c.programme_id == programme.c.programme_id
        )
        tiered = set(conn.execute(joined).scalars())
        for merchant_id in conn.execute(select(merchant.c.merchant_id)).scalars().all():
            days = _days_open(conn, merchant_id)
            if days is None or merchant_id in tiered:
                kept += 1
                continue
            ended = room.clock.now() - timedelta(days=days) - _GRACE
            found.append(Seller(merchant_id, min(ended, run.before)))
    return found, kept


def _days_open(conn: Connection, merchant_id: int) -> int | None:
    """For how many days somebody may still want something of a sale; None for ever."""
    returns = return_policies.find(conn, merchant_id).within_days
    claims = policy_of(conn, merchant_id)
    if returns is None:
        return None
    return max(returns, attach_policies.find(conn, merchant_id), claims.claim_days + claims.answer_days)


def candidates(room: Room, seller: Seller, after: Position | None) -> list[Position]:
    """The next sales of a merchant that are old enough, in their order; found without holding up anybody."""
    s = sale.c
    mine = (s.merchant_id == seller.merchant_id) & (s.occurred_at < seller.open_since) & _WHOLE
    mine &= s.member_id.is_(None) | s.member_id.not_in(select(household.c.household_id))
    query = select(s.occurred_at, s.sale_id).where(mine)
    if after is not None:
        last = literal(after[0], s.occurred_at.type), literal(after[1], s.sale_id.type)
        query = query.where(tuple_(s.occurred_at, s.sale_id) > tuple_(*last))
    with room.database.read() as conn:
        rows = conn.execute(query.order_by(s.occurred_at, s.sale_id).limit(room.records))
        return [(row.occurred_at, row.sale_id) for row in rows]


def move(room: Room, run: Run, positions: Sequence[Position]) -> int:
    """Those of these sales that are settled are in the file, a reference stands in their rows, or nothing.

    Raises:
        ArchiveRefused: the file is not the archive's.

    Idempotency: what is archived already is left alone.

    Locks: the archive's row, then the sales.
    """
    with room.database.begin() as conn:
        hold(conn, room, run)
        ids = [sale_id for _, sale_id in positions]
        listed = select(sale).where(sale.c.sale_id.in_(ids) & _WHOLE).order_by(sale.c.sale_id)
        rows = [dict(row) for row in conn.execute(listed.with_for_update()).mappings()]
        refunds = _refunds(conn, ids)
        over = _settled(conn, room, [row for row in rows if _is_old(refunds.get(row["sale_id"], ()), run)])
        if not over:
            return 0
        newest = max(row["occurred_at"] for row in over)
        records = [sale_record(row, refunds.get(row["sale_id"], ())) for row in over]
        number = write_chapter(conn, room, run, Chapter("sales", records, newest, newest))
        _empty(conn, over, json.dumps(reference(run.file, number)))
    return len(over)


def _refunds(conn: Connection, ids: Sequence[bytes]) -> dict[bytes, list[dict[str, Any]]]:
    found: dict[bytes, list[dict[str, Any]]] = {}
    listed = select(refund).where(refund.c.sale_id.in_(ids)).order_by(refund.c.refund_id)
    for row in conn.execute(listed).mappings():
        found.setdefault(row["sale_id"], []).append(dict(row))
    return found


def _is_old(refunds: Sequence[dict[str, Any]], run: Run) -> bool:
    return all(row["occurred_at"] < run.before for row in refunds)


def _settled(conn: Connection, room: Room, rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those whose every operation is final in a closed period, and whose points have all vested or lapsed."""
    operations = {row["sale_id"]: _operations(row) for row in rows}
    every = sorted({op_id for ids in operations.values() for op_id in ids})
    stand = standings(conn, every)
    batches = {s.batch_number for s in stand.values() if s.batch_number is not None}
    settled = room.settled(conn, sorted(batches))
    open_ = {op_id for op_id, s in stand.items() if s.state != "final" or s.batch_number not in settled}
    p = pending_issue.c
    open_ |= set(conn.execute(select(p.op_id).where(p.op_id.in_(every), p.state == "waiting")).scalars())
    return [row for row in rows if not open_ & operations[row["sale_id"]]]


def _operations(row: dict[str, Any]) -> set[bytes]:
    record = record_of(row)
    spent = set() if record.spent is None else {record.spent.op_id}
    return spent | {bytes.fromhex(one.op_id) for one in record.earned if one.points}


def _empty(conn: Connection, rows: Sequence[dict[str, Any]], stands: str) -> None:
    ids = [row["sale_id"] for row in rows]
    gone = {"lines": stands, "spent": "", "earned": "", "returned": "", "receipt": "", "tenders": None}
    conn.execute(update(sale).where(sale.c.sale_id.in_(ids)).values(gone))
    # A payment order for the owners of stores may be written, or a paper of theirs, after the archive's run.
    kept = [
        {"sale_id": row["sale_id"], "spent": spent_afterwards(row["spent"])} for row in rows if row["spent"]
    ]
    if kept:
        sql_of(sale, conn).update(conn, ("spent",), kept)
    conn.execute(update(refund).where(refund.c.sale_id.in_(ids)).values(body=stands))
