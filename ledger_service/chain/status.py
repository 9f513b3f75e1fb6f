"""The bridge's state for people and dashboards; knows the tables only, no node and no chain library."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select

from ledger_service.chain.models import (
    chain_alarm,
    chain_applied,
    chain_batch,
    chain_block,
    chain_counter,
    chain_cursor,
    chain_leader,
    chain_merchant_keys,
    chain_net,
    chain_period,
)
from ledger_service.kernel.clock import instant_of_seconds

_MOST_ALARMS = 100


@dataclass(frozen=True, slots=True)
class Alarm:
    """Something that a person has to look at."""

    code: str
    subject: str
    detail: str


@dataclass(frozen=True, slots=True)
class ChainStatus:
    """Where the mirror stands: indexed block, last batch in it, last batch sent, open period, alarms.

    Numbers are None before anything was indexed or sent.
    """

    block_number: int | None
    final_block: int | None
    last_batch: int | None
    last_batch_sent: int | None
    period: int
    alarms: tuple[Alarm, ...]


def chain_status(conn: Connection) -> ChainStatus:
    """The state as a db transaction sees it."""
    cursor = conn.execute(select(chain_cursor.c.number, chain_cursor.c.final_number)).one_or_none()
    alarms = conn.execute(select(chain_alarm).limit(_MOST_ALARMS)).all()
    return ChainStatus(
        block_number=None if cursor is None else cursor.number,
        final_block=None if cursor is None else cursor.final_number,
        last_batch=conn.execute(select(func.max(chain_applied.c.number))).scalar(),
        last_batch_sent=conn.execute(select(func.max(chain_batch.c.number))).scalar(),
        period=open_period(conn) or 1,
        alarms=tuple(Alarm(a.code, a.subject, a.detail) for a in alarms),
    )


def alarm_counts(conn: Connection) -> dict[str, int]:
    """How many alarms stand, by code."""
    code = chain_alarm.c.code
    counted = select(code, func.count()).group_by(code).order_by(code)
    return {row[0]: int(row[1]) for row in conn.execute(counted)}


def leaderless_since(conn: Connection) -> datetime | None:
    """When the lease of the last leader ends or ended; None before any bridge led."""
    ends: datetime | None = conn.execute(select(chain_leader.c.expires_at)).scalar_one_or_none()
    return ends


def open_period(conn: Connection) -> int | None:
    """The settlement period after the last closed one; None while nothing of the chain was seen."""
    if conn.execute(select(chain_cursor.c.number)).first() is None:
        return None
    closed = conn.execute(select(func.max(chain_period.c.period))).scalar()
    return 1 if closed is None else int(closed) + 1


def last_close(conn: Connection) -> datetime | None:
    """When the last closed settlement period was closed, by its block's clock; None before the first."""
    p, b = chain_period.c, chain_block.c
    joined = chain_period.join(chain_block, b.number == p.block_number)
    query = select(b.timestamp).select_from(joined).order_by(p.period.desc()).limit(1)
    seconds = conn.execute(query).scalar_one_or_none()
    return None if seconds is None else instant_of_seconds(seconds)


def close_of(conn: Connection, period: int) -> tuple[int, int]:
    """The block that closed a closed period, and the last block that is final."""
    closed = select(chain_period.c.block_number).where(chain_period.c.period == period)
    final = conn.execute(select(chain_cursor.c.final_number)).scalar_one()
    return int(conn.execute(closed).scalar_one()), int(final)


def in_closed_periods(conn: Connection, batches: Sequence[int]) -> frozenset[int]:
    """Those of these batches whose settlement period is closed on chain."""
    a, p = chain_applied.c, chain_period.c
    joined = chain_applied.join(chain_period, p.period == a.period)
    query = select(a.number).select_from(joined).where(a.number.in_(list(batches)))
    return frozenset(conn.execute(query).scalars())


def time_of_block(conn: Connection, number: int) -> datetime | None:
    """When a block of the mirror was mined, by its own clock; None for one that is not in the mirror."""
    seconds = conn.execute(
        select(chain_block.c.timestamp).where(chain_block.c.number == number)
    ).scalar_one_or_none()
    return None if seconds is None else instant_of_seconds(seconds)


@dataclass(frozen=True, slots=True)
class ProgrammeTotal:
    """What the chain has counted of a programme, over all epochs, in points."""

    programme_id: int
    issued: int
    redeemed: int
    restored: int
    clawed_back: int
    expired: int

    @property
    def outstanding(self) -> int:
        """Points that members hold (INV-4)."""
        return self.issued - self.redeemed + self.restored - self.clawed_back - self.expired


def programme_totals(conn: Connection) -> list[ProgrammeTotal]:
    """The totals of every programme, by id."""
    c = chain_counter.c
    sums = [func.sum(column) for column in (c.issued, c.redeemed, c.restored, c.clawed_back, c.expired)]
    query = select(c.programme_id, *sums).group_by(c.programme_id).order_by(c.programme_id)
    return [ProgrammeTotal(row[0], *(int(figure) for figure in row[1:])) for row in conn.execute(query)]


def epoch_totals(
    conn: Connection, programme_id: int, after: int, most: int
) -> list[tuple[int, ProgrammeTotal]]:
    """(epoch, what the chain has counted of it), by epoch, for the epochs behind one.

    Args:
        conn: for reading.
        programme_id: whose epochs.
        after: the last epoch of the page before, 0 for the first.
        most: how many at most.
    """
    c = chain_counter.c
    figures = (c.issued, c.redeemed, c.restored, c.clawed_back, c.expired)
    query = select(c.epoch, *figures).where(c.programme_id == programme_id, c.epoch > after)
    found = conn.execute(query.order_by(c.epoch).limit(most))
    return [
        (int(row[0]), ProgrammeTotal(programme_id, *(int(figure) for figure in row[1:]))) for row in found
    ]


def net_positions(conn: Connection) -> list[tuple[int, int, int]]:
    """(period, merchant, net in micros) as the chain has added them up; positive is owed to the merchant."""
    n = chain_net.c
    query = select(n.period, n.merchant, n.net_micros).order_by(n.period, n.merchant)
    return [(row[0], row[1], int(row[2])) for row in conn.execute(query)]


def merchants_admitted(conn: Connection) -> list[int]:
    """Every merchant that the registry ever admitted, ascending."""
    merchant = chain_merchant_keys.c.merchant
    return list(conn.execute(select(merchant).distinct().order_by(merchant)).scalars())
