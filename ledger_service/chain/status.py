"""The bridge's state for people and dashboards; knows the tables only, no node and no chain library."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from ledger_service.chain.models import chain_alarm, chain_applied, chain_batch, chain_cursor, chain_period

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


def open_period(conn: Connection) -> int | None:
    """The settlement period after the last closed one; None while nothing of the chain was seen."""
    if conn.execute(select(chain_cursor.c.number)).first() is None:
        return None
    closed = conn.execute(select(func.max(chain_period.c.period))).scalar()
    return 1 if closed is None else int(closed) + 1
