"""Pools are defined with their batch, get the block that draws, and the brand's share; the caller commits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, insert, select, update

from ledger_service.kernel.clock import instant_of_seconds, seconds_floor
from ledger_service.kernel.errors import MalformedField
from ledger_service.kernel.text import clean_integer, clean_text
from ledger_service.traceability.goods.queries import find_batch
from ledger_service.traceability.prizes.errors import PrizePoolUnknown, PrizeShareRefused
from ledger_service.traceability.prizes.models import trace_prize_pool
from ledger_service.traceability.prizes.rules import (
    MOST_KINDS,
    MOST_POINTS,
    MOST_PRIZES,
    SECRET_BYTES,
    Beacon,
    Pool,
    Prize,
    is_share,
    pool_of,
)

_P = trace_prize_pool.c


@dataclass(frozen=True, slots=True)
class NewPool:
    """Prizes of a batch; ``programme`` by code and number, of the batch's brand."""

    programme: str
    programme_id: int
    prizes: Sequence[Prize]
    ends_at: datetime
    draws_at: datetime | None = None
    share: bytes | None = None


def add_pool(conn: Connection, batch_no: int, new: NewPool, at: datetime) -> None:
    """The batch has its prizes, for ever; to be called in the db transaction that opens the batch.

    Raises:
        BatchUnknown: no such batch.
        MalformedField: prizes that no draw can be made of, or an end that is not ahead.
    """
    batch = find_batch(conn, batch_no, None)
    if new.ends_at <= at:
        raise MalformedField("prizes.ends_at", "must be ahead")
    prizes = tuple(_clean(prize) for prize in new.prizes)
    draws_at = None if new.draws_at is None else seconds_floor(new.draws_at)
    ends_at = seconds_floor(new.ends_at)
    pool = Pool(batch["gtin"], batch["lot"], batch["size"], new.programme, prizes, ends_at, draws_at,
                new.share)  # fmt: skip
    if not 1 <= len(prizes) <= MOST_KINDS:
        raise MalformedField("prizes.prizes", f"must be 1 to {MOST_KINDS}")
    if pool.total > min(MOST_PRIZES, pool.size):
        raise MalformedField("prizes.prizes", f"count more than the items, or than {MOST_PRIZES}")
    row = {"batch_no": batch_no, "programme_id": new.programme_id, "body": pool.body().decode(),
           "ends_at": instant_of_seconds(ends_at)}  # fmt: skip
    conn.execute(insert(trace_prize_pool).values(row))


def set_block(conn: Connection, batch_no: int, beacon: Beacon, at: datetime) -> None:
    """The block that draws is known; where the brand has no share to open the pool is drawn.

    Idempotency: the first block stands.
    """
    body = conn.execute(select(_P.body).where(_P.batch_no == batch_no)).scalar_one()
    asked = pool_of(body.encode()).share is not None
    values = {"block_number": beacon.number, "block_hash": beacon.hash, "drawn_at": None if asked else at}
    conn.execute(
        update(trace_prize_pool).where((_P.batch_no == batch_no) & _P.block_number.is_(None)).values(**values)
    )


def open_share(conn: Connection, batch: tuple[int, int | None], share: bytes, at: datetime) -> None:
    """The brand's share is open and the pool drawn.

    Args:
        conn: in a db transaction.
        batch: its number, and whose it must be; None for anybody's.
        share: 32 bytes.
        at: now.

    Raises:
        PrizePoolUnknown: no such pool of the merchant's.
        PrizeShareRefused: none is asked for, the block is not known yet, or it is another.

    Idempotency: the same share again changes nothing. Locks: the pool's row.
    """
    find_batch(conn, *batch)
    wanted = select(trace_prize_pool).where(_P.batch_no == batch[0]).with_for_update()
    row = conn.execute(wanted).mappings().one_or_none()
    if row is None:
        raise PrizePoolUnknown
    pool = pool_of(row["body"].encode())
    if pool.share is None:
        raise PrizeShareRefused("not-asked")
    # Whoever saw it before the block could still choose the block.
    if row["block_number"] is None:
        raise PrizeShareRefused("too-early")
    if len(share) != SECRET_BYTES or not is_share(pool, share):
        raise PrizeShareRefused("differs")
    if row["drawn_at"] is None:
        mine = _P.batch_no == batch[0]
        conn.execute(update(trace_prize_pool).where(mine).values(share=share, drawn_at=at))


def _clean(prize: Prize) -> Prize:
    points = prize.points
    if prize.coupon is None:
        points = clean_integer(points, "prizes.points", 1, MOST_POINTS)
    elif points:
        raise MalformedField("prizes.points", "stands beside a coupon: a prize is one or the other")
    count = clean_integer(prize.count, "prizes.count", 1, MOST_PRIZES)
    return Prize(clean_text(prize.name, "prizes.name", 100), count, points, prize.coupon)
