"""Periods, nets and lines as the mirror has them, for who may see them."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import Connection, select

from ledger_service.chain.errors import PeriodUnknown
from ledger_service.chain.models import chain_net
from ledger_service.chain.period_lines import period_lines
from ledger_service.chain.status import close_of, open_period
from ledger_service.kernel.obligations import ObligationLine

_MOST_READ = 5_000
Place = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Period:
    """A period: open, closed in a block that can still be undone, or closed for good."""

    number: int
    closed: bool
    final: bool


class Lines(NamedTuple):
    """Some lines of a period, and the place behind which it goes on; None at its end."""

    lines: list[ObligationLine]
    behind: Place | None


def periods_after(conn: Connection, after: int, most: int) -> list[Period]:
    """Periods in order, the open one last."""
    now = open_period(conn) or 1
    return [_period(conn, number, now) for number in range(after + 1, min(after + most, now) + 1)]


def period_of(conn: Connection, number: int) -> Period:
    """The period.

    Raises:
        PeriodUnknown: it has not begun.
    """
    now = open_period(conn) or 1
    if not 1 <= number <= now:
        raise PeriodUnknown(number)
    return _period(conn, number, now)


def nets_of_period(conn: Connection, number: int) -> dict[int, int]:
    """Micros that each merchant is owed less what it owes, as the contract adds them up."""
    net = chain_net.c
    rows = conn.execute(
        select(net.merchant, net.net_micros).where(net.period == number).order_by(net.merchant)
    )
    return {merchant: int(micros) for merchant, micros in rows}


def lines_behind(conn: Connection, period: int, merchant: int | None, at: tuple[Place | None, int]) -> Lines:
    """The next lines that a merchant owes or is owed, or all of them.

    Args:
        conn: a snapshot.
        period: its number.
        merchant: whose; None for everybody's.
        at: the place behind which to begin, and how many at most. Of a merchant with few lines fewer may
            come, with more behind: no call reads more than some thousands.
    """
    after, most = at
    begun = (0, -1, -1) if after is None else after
    found: list[ObligationLine] = []
    with closing(period_lines(conn, period, begun[0])) as lines:
        fresh = (line for line in lines if line.place > begun)
        for read, line in enumerate(fresh):
            if len(found) == most or read == _MOST_READ:
                return Lines(found, after)
            found += [line] if merchant in (None, line.debtor, line.creditor) else []
            after = line.place
    return Lines(found, None)


def _period(conn: Connection, number: int, now: int) -> Period:
    if number == now:
        return Period(number, closed=False, final=False)
    block, final = close_of(conn, number)
    return Period(number, closed=True, final=block <= final)
