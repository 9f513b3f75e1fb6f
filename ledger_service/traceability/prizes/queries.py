"""Reads of prize pools: what is to be drawn, where a pool stands, what it gave."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, RowMapping, func, select

from ledger_service.outbox.beside.models import beside_intent
from ledger_service.traceability.goods.models import trace_item
from ledger_service.traceability.goods.service import INDEX_BITS
from ledger_service.traceability.prizes.models import trace_prize, trace_prize_pool
from ledger_service.traceability.prizes.rules import OPENED_AFTER_SECONDS, Beacon, Pool, pool_of
from ledger_service.traceability.proofs.models import trace_root

_P, _W, _R, _I = trace_prize_pool.c, trace_prize.c, trace_root.c, beside_intent.c
OPENED_AFTER = timedelta(seconds=OPENED_AFTER_SECONDS)


@dataclass(frozen=True, slots=True)
class PoolRow:
    """A pool as it stands; ``beacon`` once it is drawn, ``block`` as soon as the chain has one."""

    batch_no: int
    programme_id: int
    pool: Pool
    ends_at: datetime
    slots_root: bytes | None
    block: Beacon | None
    drawn_at: datetime | None

    @property
    def beacon(self) -> Beacon | None:
        """What drew it; None before it is drawn."""
        return None if self.drawn_at is None else self.block

    def is_open(self, at: datetime) -> bool:
        """Whether its secret may be told: it is drawn, and no claim can win any more."""
        return self.drawn_at is not None and at >= self.ends_at + OPENED_AFTER


def find_pool(conn: Connection, batch_no: int) -> PoolRow | None:
    """The pool of a batch; None where it has none."""
    row = conn.execute(select(trace_prize_pool).where(_P.batch_no == batch_no)).mappings().one_or_none()
    return None if row is None else pool_row(row)


def pool_row(row: Mapping[str, Any] | RowMapping) -> PoolRow:
    """A row read."""
    block = None
    if row["block_number"] is not None:
        block = Beacon(row["block_number"], row["block_hash"], row["share"] or b"")
    return PoolRow(row["batch_no"], row["programme_id"], pool_of(row["body"].encode()), row["ends_at"],
                   row["slots_root"], block, row["drawn_at"])  # fmt: skip


def undrawn(conn: Connection, after: int, most: int) -> list[tuple[PoolRow, bytes]]:
    """Pools whose batch's root the chain has for good, and which no block has drawn; with the root.

    Of batches behind ``after``, by number.
    """
    joined = trace_prize_pool.join(trace_root, _R.batch_no == _P.batch_no)
    joined = joined.join(beside_intent, _I.op_id == _R.op_id)
    lacking = _P.block_number.is_(None) & (_I.state == "final") & _I.reason.is_(None) & (_P.batch_no > after)
    query = select(trace_prize_pool, _R.root).select_from(joined).where(lacking)
    rows = conn.execute(query.order_by(_P.batch_no).limit(most)).mappings()
    return [(pool_row(row), bytes(row["root"])) for row in rows]


def due_prizes(conn: Connection, at: datetime, most: int) -> list[tuple[int, int]]:
    """Items whose claims wait for what they won, in pools that are drawn, with the pools' programmes."""
    joined = trace_prize.join(trace_prize_pool, _P.batch_no == _W.batch_no)
    ready = _P.drawn_at.is_not(None) & (_W.state == "waiting") & (_W.until <= at)
    query = select(_W.item_id, _P.programme_id).select_from(joined).where(ready)
    rows = conn.execute(query.order_by(_W.until, _W.item_id).limit(most))
    return [(item_id, programme_id) for item_id, programme_id in rows]


def counted(conn: Connection, batch_no: int, state: str) -> dict[int, int]:
    """How many of each prize are in a state: given, or stopped."""
    mine = (_W.batch_no == batch_no) & (_W.state == state)
    query = select(_W.prize, func.count()).where(mine).group_by(_W.prize)
    return {int(prize): int(count) for prize, count in conn.execute(query)}


def lately_stopped(conn: Connection, at: datetime) -> list[int]:
    """The batches of which a prize was stopped so short ago that an alarm may still have to be raised."""
    its = select(_W.batch_no).where((_W.state == "stopped") & (_W.until > at)).distinct()
    return list(conn.execute(its.order_by(_W.batch_no)).scalars())


def claims_of(
    conn: Connection, batch_no: int, indexes: list[int]
) -> dict[int, tuple[str, str | None, int | None, int]]:
    """Serial, what became of the claim (None for never claimed in time), the points given, and how many of
    them an old debt took, of items of a batch."""
    first, i = batch_no << INDEX_BITS, trace_item.c
    joined = trace_item.outerjoin(trace_prize, _W.item_id == i.item_id)
    found: dict[int, tuple[str, str | None, int | None, int]] = {}
    for place in range(0, len(indexes), 500):
        ids = [first + index for index in indexes[place : place + 500]]
        query = select(i.item_id, i.serial, _W.state, _W.points, _W.net).select_from(joined)
        rows = conn.execute(query.where(i.item_id.in_(ids)))
        for item_id, serial, state, points, net in rows:
            found[item_id - first] = serial, state, points, 0 if net is None else points - net
    return found
